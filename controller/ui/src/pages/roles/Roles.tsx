// The roles: who has which, how far each reaches, and whether the office has changed it.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa, type Role } from '../../api/access';
import { q } from '../../api/queries';
import { Bones, Failed, PageHead, Pill, useTitle } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconChevronRight, IconPlus, IconShieldLock } from '../../shared/icons';
import { roleTitle } from '../../shared/roles';
import { NewRole } from './NewRole';
import { Reach } from './Reach';

export function Roles() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const me = useQuery(q.me).data;
  const roles = useQuery(qa.roles);
  const [adding, setAdding] = useState(false);
  useTitle(t('nav.roles'));
  // The widest first: that is where a mistake costs most.
  const sorted = (roles.data?.items ?? []).toSorted((a, b) => weight(b) - weight(a) || a.title.localeCompare(b.title));
  return (
    <>
      <PageHead
        title={t('nav.roles')}
        sub={t('roles.sub')}
        actions={
          can(me, 'roles:write') && (
            <Button leftSection={<IconPlus aria-hidden />} onClick={() => setAdding(true)}>
              {t('roles.new')}
            </Button>
          )
        }
      />
      <section className="lm-card lm-flush lm-table-card">
        {roles.isError && !roles.data ? (
          <Failed error={roles.error} what={t('nav.roles')} retry={() => void roles.refetch()} />
        ) : !roles.data ? (
          <Bones rows={6} tall />
        ) : (
          <table className="lm-table">
            <thead>
              <tr>
                <th scope="col">{t('staff.role')}</th>
                <th scope="col">{t('roles.reach')}</th>
                <th scope="col" className="lm-num lm-wide">{t('roles.may')}</th>
                <th scope="col" className="lm-wide">{t('factor.title')}</th>
                <th scope="col" className="lm-num">{t('roles.people')}</th>
                <th scope="col" className="lm-go">
                  <span className="lm-hidden">{t('action.more')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {sorted.map((role) => (
                <tr
                  key={role.name}
                  className="lm-row-link"
                  onClick={(e) => {
                    if (!(e.target as HTMLElement).closest('a,button')) void navigate({ to: '/roles/$name', params: { name: role.name } });
                  }}
                >
                  <td>
                    <Link to="/roles/$name" params={{ name: role.name }} className="lm-name">
                      {roleTitle(t, role.name, role.title)}
                    </Link>
                    <small>{role.built_in ? (role.edited ? t('roles.edited') : t('roles.built_in')) : t('roles.own')}</small>
                  </td>
                  <td>
                    <Reach scope={role.scope} />
                  </td>
                  <td className="lm-num lm-wide">{role.permissions.includes('*') ? t('roles.everything') : f.int(role.permissions.length)}</td>
                  <td className="lm-wide">
                    {role.second_factor ? (
                      <Pill tone="green">{t('roles.needed')}</Pill>
                    ) : (
                      <span className="lm-muted lm-dotted">
                        <IconShieldLock aria-hidden /> {t('roles.optional')}
                      </span>
                    )}
                  </td>
                  <td className="lm-num">
                    {role.people > 0 ? (
                      <Link to="/staff" search={{ role: role.name }} aria-label={t('roles.people_of', { count: role.people, n: f.int(role.people) })}>
                        {f.int(role.people)}
                      </Link>
                    ) : (
                      '–'
                    )}
                  </td>
                  <td className="lm-go">
                    <IconChevronRight aria-hidden />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {adding && <NewRole roles={sorted} onClose={() => setAdding(false)} />}
    </>
  );
}

function weight(role: Role): number {
  return role.permissions.includes('*') ? 1_000 : role.permissions.length + (role.scope === 'all' ? 100 : 0);
}
