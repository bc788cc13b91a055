// An event in the words of the reader: its kind, the thing it is about, its fields and values. Pure but for the words.
import { useTranslation } from 'react-i18next';
import type { AuditEntry } from '../../api/office';
import * as f from '../../shared/format';
import type { Tone } from '../../shared/state';

/** `payment.taken` → "Payment taken", where no words are known. */
export function humane(text: string): string {
  const plain = text.replaceAll(/[._]/g, ' ').trim();
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

const WORST = /(revoked|deleted|removed|erased|deactivated|failed|refused|frozen|reset$)/;
const MONEY = /^(payment|ledger)\./;
const MADE = /(created|added|taken|accepted|approved|reactivated|released|joined|restored)$/;
export function eventTone(kind: string): Tone {
  if (WORST.test(kind)) return 'red';
  if (/^hold\.placed/.test(kind)) return 'amber';
  if (MONEY.test(kind) || MADE.test(kind)) return 'green';
  return 'grey';
}

const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/;
/** A value as people read it: amounts, moments, yes and no; the rest as it is. */
export function valueText(field: string, value: unknown, words: { yes: string; no: string; none: string }): string {
  if (value === null || value === undefined || value === '') return words.none;
  if (typeof value === 'boolean') return value ? words.yes : words.no;
  if (typeof value === 'number') {
    if (/_bps$/.test(field)) return f.bps(value);
    if (/_ms$/.test(field) && value > 1e11) return f.dayTime(new Date(value).toISOString(), 'second');
    return f.digits(String(value)).replace('-', '−');
  }
  if (typeof value === 'string') return MOMENT.test(value) ? f.dayTime(value, 'second') : value;
  if (Array.isArray(value)) return value.length === 0 ? words.none : value.map((x) => valueText(field, x, words)).join(', ');
  const money = value as { minor?: unknown; currency?: unknown };
  if (typeof money.minor === 'number' && typeof money.currency === 'string') return f.money({ minor: money.minor, currency: money.currency });
  // The words of a message: what it says, not how it is kept.
  const text = value as { body?: unknown };
  if (typeof text.body === 'string') return text.body;
  const named = value as { name?: unknown };
  if (typeof named.name === 'string') return named.name;
  return JSON.stringify(value);
}

export function useAuditWords() {
  const { t, i18n } = useTranslation();
  const say = (key: string, fallback: string) => (i18n.exists(key) ? t(key as 'audit.title') : fallback);
  const plain = { yes: t('audit.yes'), no: t('audit.no'), none: t('audit.nothing') };
  return {
    kind: (kind: string) => say(`audit.kind.${kind.replaceAll('.', '_')}`, humane(kind)),
    subject: (kind: string) => say(`audit.subject.${kind}`, humane(kind)),
    actor: (entry: Pick<AuditEntry, 'actor' | 'erased'>) => entry.actor.name || (entry.erased ? t('audit.erased') : say(`audit.actor.${entry.actor.kind}`, humane(entry.actor.kind))),
    actorKind: (kind: string) => say(`audit.actor.${kind}`, humane(kind)),
    field: (field: string) => {
      const last = field.split('.').pop() ?? field;
      return say(`audit.field.${field.replaceAll('.', '_')}`, say(`audit.field.${last}`, field));
    },
    value: (field: string, value: unknown) => valueText(field, value, plain),
  };
}

/** What stands beside the change that helps to understand it, without the states before and after. */
export function rest(entry: AuditEntry): [string, unknown][] {
  return Object.entries(entry.data).filter(([key, value]) => key !== 'before' && key !== 'after' && value !== null && value !== '');
}

/** The name of the thing, where the event tells it. */
export function subjectName(entry: AuditEntry): string {
  for (const state of [entry.data['after'], entry.data['before'], entry.data]) {
    const named = state as { name?: unknown; title?: unknown; number?: unknown } | null | undefined;
    for (const value of [named?.name, named?.title, named?.number]) if (typeof value === 'string' && value !== '') return value;
  }
  return '';
}
