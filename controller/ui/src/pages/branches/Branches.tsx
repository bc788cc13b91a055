// The offices: who leads them, when they are closed, and how much each has.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qo, WEEK } from '../../api/office';
import { q } from '../../api/queries';
import { Bones, Empty, Failed, PageHead, useTitle } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconBuilding, IconPlus } from '../../shared/icons';
import { BranchForm } from './BranchForm';

export function Branches() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const me = useQuery(q.me).data;
  const list = useQuery(qo.offices);
  const [adding, setAdding] = useState(false);
  useTitle(t('nav.branches'));
  const write = can(me, 'branches:write') && (me?.scope === undefined || me.scope === 'all');
  const add = write && (
    <Button leftSection={<IconPlus aria-hidden />} onClick={() => setAdding(true)}>
      {t('branches.new')}
    </Button>
  );
  const items = list.data?.items ?? [];
  return (
    <>
      <PageHead title={t('nav.branches')} sub={t('branches.sub')} actions={items.length > 0 && add} />
      <section className="lm-card lm-flush lm-table-card">
        {list.isError && !list.data ? (
          <Failed error={list.error} what={t('nav.branches')} retry={() => void list.refetch()} />
        ) : !list.data ? (
          <Bones rows={4} tall />
        ) : items.length === 0 ? (
          <Empty icon={<IconBuilding />} title={t('branches.none')} text={t('branches.none_text')} action={add} />
        ) : (
          <table className="lm-table">
            <thead>
              <tr>
                <th scope="col">{t('field.name')}</th>
                <th scope="col" className="lm-wide">
                  {t('branches.manager')}
                </th>
                <th scope="col" className="lm-wide">
                  {t('branches.days_off')}
                </th>
                <th scope="col" className="lm-num">
                  {t('nav.customers')}
                </th>
                <th scope="col" className="lm-num lm-wide">
                  {t('nav.staff')}
                </th>
                <th scope="col" className="lm-num lm-wide">
                  {t('branches.pops')}
                </th>
                <th scope="col" className="lm-num lm-wide">
                  {t('branches.routers')}
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((office) => (
                <tr
                  key={office.id}
                  className="lm-row-link"
                  onClick={(e) => {
                    if (!(e.target as HTMLElement).closest('a,button')) void navigate({ to: '/branches/$id', params: { id: office.id } });
                  }}
                >
                  <td>
                    <Link to="/branches/$id" params={{ id: office.id }} className="lm-name">
                      {office.name}
                    </Link>
                    <small>{office.address || office.time_zone}</small>
                  </td>
                  <td className="lm-wide">{office.manager?.name ?? '–'}</td>
                  <td className="lm-wide">{WEEK.filter((day) => office.days_off.includes(day)).map((day) => t(`week.${day}`)).join(', ') || '–'}</td>
                  <td className="lm-num">{f.int(office.customers)}</td>
                  <td className="lm-num lm-wide">{f.int(office.staff)}</td>
                  <td className="lm-num lm-wide">{f.int(office.pops)}</td>
                  <td className="lm-num lm-wide">{f.int(office.routers)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {adding && <BranchForm office={undefined} onClose={() => setAdding(false)} />}
    </>
  );
}
