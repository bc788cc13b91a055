// The brake or a jumping clock stopped suspensions: said on every page until a person has decided.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { q } from '../../api/queries';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconHandStop, IconSnowflake } from '../../shared/icons';

export function BrakeBanner({ hidden }: { hidden: boolean }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const may = can(me, 'dunning:read');
  const brakes = useQuery({ ...q.brakes, enabled: may }).data?.items ?? [];
  const freeze = useQuery({ ...q.freeze, enabled: may }).data;
  const brake = brakes.find((b) => b.state === 'asking');
  if (hidden || !may || (!brake && !freeze?.frozen)) return null;
  return (
    <div className="lm-banner" role="status">
      {freeze?.frozen ? <IconSnowflake aria-hidden /> : <IconHandStop aria-hidden />}
      <span>
        {freeze?.frozen ? (
          <strong>{t('banner.frozen')}</strong>
        ) : brake ? (
          <>
            <strong>{t('brake.would', { count: brake.wanted, n: f.int(brake.wanted) })}</strong> {t('brake.limit_is', { n: f.int(brake.limit) })} {t('brake.nobody')}
          </>
        ) : null}
      </span>
      <Link to="/dunning">{t('banner.look')}</Link>
    </div>
  );
}
