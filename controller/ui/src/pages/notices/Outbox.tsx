// What was said to whom: every message with where it stands, and what can still be done about it.
import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qo, type Notice, type NoticeState } from '../../api/office';
import { q } from '../../api/queries';
import { LinkButton } from '../../components/LinkButton';
import { Bones, Empty, Failed, Note, PageHead, Pill, useTitle } from '../../components/ui';
import type { OutboxSearch } from '../../console/router';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconDeviceMobile, IconMail, IconSearch, IconSend } from '../../shared/icons';
import { NoticeSheet } from './NoticeSheet';
import { noticeTone, STATES, useNoticeWords } from './words';

const PAGE = 50;
/** The providers take a message in an instant: it has no tab of its own. */
const TABS: NoticeState[] = STATES.filter((state) => state !== 'sending');

export function address(notice: Pick<Notice, 'channel' | 'address'>): string {
  return notice.channel === 'sms' ? f.digits(f.phone(notice.address)) : notice.address;
}

export function Outbox() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: '/shell/outbox' });
  const words = useNoticeWords();
  const me = useQuery(q.me).data;
  const [typed, setTyped] = useState(search.q ?? '');
  const templates = useQuery(qo.templates).data?.items ?? [];
  const channels = useQuery({ ...qo.channels, enabled: can(me, 'settings:read') }).data;
  const list = useQuery(
    qo.notices({
      limit: PAGE,
      ...(search.q ? { search: search.q } : {}),
      ...(search.state ? { state: search.state } : {}),
      ...(search.channel ? { channel: search.channel } : {}),
      ...(search.template ? { template: search.template } : {}),
      ...(search.customer ? { customer_id: search.customer } : {}),
      ...(search.staff ? { staff_id: search.staff } : {}),
      ...(search.after ? { after: search.after } : {}),
    }),
  );
  useTitle(t('outbox.title'));
  const set = (next: OutboxSearch) => {
    const { after: _, ...rest } = search;
    void navigate({ to: '/outbox', search: clean({ ...rest, ...next }), replace: true });
  };
  const find = useDebouncedCallback((text: string) => set({ q: text.trim() }), 200);
  const items = list.data?.items ?? [];
  const counts = new Map(list.data?.counts.map((c) => [c.state, c.messages]));
  const filtered = Boolean(search.q || search.state || search.channel || search.template || search.customer || search.staff);
  const clear = () => {
    setTyped('');
    void navigate({ to: '/outbox', search: {} });
  };
  const trouble = channels ? (['email', 'sms'] as const).filter((key) => channels[key].enabled && channels[key].status.trouble) : [];
  const none = channels && !channels.email.enabled && !channels.sms.enabled;
  return (
    <>
      <PageHead
        title={t('outbox.title')}
        sub={t('outbox.sub')}
        actions={
          can(me, 'settings:read') && (
            <>
              <LinkButton to="/settings/$section" params={{ section: 'templates' }} search={{}} variant="default">
                {t('settings.section.templates')}
              </LinkButton>
              <LinkButton to="/settings/$section" params={{ section: 'channels' }} search={{}} variant="default">
                {t('settings.section.channels')}
              </LinkButton>
            </>
          )
        }
      />
      {none && (
        <div className="lm-gap">
          <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
            {t('outbox.no_channel')}{' '}
            <Link to="/settings/$section" params={{ section: 'channels' }} search={{}}>
              {t('outbox.set_up')}
            </Link>
          </Note>
        </div>
      )}
      {trouble.map((key) => (
        <div className="lm-gap" key={key}>
          <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
            <strong>{t('outbox.trouble', { channel: t(`channel.${key}`) })}</strong> {channels?.[key].status.trouble} {t('outbox.waiting', { count: channels?.[key].status.waiting ?? 0, n: f.int(channels?.[key].status.waiting ?? 0) })}
          </Note>
        </div>
      ))}
      <div className="lm-tabs" role="tablist" aria-label={t('outbox.states')}>
        <button type="button" role="tab" aria-selected={!search.state} className={clsx(!search.state && 'lm-on')} onClick={() => set({ state: '' })}>
          {t('outbox.all')}
        </button>
        {TABS.map((state) => (
          <button key={state} type="button" role="tab" aria-selected={search.state === state} className={clsx(search.state === state && 'lm-on')} onClick={() => set({ state })}>
            {t(`notice.state.${state}`)} {list.data && <b>{f.int((counts.get(state) ?? 0) + (state === 'queued' ? (counts.get('sending') ?? 0) : 0))}</b>}
          </button>
        ))}
        <span className="lm-tabs-note">{t('outbox.week')}</span>
      </div>
      <div className="lm-filters">
        <TextInput
          className="lm-filter-search"
          aria-label={t('outbox.search')}
          placeholder={t('outbox.search')}
          leftSection={<IconSearch aria-hidden />}
          value={typed}
          onChange={(e) => {
            setTyped(e.currentTarget.value);
            find(e.currentTarget.value);
          }}
        />
        <Select className="lm-filter" aria-label={t('outbox.channel')} placeholder={t('outbox.channel')} clearable data={(['sms', 'email'] as const).map((key) => ({ value: key, label: t(`channel.${key}`) }))} value={search.channel ?? null} onChange={(channel) => set({ channel: channel ?? '' })} />
        <Select className="lm-filter" aria-label={t('outbox.template')} placeholder={t('outbox.template')} clearable data={templates.map((x) => ({ value: x.template, label: words.template(x.template) }))} value={search.template ?? null} onChange={(template) => set({ template: template ?? '' })} />
        {(search.customer || search.staff) && (
          <button type="button" className="lm-chip lm-on" onClick={() => set({ customer: '', staff: '' })} aria-label={t('audit.drop', { what: t('outbox.one_person') })}>
            {items[0]?.recipient_name ?? t('outbox.one_person')} ×
          </button>
        )}
        {filtered && (
          <Button variant="subtle" size="xs" onClick={clear}>
            {t('customers.clear')}
          </Button>
        )}
      </div>
      <section className="lm-card lm-flush lm-table-card">
        {list.isError && !list.data ? (
          <Failed error={list.error} what={t('outbox.title')} retry={() => void list.refetch()} />
        ) : !list.data ? (
          <Bones rows={8} tall />
        ) : items.length === 0 ? (
          <Empty
            icon={<IconSend />}
            title={filtered ? t('outbox.none_match') : t('outbox.none')}
            text={filtered ? t('outbox.none_match_text') : t('outbox.none_text')}
            action={
              filtered && (
                <Button variant="default" size="xs" onClick={clear}>
                  {t('customers.clear')}
                </Button>
              )
            }
          />
        ) : (
          <table className={clsx('lm-table lm-outbox', list.isPlaceholderData && 'lm-waiting')}>
            <thead>
              <tr>
                <th scope="col">{t('outbox.to')}</th>
                <th scope="col" className="lm-wide">
                  {t('outbox.message')}
                </th>
                <th scope="col" className="lm-wide">
                  {t('outbox.by')}
                </th>
                <th scope="col">{t('outbox.state')}</th>
                <th scope="col" className="lm-num lm-wide">
                  {t('audit.when')}
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((notice) => (
                <tr
                  key={notice.id}
                  className="lm-row-link"
                  onClick={(e) => {
                    if (!(e.target as HTMLElement).closest('a,button')) set({ notice: notice.id });
                  }}
                >
                  <td>
                    <button type="button" className="lm-name lm-bare" onClick={() => set({ notice: notice.id })}>
                      {notice.recipient_name || address(notice)}
                    </button>
                    <small>{address(notice)}</small>
                    <small className="lm-only-phone">{words.template(notice.template)} · {f.when(notice.created_at)}</small>
                  </td>
                  <td className="lm-wide lm-outbox-text">
                    {words.template(notice.template)}
                    <small lang={notice.language}>{notice.subject || notice.body}</small>
                  </td>
                  <td className="lm-wide">
                    <span className="lm-dotted">
                      {notice.channel === 'sms' ? <IconDeviceMobile aria-hidden /> : <IconMail aria-hidden />}
                      {t(`channel.${notice.channel}`)}
                    </span>
                    <small>{notice.channel === 'sms' ? t('outbox.parts', { count: notice.parts, n: f.int(notice.parts) }) : (notice.provider ?? '')}</small>
                  </td>
                  <td>
                    <Pill tone={noticeTone(notice.state)}>{t(`notice.state.${notice.state}`)}</Pill>
                    {notice.reason && <small>{words.reason(notice.reason)}</small>}
                  </td>
                  <td className="lm-num lm-wide">
                    <time dateTime={notice.created_at}>{f.clock(notice.created_at, 'second')}</time>
                    <small>{f.day(notice.created_at)}</small>
                  </td>
                </tr>
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
              <Button variant="default" size="xs" onClick={() => void navigate({ to: '/outbox', search: { ...search, after: list.data.next ?? '' } })}>
                {t('audit.older')}
              </Button>
            )}
          </div>
        </div>
      )}
      {search.notice && <NoticeSheet id={search.notice} onClose={() => set({ notice: '' })} />}
    </>
  );
}

/** What is empty does not stand in the address. */
function clean(search: OutboxSearch): OutboxSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== '' && value !== undefined));
}
