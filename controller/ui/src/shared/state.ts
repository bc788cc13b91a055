// What a state is called and which colour it has: pure, so that it can be tested without a page.
import type { LineState, LineStep, PopState, SubState } from '../api/types';

export type Tone = 'green' | 'amber' | 'red' | 'blue' | 'grey';
export type StepKey = 'queued' | 'sent' | 'applied' | 'verified';
export type StepStatus = 'done' | 'now' | 'wait' | 'todo' | 'failed';
export interface Step {
  key: StepKey;
  status: StepStatus;
  at: string | null;
}

export type LineWord =
  | 'open_verified'
  | 'held_verified'
  | 'queued'
  | 'queued_away'
  | 'sent'
  | 'applied'
  | 'failed';

export function lineWord(line: Pick<LineState, 'state' | 'open' | 'agent_away'>): { word: LineWord; tone: Tone } {
  switch (line.state) {
    case 'verified':
      return line.open ? { word: 'open_verified', tone: 'green' } : { word: 'held_verified', tone: 'red' };
    case 'failed':
      return { word: 'failed', tone: 'red' };
    case 'queued':
      return line.agent_away ? { word: 'queued_away', tone: 'amber' } : { word: 'queued', tone: 'blue' };
    default:
      return { word: line.state, tone: 'blue' };
  }
}

const ORDER: StepKey[] = ['queued', 'sent', 'applied', 'verified'];

/** The four steps of a change with their times. A failure stands on the step that it prevented. */
export function lineSteps(line: LineState): Step[] {
  const at: Record<StepKey, string | null> = {
    queued: line.steps.queued_at,
    sent: line.steps.sent_at,
    applied: line.steps.applied_at,
    verified: line.state === 'verified' ? line.steps.verified_at : null,
  };
  const reached: Record<LineStep, number> = { queued: 0, sent: 1, applied: 2, verified: 3, failed: at.applied ? 2 : 1 };
  const last = reached[line.state];
  return ORDER.map((key, i) => {
    if (i <= last) return { key, status: 'done', at: at[key] };
    if (i > last + 1) return { key, status: 'todo', at: null };
    if (line.state === 'failed') return { key, status: 'failed', at: line.steps.failed_at };
    return { key, status: line.agent_away ? 'wait' : 'now', at: null };
  });
}

export function subTone(state: SubState | 'none'): Tone {
  switch (state) {
    case 'active':
      return 'green';
    case 'grace':
      return 'amber';
    case 'expired':
      return 'amber';
    case 'held':
      return 'red';
    default:
      return 'grey';
  }
}

export function popTone(state: PopState): Tone {
  switch (state) {
    case 'healthy':
      return 'green';
    case 'catching_up':
      return 'amber';
    case 'never':
      return 'grey';
    default:
      return 'red';
  }
}

const POP_RANK: Record<PopState, number> = { no_contact: 0, trouble: 1, catching_up: 2, never: 3, healthy: 4 };
/** Worst first, then by name. */
export function byTrouble(a: { state: PopState; name: string }, b: { state: PopState; name: string }): number {
  return POP_RANK[a.state] - POP_RANK[b.state] || a.name.localeCompare(b.name);
}

export function routerTone(state: string): Tone {
  if (['ok', 'healthy', 'reachable', 'up'].includes(state)) return 'green';
  if (['slow', 'degraded', 'stale'].includes(state)) return 'amber';
  if (['unknown', 'never', 'pending', ''].includes(state)) return 'grey';
  return 'red';
}

/** What a renewal costs now: the price less the credit, never below zero. */
export function toRenew(priceMinor: number, creditMinor: number): number {
  return Math.max(0, priceMinor - creditMinor);
}
