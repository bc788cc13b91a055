// All customers: search, states as tabs with their counts, filters, sorting and paging by the server. The address
// holds it all.
import { ActionIcon, Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../../api/queries';
import { useLink } from '../../api/live';
import type { CustomerRow, ListState } from '../../api/types';
import { Bones, Empty, Failed, PageHead, Pill } from '../../components/ui';
import { SubPill } from '../../components/SubPill';
import type { CustomersSearch } from '../../console/router';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconArrowDown, IconArrowUp, IconChevronRight, IconPlus, IconSearch, IconSelector, IconUsers, IconUserSearch, IconX } from '../../shared/icons';

const NewCustomer = lazy(() => import('./NewCustomer').then((m) => ({ default: m.NewCustomer })));

const TABS: ListState[] = ['all', 'active', 'held', 'expired', 'failed', 'no_line'];
const PAGE = 50;

export function Customers() {
  const { t } = useTranslation();
  const search = useSearch({ from: '/shell/customers' });
  const navigate = useNavigate({ from: '/customers' });
  const me = useQuery(q.me).data;
  const areas = useQuery(q.areas).data;
  const packages = useQuery(q.packages).data;
  const [text, setText] = useState(search.q ?? '');
  const [trail, setTrail] = useState<string[]>([]);
  const box = useRef<HTMLInputElement>(null);
  const stale = useLink() === 'reconnecting';

  const list = useQuery(
    q.customers({
      limit: PAGE,
      ...(search.q ? { q: search.q } : {}),
      ...(search.state && search.state !== 'all' ? { state: search.state } : {}),
      ...(search.area ? { area_id: search.area } : {}),
      ...(search.reseller ? { reseller_id: search.reseller } : {}),
      ...(search.package ? { package_id: search.package } : {}),
      ...(search.sort ? { sort: search.sort } : {}),
      ...(search.after ? { after: search.after } : {}),
    }),
  );
  useEffect(() => {
    document.title = `${t('customers.title')} · Lastmile`;
  }, [t]);
  useEffect(() => setText(search.q ?? ''), [search.q]);

  // A new filter begins at the first page.
  const filter = (change: Partial<CustomersSearch>) => {
    setTrail([]);
    void navigate({ search: (old) => prune({ ...old, after: undefined, ...change }), replace: true });
  };
  const askSoon = useDebouncedCallback((value: string) => filter({ q: value.trim() || undefined }), 220);
  const sort = (key: string) => filter({ sort: search.sort === key ? `-${key}` : search.sort === `-${key}` ? undefined : key });

  const filtered = Boolean(search.q ?? search.area ?? search.package ?? search.reseller);
  const narrowed = filtered || (search.state !== undefined && search.state !== 'all');
  const clear = () => {
    setText('');
    filter({ q: undefined, area: undefined, package: undefined, reseller: undefined, state: undefined });
  };
  const data = list.data;
  const counts = data?.counts;
  const firstRow = trail.length * PAGE + 1;

  return (
    <>
      <PageHead
        title={t('customers.title')}
        sub={counts ? t('customers.count', { count: counts.all, n: f.int(counts.all) }) : ' '}
        actions={
          can(me, 'customers:write') &&
          (narrowed || counts?.all !== 0) && (
            <Button leftSection={<IconPlus aria-hidden />} onClick={() => void navigate({ search: (old) => ({ ...old, new: true }) })}>
              {t('customers.new')}
            </Button>
          )
        }
      />
      <div className="lm-tabs" role="tablist" aria-label={t('customers.by_state')}>
        {TABS.map((tab) => {
          const on = (search.state ?? 'all') === tab;
          return (
            <button key={tab} type="button" role="tab" aria-selected={on} className={clsx(on && 'lm-on')} onClick={() => filter({ state: tab === 'all' ? undefined : tab })}>
              {t(`customers.tab.${tab}`)}
              {counts && <b>{f.int(counts[tab] ?? 0)}</b>}
            </button>
          );
        })}
      </div>
      <div className="lm-filters">
        <TextInput
          ref={box}
          className="lm-filter-search"
          leftSection={<IconSearch aria-hidden />}
          placeholder={t('customers.search')}
          aria-label={t('customers.search')}
          value={text}
          onChange={(e) => {
            setText(e.currentTarget.value);
            askSoon(e.currentTarget.value);
          }}
          rightSection={
            text !== '' && (
              <ActionIcon
                variant="subtle"
                color="gray"
                size={24}
                aria-label={t('action.clear_search')}
                onClick={() => {
                  setText('');
                  filter({ q: undefined });
                  box.current?.focus();
                }}
              >
                <IconX aria-hidden />
              </ActionIcon>
            )
          }
        />
        <Select
          className="lm-filter"
          placeholder={t('customers.area')}
          aria-label={t('customers.area')}
          data={areas?.items.map((a) => ({ value: a.id, label: a.name })) ?? []}
          value={search.area ?? null}
          onChange={(value) => filter({ area: value ?? undefined })}
          searchable
          clearable
          nothingFoundMessage={t('state.nothing')}
          limit={60}
        />
        <Select
          className="lm-filter"
          placeholder={t('customers.package')}
          aria-label={t('customers.package')}
          data={packages?.items.map((p) => ({ value: p.id, label: p.name })) ?? []}
          value={search.package ?? null}
          onChange={(value) => filter({ package: value ?? undefined })}
          searchable
          clearable
          nothingFoundMessage={t('state.nothing')}
          limit={60}
        />
        {narrowed && (
          <Button variant="subtle" size="xs" onClick={clear}>
            {t('customers.clear')}
          </Button>
        )}
      </div>
      <section className={clsx('lm-card lm-flush lm-table-card', stale && 'lm-stale', list.isPlaceholderData && 'lm-waiting')}>
        {list.isError && !data ? (
          <Failed error={list.error} what={t('customers.title')} retry={() => void list.refetch()} />
        ) : !data ? (
          <Bones rows={12} tall />
        ) : data.items.length === 0 ? (
          narrowed ? (
            <Empty
              icon={<IconUserSearch />}
              title={t('customers.none')}
              text={t('customers.none_text')}
              action={
                <Button variant="default" size="xs" onClick={clear}>
                  {t('customers.clear')}
                </Button>
              }
            />
          ) : (
            <Empty
              icon={<IconUsers />}
              title={t('customers.first')}
              text={t('customers.first_text')}
              action={
                can(me, 'customers:write') && (
                  <Button size="xs" onClick={() => void navigate({ search: { new: true } })}>
                    {t('customers.new')}
                  </Button>
                )
              }
            />
          )
        ) : (
          <table className="lm-table lm-customers">
            <thead>
              <tr>
                <Sortable name="name" sort={search.sort} onSort={sort}>{t('customers.customer')}</Sortable>
                <th scope="col">{t('customers.status')}</th>
                <th scope="col" className="lm-wide">{t('customers.rate')}</th>
                <th scope="col" className="lm-wide">{t('customers.package')}</th>
                <th scope="col" className="lm-wider">{t('customers.area')}</th>
                <Sortable name="paid_until" sort={search.sort} onSort={sort} className="lm-wide">{t('customers.paid_until')}</Sortable>
                <th scope="col" className="lm-num lm-wide">{t('customers.credit')}</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((row) => (
                <Row key={row.id} row={row} open={() => void navigate({ to: '/customers/$id', params: { id: row.id }, search: {} })} />
              ))}
            </tbody>
          </table>
        )}
      </section>
      {data && data.total > 0 && (
        <div className="lm-pager">
          <span>
            {search.after && trail.length === 0
              ? t('customers.of_total', { total: f.int(data.total) })
              : t('customers.range', { from: f.int(firstRow), to: f.int(firstRow + data.items.length - 1), total: f.int(data.total) })}
          </span>
          <div className="lm-actions">
            <Button
              variant="default"
              size="xs"
              disabled={!search.after}
              onClick={() => {
                const back = trail.slice(0, -1);
                const after = back[back.length - 1];
                setTrail(back);
                void navigate({ search: (old) => prune({ ...old, after }) });
              }}
            >
              {search.after && trail.length <= 1 ? t('customers.first_page') : t('customers.previous')}
            </Button>
            <Button
              variant="default"
              size="xs"
              disabled={data.next === null || list.isPlaceholderData}
              onClick={() => {
                if (data.next === null) return;
                setTrail([...trail, data.next]);
                const after = data.next;
                void navigate({ search: (old) => ({ ...old, after }) });
              }}
            >
              {t('customers.next')}
            </Button>
          </div>
        </div>
      )}
      {search.new && can(me, 'customers:write') && (
        <Suspense fallback={null}>
          <NewCustomer onClose={() => void navigate({ search: (old) => prune({ ...old, new: undefined }), replace: true })} />
        </Suspense>
      )}
    </>
  );
}

function prune(search: { [K in keyof CustomersSearch]?: CustomersSearch[K] | undefined }): CustomersSearch {
  return Object.fromEntries(Object.entries(search).filter(([, v]) => v !== undefined && v !== ''));
}

function Sortable({
  name,
  sort,
  onSort,
  children,
  className,
}: {
  name: string;
  sort: string | undefined;
  onSort: (name: string) => void;
  children: string;
  className?: string;
}) {
  const up = sort === name;
  const down = sort === `-${name}`;
  return (
    <th scope="col" className={className} aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}>
      <button type="button" className="lm-sort" onClick={() => onSort(name)}>
        {children}
        {up ? <IconArrowUp aria-hidden /> : down ? <IconArrowDown aria-hidden /> : <IconSelector aria-hidden />}
      </button>
    </th>
  );
}

function Row({ row, open }: { row: CustomerRow; open: () => void }) {
  const { t } = useTranslation();
  const s = row.subscription;
  return (
    <tr
      className="lm-row-link"
      onClick={(e) => {
        // The name is the real link; the rest of the row is its larger target.
        if ((e.target as HTMLElement).closest('a,button')) return;
        open();
      }}
    >
      <td>
        <Link to="/customers/$id" params={{ id: row.id }} search={{}} className="lm-name">
          {row.name}
        </Link>
        <small>
          {row.number} · {f.digits(f.phone(row.phone))}
        </small>
        <small className="lm-narrow">{s ? s.package_name : (row.area?.name ?? '')}</small>
      </td>
      <td>
        {s ? <SubPill state={s.state} /> : <Pill tone="grey">{t('substate.none')}</Pill>}
        {s && s.line_state !== null && s.line_state !== 'verified' && (
          <small className={s.line_state === 'failed' ? 'lm-red-text' : undefined}>{t(`linestate.${s.line_state}`)}</small>
        )}
        <small className="lm-narrow">
          <Rate s={s} />
        </small>
      </td>
      <td className="lm-wide">
        <Rate s={s} />
      </td>
      <td className="lm-wide">{s?.package_name ?? '–'}</td>
      <td className="lm-wider">{row.area?.name ?? '–'}</td>
      <td className="lm-wide">{s?.paid_until ? <Until at={s.paid_until} /> : s ? t('customer.unknown') : '–'}</td>
      <td className="lm-num lm-wide">{row.credit.minor === 0 ? '–' : <b className={row.credit.minor < 0 ? 'lm-red-text' : ''}>{f.money(row.credit)}</b>}</td>
      <td className="lm-narrow lm-go" aria-hidden>
        <IconChevronRight />
      </td>
    </tr>
  );
}

function Until({ at }: { at: string }) {
  return <>{f.dayKey(at) === f.dayKey(Date.now()) ? f.clock(at) : f.day(at)}</>;
}

function Rate({ s }: { s: CustomerRow['subscription'] }) {
  const { t } = useTranslation();
  if (!s) return <>–</>;
  if (s.online === null || s.online === undefined) return <span className="lm-muted">{t('state.unknown')}</span>;
  if (!s.online)
    return (
      <span className="lm-muted lm-dotted">
        <span className="lm-dot lm-hollow" aria-hidden /> {t('state.offline')}
      </span>
    );
  return (
    <span className="lm-dotted">
      <span className="lm-dot lm-green" aria-hidden /> {s.down_bps === null ? t('state.online') : f.bps(s.down_bps)}
    </span>
  );
}
