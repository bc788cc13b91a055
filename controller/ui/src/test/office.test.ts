// What the pages of the office compute: unsaved settings, days as moments, values in words, secrets of a provider.
import { describe, expect, it } from 'vitest';
import type { Setting } from '../api/office';
import { dayStart, filterOf } from '../pages/audit/Audit';
import { valueText } from '../pages/audit/words';
import { secretNames } from '../pages/notices/SmsForm';
import { matching, ownNow, shown, unsaved } from '../pages/settings/rules';

const setting = (more: Partial<Setting>): Setting => ({ key: 'dunning.grace_days', kind: 'integer', most: 60, least: 0, unit: 'days', choices: [], value: 7, inherited: 3, own: true, per_branch: true, differs_in: [], changed_at: null, ...more });
const words = { yes: 'yes', no: 'no', none: '–' };

describe('settings', () => {
  it('send what differs, not what was changed back', () => {
    const one = setting({});
    expect(unsaved({ 'dunning.grace_days': 5 }, [one])).toEqual({ 'dunning.grace_days': 5 });
    expect(unsaved({ 'dunning.grace_days': 7 }, [one])).toEqual({});
    expect(unsaved({ elsewhere: 1 }, [one])).toEqual({});
  });
  it('take an own value away only where there is one', () => {
    expect(unsaved({ 'dunning.grace_days': null }, [setting({})])).toEqual({ 'dunning.grace_days': null });
    expect(unsaved({ 'dunning.grace_days': null }, [setting({ own: false, value: 3 })])).toEqual({});
    expect(shown(setting({}), { 'dunning.grace_days': null })).toBe(3);
    expect(ownNow(setting({}), { 'dunning.grace_days': null })).toBe(false);
  });
  it('are found by every word', () => {
    const all = [setting({}), setting({ key: 'company.bin' })];
    expect(matching(all, 'grace days', (s) => (s.key === 'company.bin' ? 'BIN' : 'Grace')).map((s) => s.key)).toEqual(['dunning.grace_days']);
    expect(matching(all, 'nothing', () => 'Grace')).toEqual([]);
  });
});

describe('audit', () => {
  it('begins a day where the branch stands', () => {
    expect(dayStart('2026-11-22')).toBe('2026-11-21T18:00:00.000Z');
    expect(dayStart('2026-11-22', 1)).toBe('2026-11-22T18:00:00.000Z');
    expect(dayStart('22 Nov')).toBeUndefined();
  });
  it('asks for a kind and everything below it', () => {
    expect(filterOf({ kind: 'payment' })).toEqual({ kind: 'payment.*' });
    expect(filterOf({ kind: 'payment.taken', until: '2026-11-22' })).toEqual({ kind: 'payment.taken', until: '2026-11-22T18:00:00.000Z' });
  });
  it('says values as people read them', () => {
    expect(valueText('price', { minor: 80000, currency: 'BDT' }, words)).toBe('৳800');
    expect(valueText('enforce', false, words)).toBe('no');
    expect(valueText('x', null, words)).toBe('–');
    expect(valueText('permissions', ['a', 'b'], words)).toBe('a, b');
    expect(valueText('texts', [{ language: 'en', channel: 'sms', body: 'Paid: {amount}' }], words)).toBe('Paid: {amount}');
    expect(valueText('down_bps', 20_000_000, words)).toBe('20 Mb/s');
  });
});

describe('providers of SMS', () => {
  it('need the secrets that stand in braces, each once, and none of our words', () => {
    expect(secretNames({ fields: [{ name: 'key', value: '{api_key}' }, { name: 'n', value: '{to}' }], headers: [{ name: 'Authorization', value: 'Bearer {api_key} {token}' }] })).toEqual(['api_key', 'token']);
  });
});
