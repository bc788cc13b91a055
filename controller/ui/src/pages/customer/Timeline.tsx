// What happened to a customer, newest first: money, line, people, in sentences.
import { useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { useState, type ReactNode } from 'react';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { q } from '../../api/queries';
import type { Money, Proof, Subscription, TimelineItem } from '../../api/types';
import { Bones, Card, Empty, Failed } from '../../components/ui';
import * as f from '../../shared/format';
import type { Tone } from '../../shared/state';
import { IconAlertTriangle, IconArrowsExchange, IconCash, IconHandStop, IconHistory, IconLock, IconLockOpen, IconPackage, IconPencil, IconPlugConnected, IconPlugX, IconUserPlus } from '../../shared/icons';

type Group = 'money' | 'line' | 'who';
interface Told {
  group: Group;
  tone: Tone;
  icon: ReactNode;
  title: string;
  sub: string;
}

type T = TFunction;

export function actorName(actor: TimelineItem['actor']): string {
  if (actor === null) return '';
  return typeof actor === 'string' ? actor : actor.name;
}

function asMoney(value: unknown): Money | null {
  if (typeof value !== 'object' || value === null) return null;
  const m = value as Partial<Money>;
  return typeof m.minor === 'number' && typeof m.currency === 'string' ? { minor: m.minor, currency: m.currency } : null;
}
const word = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

/** One event as a sentence. A kind that these pages do not know is shown by its own name rather than left out. */
export function tell(item: TimelineItem, t: T, exists: (key: string) => boolean): Told {
  const d = item.data;
  const by = actorName(item.actor);
  const kind = item.kind.replaceAll('.', '_');
  const amount = asMoney(d['amount']) ?? asMoney(d);
  const reasonKey = `hold.reason.${word(d['reason'])}`;
  const reason = exists(reasonKey) ? t(reasonKey as 'hold.reason.staff') : word(d['reason']);
  const join = (...parts: string[]) => parts.filter((p) => p !== '').join(' · ');
  if (/^payment/.test(kind) || /^receipt/.test(kind))
    return {
      group: 'money',
      tone: 'green',
      icon: <IconCash />,
      title: amount ? t('event.payment', { amount: f.money(amount), method: method(word(d['method']) || 'cash', t, exists) }) : t('event.payment_plain'),
      sub: join(by, word(d['number'])),
    };
  if (/^hold_(placed|added|created)/.test(kind))
    return { group: 'line', tone: 'red', icon: <IconHandStop />, title: reason ? t('event.hold', { reason }) : t('event.hold_plain'), sub: join(by, word(d['note'])) };
  if (/^hold_/.test(kind))
    return { group: 'line', tone: 'green', icon: <IconLockOpen />, title: reason ? t('event.released', { reason }) : t('event.released_plain'), sub: join(by, word(d['note'])) };
  if (/^line_(verified|proved|proof)/.test(kind) || (kind === 'line_state' && d['state'] === 'verified')) {
    const open = d['open'] !== false;
    return {
      group: 'line',
      tone: open ? 'green' : 'red',
      icon: open ? <IconLockOpen /> : <IconLock />,
      title: open ? t('event.verified_open') : t('event.verified_held'),
      sub: join(by, t(open ? 'event.verified_open_sub' : 'event.verified_held_sub')),
    };
  }
  if (/^line_failed/.test(kind) || (kind === 'line_state' && d['state'] === 'failed'))
    return { group: 'line', tone: 'red', icon: <IconAlertTriangle />, title: t('event.line_failed'), sub: join(by, word(d['detail']) || word(d['reason'])) };
  if (/^customer_(created|added)/.test(kind)) return { group: 'who', tone: 'blue', icon: <IconUserPlus />, title: t('event.customer_created'), sub: by };
  if (/^customer_moved_/.test(kind))
    return { group: 'who', tone: 'blue', icon: <IconArrowsExchange />, title: t(kind === 'customer_moved_in' ? 'event.moved_in' : 'event.moved_out'), sub: join(by, word(d['reason'])) };
  if (/^customer/.test(kind)) return { group: 'who', tone: 'grey', icon: <IconPencil />, title: t('event.customer_changed'), sub: join(by, word(d['fields'])) };
  if (/^subscription_(created|added|opened|started)/.test(kind))
    return { group: 'line', tone: 'blue', icon: <IconPlugConnected />, title: t('event.line_created'), sub: join(by, word(d['package']) || word(d['package_name'])) };
  if (/^subscription_(ended|removed)/.test(kind)) return { group: 'line', tone: 'grey', icon: <IconPlugX />, title: t('event.line_ended'), sub: by };
  if (kind === 'subscription_password_shown') return { group: 'line', tone: 'grey', icon: <IconLockOpen />, title: t('event.password_shown'), sub: by };
  const after = typeof d['after'] === 'object' && d['after'] !== null ? (d['after'] as Record<string, unknown>) : {};
  if (kind === 'subscription_paid_until')
    return {
      group: 'money',
      tone: 'green',
      icon: <IconPackage />,
      title: word(after['paid_until']) ? t('event.renewed_until', { time: f.dayTime(word(after['paid_until'])) }) : t('event.renewed'),
      sub: join(by, word(d['package']) || word(d['package_name'])),
    };
  if (/^subscription/.test(kind)) return { group: 'line', tone: 'grey', icon: <IconPackage />, title: t('event.line_changed'), sub: by };
  return { group: 'who', tone: 'grey', icon: <IconHistory />, title: humane(item.kind), sub: by };
}

export function method(name: string, t: T, exists: (key: string) => boolean): string {
  const key = `method.${name}`;
  return exists(key) ? t(key as 'method.cash') : name;
}

function humane(kind: string): string {
  const text = kind.replaceAll(/[._]/g, ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Proofs are no events of the books, but they are what happened: each that changed the word about the line. */
export function provenItems(proofs: Proof[], router: string): TimelineItem[] {
  const out: TimelineItem[] = [];
  const oldestFirst = [...proofs].reverse();
  let before = '';
  for (const p of oldestFirst) {
    if (p.outcome !== 'verified' && p.outcome !== 'failed') continue;
    const open = p.observed ? !p.observed.closed : true;
    const word = `${p.outcome}-${open}-${p.generation}`;
    if (word !== before) {
      out.push({ at: p.at, kind: `line.${p.outcome}`, data: { open, detail: p.reason ?? '' }, actor: router });
    }
    before = word;
  }
  return out;
}

export function Timeline({ customerId, sub }: { customerId: string; sub: Subscription | undefined }) {
  const { t, i18n } = useTranslation();
  const query = useQuery(q.timeline(customerId));
  const proofs = useQuery({ ...q.proofs(sub?.id ?? ''), enabled: sub !== undefined }).data?.items ?? [];
  const [only, setOnly] = useState<Group | 'all'>('all');
  const items = [...(query.data?.items ?? []), ...provenItems(proofs, sub?.router.name ?? '')].sort((a, b) => b.at.localeCompare(a.at));
  const told = items.map((item) => ({ item, ...tell(item, t, (key) => i18n.exists(key)) }));
  const shown = told.filter((x) => only === 'all' || x.group === only);
  const days = [...new Set(shown.map((x) => f.dayKey(x.item.at)))];
  return (
    <Card
      title={t('timeline.title')}
      aside={
        <div className="lm-chips" role="group" aria-label={t('timeline.only')}>
          {(['all', 'money', 'line'] as const).map((key) => (
            <button key={key} type="button" className={clsx('lm-chip', only === key && 'lm-on')} aria-pressed={only === key} onClick={() => setOnly(key)}>
              {t(`timeline.${key}`)}
            </button>
          ))}
        </div>
      }
    >
      {query.isError && !query.data ? (
        <Failed error={query.error} what={t('timeline.title')} retry={() => void query.refetch()} />
      ) : !query.data ? (
        <Bones rows={5} />
      ) : shown.length === 0 ? (
        <Empty icon={<IconHistory />} title={t('timeline.none')} />
      ) : (
        <div className="lm-timeline">
          {days.map((key) => (
            <div key={key}>
              <h3>{dayName(key)}</h3>
              <ol>
                {shown
                  .filter((x) => f.dayKey(x.item.at) === key)
                  .map((x, i) => (
                    <li key={`${x.item.at}-${x.item.kind}-${i}`}>
                      <span className={clsx('lm-event-icon', `lm-${x.tone}`)} aria-hidden>
                        {x.icon}
                      </span>
                      <div>
                        <strong>{x.title}</strong>
                        {x.sub && <small>{x.sub}</small>}
                      </div>
                      <time dateTime={x.item.at}>{f.clock(x.item.at, 'second')}</time>
                    </li>
                  ))}
              </ol>
            </div>
          ))}
        </div>
      )}
    </Card>
  );

  function dayName(key: string): string {
    const noon = `${key}T06:00:00Z`;
    const ago = -f.daysUntil(noon);
    if (ago === 0) return t('time.today', { day: f.day(noon, true) });
    if (ago === 1) return t('time.yesterday', { day: f.day(noon, true) });
    return f.day(noon, true);
  }
}
