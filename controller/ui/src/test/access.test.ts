// What the pages decide about roles, branches, navigation and codes by themselves.
import { describe, expect, it } from 'vitest';
import { Problem } from '../api/client';
import type { Staff } from '../api/types';
import { homeOf, NAV, navFor } from '../console/nav';
import { stepOf } from '../pages/setup/Setup';
import { wordOf } from '../pages/roles/NewRole';
import { digitsOf } from '../pages/signin/CodeInput';
import { mayGive } from '../pages/staff/PersonFields';
import { suggestedName } from '../pages/staff/words';
import { validBranch } from '../shared/branch';
import { deviceOf } from '../shared/device';
import { changesOf, consequences, countChanges, PLACED, toggled, type RoleDraft } from '../shared/roles';

const draft = (permissions: string[], more: Partial<RoleDraft> = {}): RoleDraft => ({ title: 'Cashier', permissions: new Set(permissions), scope: 'branches', second_factor: false, ...more });
const person = (permissions: string[]): Staff => ({ id: '1', username: 'a', name: 'A', role: 'r', permissions });

describe('the role editor', () => {
  it('gives every permission one place', () => {
    expect(new Set(PLACED).size).toBe(PLACED.length);
    expect(PLACED).toHaveLength(42);
  });
  it('gives what a permission needs with it', () => {
    expect([...toggled(new Set(), 'payments:take')].sort()).toEqual(['customers:read', 'payments:take', 'subscriptions:read']);
    expect([...toggled(new Set(), 'areas:write')].sort()).toEqual(['areas:read', 'areas:write']);
    expect([...toggled(new Set(), 'customers:read')]).toEqual(['customers:read']);
  });
  it('takes what needs a permission away with it, and nothing else', () => {
    const held = new Set(['customers:read', 'customers:write', 'subscriptions:read', 'payments:take', 'network:read', 'agents:revoke']);
    expect([...toggled(held, 'customers:read')].sort()).toEqual(['agents:revoke', 'network:read']);
    // What stood there without what it needs stays: it was not this click's.
    expect([...toggled(new Set(['payments:take', 'areas:read']), 'areas:read')]).toEqual(['payments:take']);
    expect(held.size).toBe(6);
  });
  it('counts and orders changes', () => {
    const before = draft(['customers:read', 'usage:read']);
    const after = draft(['customers:read', 'payments:read', 'customers:write'], { scope: 'all', second_factor: true });
    expect(changesOf(before, after).map((c) => [c.permission, c.given])).toEqual([
      ['customers:write', true],
      ['usage:read', false],
      ['payments:read', true],
    ]);
    expect(countChanges(before, after)).toBe(5);
    expect(countChanges(before, draft(['usage:read', 'customers:read'], { title: 'Cashier ' }))).toBe(0);
  });
  it('says what a change means', () => {
    const before = draft(['customers:read']);
    expect(consequences(before, draft(['customers:read', 'roles:write']))).toEqual([{ key: 'may', permission: 'roles:write' }]);
    expect(consequences(draft(['holds:place']), draft([]))).toEqual([{ key: 'may_not', permission: 'holds:place' }, { key: 'blind' }]);
    expect(consequences(before, draft(['customers:read', '*'], { scope: 'all' })).map((c) => c.key)).toEqual(['everything', 'wider']);
    expect(consequences(before, draft(['customers:read'], { scope: 'assigned', second_factor: true })).map((c) => c.key)).toEqual(['narrower', 'factor']);
    expect(consequences(before, draft(['customers:read', 'areas:read']))).toEqual([]);
  });
  it('makes a word of a title', () => {
    expect(wordOf('Night shift', [])).toBe('night_shift');
    expect(wordOf('Night shift', ['night_shift'])).toBe('night_shift_2');
    expect(wordOf('রাতের পালা', ['role'])).toBe('role_2');
    expect(wordOf('9 x', [])).toBe('x_role');
  });
});

describe('giving a role', () => {
  const role = (permissions: string[], scope: 'all' | 'branches' | 'assigned' = 'branches') => ({ permissions, scope });
  it('is only of what one has, and no further than one reaches', () => {
    const manager = { permissions: ['customers:read', 'staff:write'], scope: 'branches' as const };
    expect(mayGive(manager, role(['customers:read']))).toBe(true);
    expect(mayGive(manager, role(['customers:read'], 'all'))).toBe(false);
    expect(mayGive(manager, role(['payments:take']))).toBe(false);
    expect(mayGive(manager, role(['*']))).toBe(false);
    expect(mayGive({ permissions: ['*'], scope: 'all' }, role(['*'], 'all'))).toBe(true);
  });
});

describe('navigation', () => {
  it('offers only what one may do', () => {
    expect(navFor(person(['customers:read', 'staff:read'])).map((e) => e.key)).toEqual(['customers', 'staff', 'roles']);
    expect(navFor(person(['*']))).toHaveLength(NAV.length);
    expect(navFor(undefined)).toEqual([]);
  });
  it('starts where one may be', () => {
    expect(homeOf(person(['network:read']))).toBe('/network');
    expect(homeOf(person([]))).toBe('/profile');
  });
});

describe('small things', () => {
  it('a branch that is gone is all branches', () => {
    expect(validBranch('b', [{ id: 'a' }, { id: 'b' }])).toBe('b');
    expect(validBranch('c', [{ id: 'a' }])).toBeNull();
    expect(validBranch(null, [])).toBeNull();
  });
  it('codes are read however they are typed', () => {
    expect(digitsOf('407 118', 6)).toBe('407118');
    expect(digitsOf('৪০৭১১৮', 6)).toBe('407118');
    expect(digitsOf('4071189', 6)).toBe('407118');
  });
  it('a sign-in name is suggested', () => {
    expect(suggestedName('Md. Rafiqul Islam')).toBe('rafiqul.islam');
    expect(suggestedName('Farhana')).toBe('farhana');
    expect(suggestedName('ফারহানা হক')).toBe('');
  });
  it('browsers are recognised', () => {
    expect(deviceOf('Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36')).toEqual({ browser: 'Chrome', system: 'Android', phone: true });
    expect(deviceOf('Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/132.0')).toEqual({ browser: 'Firefox', system: 'Windows', phone: false });
    expect(deviceOf('')).toEqual({ browser: '', system: '', phone: false });
  });
  it('a complaint of the first run leads to its page', () => {
    const about = (field: string) => stepOf(new Problem(422, '', '', [{ field, message: 'x' }]));
    expect([about('code'), about('owner.password'), about('company.name'), about('branch.name'), about('pop.name')]).toEqual(['code', 'owner', 'company', 'branch', 'branch']);
    expect(stepOf(new Problem(500, '', ''))).toBe('check');
  });
});
