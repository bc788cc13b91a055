// What a state is called: verified only when the router was read back, unknown never healthy.
import { describe, expect, it } from 'vitest';
import type { LineState, LineStep } from '../api/types';
import { byTrouble, lineSteps, lineWord, routerTone, toRenew } from '../shared/state';
import { sameRate } from '../pages/customer/LineCard';
import { parseRate } from '../shared/validity';
import { provenItems } from '../pages/customer/Timeline';
import { asTree } from '../pages/catalogue/Areas';
import { can } from '../shared/can';
import { keysOf } from '../api/queries';
import { columns } from '../pages/customer/rates';

const T = '2026-11-22T08:31:52.610Z';
function line(state: LineStep, more: Partial<LineState> = {}): LineState {
  return {
    state,
    open: true,
    reason: null,
    generation: '1·48',
    steps: { queued_at: T, sent_at: null, applied_at: null, verified_at: null, failed_at: null },
    wanted: { secret: 'enabled', profile: 'p', rate: '20M/20M', session: 'allowed' },
    observed: null,
    agent_away: false,
    ...more,
  };
}
const shape = (l: LineState) => lineSteps(l).map((s) => s.status).join(' ');

describe('steps of a line', () => {
  it.each([
    ['queued', 'done now todo todo'],
    ['sent', 'done done now todo'],
    ['applied', 'done done done now'],
    ['verified', 'done done done done'],
  ] as [LineStep, string][])('%s', (state, expected) => expect(shape(line(state))).toBe(expected));

  it('waits, without a spinner, while the agent is away', () => {
    expect(shape(line('queued', { agent_away: true }))).toBe('done wait todo todo');
    expect(lineWord(line('queued', { agent_away: true }))).toEqual({ word: 'queued_away', tone: 'amber' });
  });
  it('shows a failure on the step that it prevented', () => {
    const steps = { queued_at: T, sent_at: T, applied_at: T, verified_at: null, failed_at: T };
    expect(shape(line('failed', { steps }))).toBe('done done done failed');
    expect(shape(line('failed', { steps: { ...steps, applied_at: null } }))).toBe('done done failed todo');
  });
  it('never shows the time of an older proof while a change is on its way', () => {
    const steps = { queued_at: T, sent_at: T, applied_at: null, verified_at: '2026-11-21T00:00:00Z', failed_at: null };
    expect(lineSteps(line('sent', { steps }))[3]).toEqual({ key: 'verified', status: 'todo', at: null });
  });
  it('calls a line verified only when it is', () => {
    for (const state of ['queued', 'sent', 'applied', 'failed'] as LineStep[]) {
      expect(lineWord(line(state)).word).not.toContain('verified');
    }
    expect(lineWord(line('verified')).word).toBe('open_verified');
    expect(lineWord(line('verified', { open: false }))).toEqual({ word: 'held_verified', tone: 'red' });
  });
});

describe('the rest', () => {
  it('sorts the worst first', () => {
    const pops = [
      { state: 'healthy', name: 'A' },
      { state: 'catching_up', name: 'B' },
      { state: 'no_contact', name: 'C' },
      { state: 'healthy', name: 'D' },
    ] as const;
    expect([...pops].sort(byTrouble).map((p) => p.name)).toEqual(['C', 'B', 'A', 'D']);
  });
  it('an unknown router is grey, a strange word red', () => {
    expect(routerTone('unknown')).toBe('grey');
    expect(routerTone('ok')).toBe('green');
    expect(routerTone('no_route_to_host')).toBe('red');
  });
  it('compares rates as numbers', () => {
    expect(sameRate('20M/20M', '20000000/20000000')).toBe(true);
    expect(sameRate('20M/40M', '40M/20M')).toBe(false);
    expect(sameRate('', '')).toBe(true);
    expect(parseRate('10M/20M')).toEqual({ down_bps: 20e6, up_bps: 10e6 });
  });
  it('a renewal never costs less than nothing', () => {
    expect(toRenew(80000, 100000)).toBe(0);
    expect(toRenew(80000, 30000)).toBe(50000);
  });
  it('permissions', () => {
    const staff = { id: '1', username: 'a', name: 'A', role: 'r', permissions: ['payments:take', 'network:*'] };
    expect(can(staff, 'payments:take')).toBe(true);
    expect(can(staff, 'network:write')).toBe(true);
    expect(can(staff, 'holds:place')).toBe(false);
    expect(can(undefined, 'holds:place')).toBe(false);
    expect(can({ ...staff, permissions: ['*'] }, 'holds:place')).toBe(true);
  });
  it('a tree of areas survives a missing parent and a circle', () => {
    const area = (id: string, parent_id: string | null) => ({ id, name: id, parent_id, branch_id: 'b', customers: 0 });
    expect(asTree([area('b', 'a'), area('a', null), area('x', 'gone')]).map((r) => `${r.depth}${r.area.id}`)).toEqual(['0a', '1b', '0x']);
    expect(asTree([area('a', 'b'), area('b', 'a')]).map((r) => r.area.id)).toEqual(['a', 'b']);
  });
  it('a payment refreshes what it touches', () => {
    expect(keysOf('payment.taken')).toContain('subscriptions');
    expect(keysOf('weather')).toEqual([]);
  });
  it('what is set up elsewhere comes to open pages, by the kind of the thing', () => {
    expect(keysOf('settings')).toContain('settings');
    expect(keysOf('notice_template')).toContain('notice-templates');
    expect(keysOf('notice_channel')).toContain('notice-channels');
    expect(keysOf('branch')).toContain('branches');
    expect(keysOf('backup')).toEqual(['backups']);
  });
  it('tells each proof that changed the word about the line, once', () => {
    const proof = (at: string, outcome: 'applied' | 'verified', closed: boolean, generation: string) => ({
      at, outcome, generation, reason: null,
      observed: { present: true, closed, profile: '', rate: '', sessions: [], read_at: at },
    });
    const told = provenItems([proof('3', 'verified', true, '2'), proof('2', 'verified', false, '1'), proof('1', 'verified', false, '1'), proof('0', 'applied', false, '1')], 'r');
    expect(told.map((i) => `${i.at} ${String(i.data['open'])}`)).toEqual(['1 true', '3 false']);
  });
  it('a silence in the readings is a gap in the chart', () => {
    const rate = (s: number) => ({ at: new Date(s * 1000).toISOString(), down_bps: s, up_bps: 1, online: true });
    expect(columns([rate(0), rate(5), rate(100)])).toEqual([
      [0, 5, 6, 100],
      [0, 5, null, 100],
      [1, 1, null, 1],
    ]);
  });
});
