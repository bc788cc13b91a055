// What an approval is about, in words: acts that the pages know are told with their figures, later ones by their fields.
import type { TFunction } from 'i18next';
import type { Approval, ApprovalState } from '../../api/access';
import * as f from '../../shared/format';
import type { Tone } from '../../shared/state';

export interface Fact {
  key: string;
  label: string;
  now: string | null;
  then: string;
}

export function approvalTone(state: ApprovalState): Tone {
  return state === 'approved' ? 'green' : state === 'rejected' ? 'red' : state === 'pending' ? 'amber' : 'grey';
}

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const word = (value: unknown): string => (typeof value === 'string' ? value : '');

export function titleOf(t: TFunction, approval: Approval): string {
  const data = fields(approval.data);
  const name = word(data['number']);
  if (approval.kind === 'subscription.paid_until') return name ? t('approvals.kind.paid_until_of', { name }) : t('approvals.kind.paid_until');
  if (approval.kind === 'dunning.brake') {
    const lines = data['listed'];
    return typeof lines === 'number' ? t('approvals.kind.brake_of', { count: lines, n: f.int(lines) }) : t('approvals.kind.brake');
  }
  return approval.kind;
}

/** "2026-11-30T18:00:00Z" as a day and a clock of the branch; anything else as it is. */
function said(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return f.int(value);
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? f.dayTime(value) : value;
  if (typeof value === 'boolean') return value ? '✓' : '–';
  return JSON.stringify(value);
}

export function factsOf(t: TFunction, approval: Approval): Fact[] {
  const data = fields(approval.data);
  const before = fields(data['before']);
  if (approval.kind === 'subscription.paid_until') {
    return [{ key: 'paid_until', label: t('customer.paid_until'), now: said(data['before']), then: said(data['paid_until']) }];
  }
  if (approval.kind === 'dunning.brake') {
    return (['listed', 'limit', 'active_lines'] as const)
      .filter((key) => typeof data[key] === 'number')
      .map((key) => ({ key, label: t(`approvals.fact.${key}`), now: null, then: said(data[key]) }));
  }
  const after = Object.keys(fields(data['after'])).length > 0 ? fields(data['after']) : data;
  return Object.entries(after)
    .filter(([key]) => key !== 'before' && key !== 'after')
    .map(([key, value]) => ({ key, label: key, now: key in before ? said(before[key]) : null, then: said(value) }));
}
