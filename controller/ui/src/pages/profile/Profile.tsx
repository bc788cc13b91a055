// My profile: who I am here, how I am reached, how I sign in, where I am signed in, and the programs that act for me.
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { q } from '../../api/queries';
import { Bones, PageHead, Pill, useTitle } from '../../components/ui';
import { can } from '../../shared/can';
import { roleTitle } from '../../shared/roles';
import { Details } from './Details';
import { Password } from './Password';
import { SecondFactorCard } from './SecondFactorCard';
import { MySessions } from './MySessions';
import { Tokens } from './Tokens';

export function Profile() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items;
  useTitle(t('nav.profile'));
  if (!me) return <Bones rows={6} tall />;
  const places =
    me.scope === 'all'
      ? t('branch.all')
      : [me.branch_id, ...(me.further_branch_ids ?? [])].map((id) => branches?.find((b) => b.id === id)?.name).filter(Boolean).join(', ');
  return (
    <>
      <PageHead
        title={me.name}
        sub={
          <>
            {me.username} · {roleTitle(t, me.role, me.role_title ?? me.role)}
            {places && ` · ${places}`} {me.second_factor && <Pill tone="green">{t('factor.on')}</Pill>}
          </>
        }
      />
      <div className="lm-columns">
        <div className="lm-column">
          <Details me={me} />
          <Password me={me} />
        </div>
        <div className="lm-column">
          <SecondFactorCard />
          <MySessions />
        </div>
      </div>
      <Tokens me={me} />
    </>
  );
}
