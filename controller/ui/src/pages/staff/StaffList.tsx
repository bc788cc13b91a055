// The people who work here: who they are, what they may do, where, and when they were last here.
import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa } from '../../api/access';
import { q } from '../../api/queries';
import { Ago, Bones, Empty, Failed, PageHead, Pill, useTitle } from '../../components/ui';
import type { StaffSearch } from '../../console/router';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconPlus, IconSearch, IconShieldLock, IconUsersGroup } from '../../shared/icons';
import { roleTitle } from '../../shared/roles';
import { Invite } from './Invite';
import { statusTone } from './words';

const PAGE = 50;
const STATES = ['active', 'invited', 'inactive'] as const;

export function StaffList() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: '/shell/staff' });
  const [typed, setTyped] = useState(search.q ?? '');
  const me = useQuery(q.me).data;
  const roles = useQuery(qa.roles).data?.items;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items;
  const list = useQuery(
    qa.staff({
      limit: PAGE,
      ...(search.q ? { search: search.q } : {}),
      ...(search.role ? { role: search.role } : {}),
      ...(search.state ? { status: search.state } : {}),
      ...(search.after ? { after: search.after } : {}),
    }),
  );
  useTitle(t('nav.staff'));
  const write = can(me, 'staff:write');
  const set = (next: StaffSearch) => {
    const { after: _, ...rest } = search;
    void navigate({ to: '/staff', search: clean({ ...rest, ...next }), replace: true });
  };
  const find = useDebouncedCallback((text: string) => set({ q: text.trim() }), 200);
  const items = list.data?.items ?? [];
  const filtered = Boolean(search.q || search.role || search.state);
  const branchName = (id: string) => branches?.find((b) => b.id === id)?.name ?? '–';
  const invite = write && (
    <Button leftSection={<IconPlus aria-hidden />} onClick={() => set({ new: true })}>
      {t('staff.invite')}
    </Button>
  );
  return (
    <>
      <PageHead title={t('nav.staff')} sub={t('staff.sub')} actions={invite} />
      <div className="lm-filters">
        <TextInput
          className="lm-filter-search"
          aria-label={t('staff.search')}
          placeholder={t('staff.search')}
          leftSection={<IconSearch aria-hidden />}
          value={typed}
          onChange={(e) => {
            setTyped(e.currentTarget.value);
            find(e.currentTarget.value);
          }}
        />
        <Select
          className="lm-filter"
          aria-label={t('staff.role')}
          placeholder={t('staff.role')}
          clearable
          data={roles?.map((r) => ({ value: r.name, label: roleTitle(t, r.name, r.title) })) ?? []}
          value={search.role ?? null}
          onChange={(role) => set({ role: role ?? '' })}
        />
        <Select
          className="lm-filter"
          aria-label={t('staff.status')}
          placeholder={t('staff.status')}
          clearable
          data={STATES.map((state) => ({ value: state, label: t(`staff.state.${state}`) }))}
          value={search.state ?? null}
          onChange={(state) => set({ state: state ?? '' })}
        />
      </div>
      <section className="lm-card lm-flush lm-table-card">
        {list.isError && !list.data ? (
          <Failed error={list.error} what={t('nav.staff')} retry={() => void list.refetch()} />
        ) : !list.data ? (
          <Bones rows={6} tall />
        ) : items.length === 0 ? (
          <Empty
            icon={<IconUsersGroup />}
            title={filtered ? t('staff.none_match') : t('staff.none')}
            text={filtered ? t('staff.none_match_text') : t('staff.none_text')}
            action={
              filtered ? (
                <Button
                  variant="default"
                  size="xs"
                  onClick={() => {
                    setTyped('');
                    set({ q: '', role: '', state: '' });
                  }}
                >
                  {t('customers.clear')}
                </Button>
              ) : (
                invite
              )
            }
          />
        ) : (
          <table className={`lm-table ${list.isPlaceholderData ? 'lm-waiting' : ''}`}>
            <thead>
              <tr>
                <th scope="col">{t('field.name')}</th>
                <th scope="col">{t('staff.role')}</th>
                <th scope="col" className="lm-wide">{t('staff.branch')}</th>
                <th scope="col" className="lm-wide">{t('factor.title')}</th>
                <th scope="col" className="lm-wide">{t('staff.last')}</th>
                <th scope="col">{t('staff.status')}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((person) => (
                <tr
                  key={person.id}
                  className={`lm-row-link ${person.status === 'inactive' ? 'lm-faded' : ''}`}
                  onClick={(e) => {
                    if (!(e.target as HTMLElement).closest('a,button')) void navigate({ to: '/staff/$id', params: { id: person.id } });
                  }}
                >
                  <td>
                    <Link to="/staff/$id" params={{ id: person.id }} className="lm-name">
                      {person.name}
                    </Link>
                    <small>{person.username}</small>
                  </td>
                  <td>{roleTitle(t, person.role, person.role_title)}</td>
                  <td className="lm-wide">
                    {person.scope === 'all' ? t('branch.all') : branchName(person.branch_id)}
                    {person.scope !== 'all' && person.further_branch_ids.length > 0 && <small>{t('staff.more_branches', { count: person.further_branch_ids.length, n: f.int(person.further_branch_ids.length) })}</small>}
                  </td>
                  <td className="lm-wide">
                    {person.second_factor ? (
                      <span className="lm-dotted lm-green-text">
                        <IconShieldLock aria-hidden /> {t('factor.on')}
                      </span>
                    ) : (
                      <span className="lm-muted">{t('factor.off')}</span>
                    )}
                  </td>
                  <td className="lm-wide">
                    <Ago at={person.last_sign_in_at} />
                  </td>
                  <td>
                    <Pill tone={statusTone(person.status)}>{t(`staff.state.${person.status}`)}</Pill>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {(search.after !== undefined || list.data?.next) && (
        <div className="lm-pager">
          <span />
          <div className="lm-actions">
            {search.after !== undefined && (
              <Button variant="default" size="xs" onClick={() => set({})}>
                {t('customers.first_page')}
              </Button>
            )}
            {list.data?.next && (
              <Button variant="default" size="xs" onClick={() => void navigate({ to: '/staff', search: { ...search, after: list.data.next ?? '' } })}>
                {t('customers.next')}
              </Button>
            )}
          </div>
        </div>
      )}
      {search.new && write && <Invite onClose={() => set({ new: false })} />}
    </>
  );
}

/** What is empty does not stand in the address. */
function clean(search: StaffSearch): StaffSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== '' && value !== false && value !== undefined));
}
