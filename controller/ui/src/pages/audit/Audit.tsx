// Who did what, when and from where, before and after. The address holds the filters, so that it can be sent on.
import { Button, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { Fragment, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { download } from '../../api/client';
import { qo, type AuditEntry, type AuditFilter } from '../../api/office';
import { q } from '../../api/queries';
import { complained } from '../../components/say';
import { Bones, Copy, Empty, Failed, PageHead, useTitle } from '../../components/ui';
import type { AuditSearch } from '../../console/router';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconChevronDown, IconChevronRight, IconDownload, IconHistory, IconRefresh, IconShieldCheck } from '../../shared/icons';
import { Entry } from './Entry';
import { eventTone, subjectName, useAuditWords } from './words';

const PAGE = 50;
/** What can be asked for by kind: everything that begins so. */
const GROUPS = ['customer', 'subscription', 'hold', 'payment', 'package', 'area', 'pop', 'router', 'agent', 'dunning', 'staff', 'role', 'session', 'token', 'approval', 'branch', 'reseller', 'settings', 'notice', 'notice_template', 'notice_channel', 'backup', 'audit', 'person'];
const ACTORS = ['staff', 'system', 'agent', 'customer'];

/** A day of the branch as the moment in which it begins. */
export function dayStart(day: string, plus = 0): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const noon = Date.parse(`${day}T12:00:00Z`) + plus * 86_400_000;
  if (Number.isNaN(noon)) return undefined;
  const key = new Date(noon).toISOString().slice(0, 10);
  // Walk back from noon UTC to the first moment that the branch still calls by this day.
  let at = Date.parse(`${key}T00:00:00Z`) - 14 * 3_600_000;
  while (f.dayKey(at) < key) at += 15 * 60_000;
  return new Date(at).toISOString();
}

export function filterOf(search: AuditSearch): AuditFilter {
  const out: AuditFilter = {};
  for (const key of ['actor_kind', 'actor_id', 'subject_kind', 'subject_id', 'customer_id'] as const) if (search[key]) out[key] = search[key];
  if (search.kind) out.kind = search.kind.includes('.') ? search.kind : `${search.kind}.*`;
  const from = search.from ? dayStart(search.from) : undefined;
  const until = search.until ? dayStart(search.until, 1) : undefined;
  if (from) out.from = from;
  if (until) out.until = until;
  return out;
}

export function Audit() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: '/shell/audit' });
  const words = useAuditWords();
  const me = useQuery(q.me).data;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items ?? [];
  const filter = filterOf(search);
  const list = useQuery(qo.audit({ ...filter, limit: PAGE, ...(search.after ? { after: search.after } : {}) }));
  const [open, setOpen] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useTitle(t('audit.title'));
  const set = (next: AuditSearch) => {
    const { after: _, ...old } = search;
    void navigate({ to: '/audit', search: clean({ ...old, ...next }), replace: true });
  };
  const narrowed = Boolean(search.kind || search.actor_kind || search.actor_id || search.subject_kind || search.subject_id || search.customer_id || search.from || search.until);
  const save = async () => {
    setBusy(true);
    try {
      await download('/audit/export', { ...filter }, `audit-${f.dayKey(Date.now())}.csv`);
    } catch (error) {
      complained(error, t('error.unexpected'));
    } finally {
      setBusy(false);
    }
  };
  const items = list.data?.items ?? [];
  const only: { key: string; label: string; off: AuditSearch }[] = [];
  if (search.actor_id) only.push({ key: 'actor', label: t('audit.only_by', { name: items.find((e) => e.actor.id === search.actor_id)?.actor.name ?? search.actor_id.slice(-6) }), off: { actor_id: '' } });
  if (search.subject_kind) {
    const named = search.subject_id ? items.map(subjectName).find(Boolean) : undefined;
    only.push({ key: 'subject', label: t('audit.only_of', { what: [words.subject(search.subject_kind), named ?? (search.subject_id && search.subject_id !== 'all' ? `…${search.subject_id.slice(-6)}` : '')].filter(Boolean).join(' ') }), off: { subject_kind: '', subject_id: '' } });
  }
  if (search.customer_id) only.push({ key: 'customer', label: t('audit.only_customer'), off: { customer_id: '' } });
  return (
    <>
      <PageHead
        title={t('audit.title')}
        sub={t('audit.sub', { zone: f.timeZone() })}
        actions={
          <>
            <Button variant="default" leftSection={<IconRefresh aria-hidden />} loading={list.isFetching && !list.isPending && !list.isPlaceholderData} onClick={() => void list.refetch()}>
              {t('audit.refresh')}
            </Button>
            {can(me, 'events:export') && (
              <Button variant="default" leftSection={<IconDownload aria-hidden />} loading={busy} onClick={() => void save()}>
                CSV
              </Button>
            )}
          </>
        }
      />
      <Seal />
      <div className="lm-filters">
        <Select className="lm-filter" aria-label={t('audit.filter_kind')} placeholder={t('audit.filter_kind')} clearable searchable nothingFoundMessage={t('state.nothing')} data={GROUPS.map((kind) => ({ value: kind, label: words.subject(kind) }))} value={search.kind ?? null} onChange={(kind) => set({ kind: kind ?? '' })} />
        <Select className="lm-filter" aria-label={t('audit.filter_actor')} placeholder={t('audit.filter_actor')} clearable data={ACTORS.map((kind) => ({ value: kind, label: words.actorKind(kind) }))} value={search.actor_kind ?? null} onChange={(kind) => set({ actor_kind: kind ?? '' })} />
        <label className="lm-filter-day">
          <span>{t('audit.since')}</span>
          <TextInput type="date" value={search.from ?? ''} max={search.until} onChange={(e) => set({ from: e.currentTarget.value })} />
        </label>
        <label className="lm-filter-day">
          <span>{t('audit.until')}</span>
          <TextInput type="date" value={search.until ?? ''} min={search.from} onChange={(e) => set({ until: e.currentTarget.value })} />
        </label>
        {only.map((one) => (
          <button key={one.key} type="button" className="lm-chip lm-on" onClick={() => set(one.off)} aria-label={t('audit.drop', { what: one.label })}>
            {one.label} ×
          </button>
        ))}
        {narrowed && (
          <Button variant="subtle" size="xs" onClick={() => void navigate({ to: '/audit', search: {} })}>
            {t('customers.clear')}
          </Button>
        )}
      </div>
      <section className="lm-card lm-flush lm-table-card">
        {list.isError && !list.data ? (
          <Failed error={list.error} what={t('audit.title')} retry={() => void list.refetch()} />
        ) : !list.data ? (
          <Bones rows={8} tall />
        ) : items.length === 0 ? (
          <Empty
            icon={<IconHistory />}
            title={narrowed ? t('audit.none_match') : t('audit.none')}
            text={narrowed ? t('audit.none_match_text') : t('audit.none_text')}
            action={
              narrowed && (
                <Button variant="default" size="xs" onClick={() => void navigate({ to: '/audit', search: {} })}>
                  {t('customers.clear')}
                </Button>
              )
            }
          />
        ) : (
          <table className={clsx('lm-table lm-audit', list.isPlaceholderData && 'lm-waiting')}>
            <thead>
              <tr>
                <th scope="col">{t('audit.when')}</th>
                <th scope="col" className="lm-wide">
                  {t('audit.who')}
                </th>
                <th scope="col">{t('audit.what')}</th>
                <th scope="col" className="lm-wide">
                  {t('audit.changed')}
                </th>
                <th scope="col">
                  <span className="lm-hidden">{t('action.more')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((entry) => (
                <Row key={entry.id} entry={entry} open={open === entry.id} toggle={() => setOpen(open === entry.id ? null : entry.id)} branch={branches.length > 1 ? branches.find((b) => b.id === entry.branch_id)?.name : undefined} onActor={(id) => set({ actor_id: id, actor_kind: '' })} />
              ))}
            </tbody>
          </table>
        )}
      </section>
      {(search.after !== undefined || list.data?.next) && (
        <div className="lm-pager">
          <span>{t('audit.newest_first')}</span>
          <div className="lm-actions">
            {search.after !== undefined && (
              <Button variant="default" size="xs" onClick={() => set({})}>
                {t('customers.first_page')}
              </Button>
            )}
            {list.data?.next && (
              <Button variant="default" size="xs" onClick={() => void navigate({ to: '/audit', search: { ...search, after: list.data.next ?? '' } })}>
                {t('audit.older')}
              </Button>
            )}
          </div>
        </div>
      )}
    </>
  );
}

function Row({ entry, open, toggle, branch, onActor }: { entry: AuditEntry; open: boolean; toggle: () => void; branch: string | undefined; onActor: (id: string) => void }) {
  const { t } = useTranslation();
  const words = useAuditWords();
  const name = subjectName(entry);
  const first = entry.changes[0];
  const actor = words.actor(entry);
  return (
    <Fragment>
      <tr
        className={clsx('lm-row-link', open && 'lm-row-open')}
        onClick={(e) => {
          if (!(e.target as HTMLElement).closest('a,button')) toggle();
        }}
      >
        <td className="lm-nowrap">
          <time dateTime={entry.at}>{f.clock(entry.at, 'second')}</time>
          <small>{f.day(entry.at)}</small>
        </td>
        <td className="lm-wide">
          {entry.actor.id && entry.actor.kind === 'staff' ? (
            <button type="button" className="lm-name lm-bare" title={t('audit.only_by', { name: actor })} onClick={() => onActor(entry.actor.id ?? '')}>
              {actor}
            </button>
          ) : (
            <span className="lm-strong">{actor}</span>
          )}
          <small>{entry.actor.from || words.actorKind(entry.actor.kind)}</small>
        </td>
        <td>
          <span className="lm-audit-what">
            <span className={`lm-dot lm-${eventTone(entry.kind)}`} aria-hidden />
            <span className="lm-strong">{words.kind(entry.kind)}</span>
          </span>
          <small>
            {[name, branch].filter(Boolean).join(' · ') || words.subject(entry.subject_kind)}
            <span className="lm-only-phone"> · {actor}</span>
          </small>
        </td>
        <td className="lm-wide lm-audit-change">
          {first && (
            <>
              {words.field(first.field)}: <span className="lm-muted">{words.value(first.field, first.before)}</span> → <span className="lm-strong">{words.value(first.field, first.after)}</span>
              {entry.changes.length > 1 && <small>{t('audit.more_fields', { count: entry.changes.length - 1, n: f.int(entry.changes.length - 1) })}</small>}
            </>
          )}
        </td>
        <td className="lm-go">
          <button type="button" className="lm-bare" aria-expanded={open} aria-label={t('audit.details', { what: words.kind(entry.kind) })} onClick={toggle}>
            {open ? <IconChevronDown aria-hidden /> : <IconChevronRight aria-hidden />}
          </button>
        </td>
      </tr>
      {open && (
        <tr className="lm-detail">
          <td colSpan={5}>
            <Entry entry={entry} branch={branch} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}

/** How far the record is sealed; only who sees all branches is told. */
function Seal() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const all = me?.scope === undefined || me.scope === 'all';
  const seal = useQuery({ ...qo.seal, enabled: all }).data;
  if (!all || !seal) return null;
  return (
    <div className="lm-seal">
      <IconShieldCheck aria-hidden />
      <span>
        {seal.head ? t('audit.sealed_until', { time: f.dayTime(seal.head.sealed_at, 'second'), number: f.int(seal.head.seal) }) : t('audit.no_seal')}{' '}
        {seal.unsealed > 0 && t('audit.unsealed', { count: seal.unsealed, n: f.int(seal.unsealed) })} <span className="lm-muted">{t('audit.keep_head')}</span>
      </span>
      {seal.head && <Copy value={`${seal.head.seal} ${seal.head.mac}`} label={t('audit.copy_head')} />}
    </div>
  );
}

/** What is empty does not stand in the address. */
function clean(search: AuditSearch): AuditSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== '' && value !== undefined));
}
