// The last fifteen minutes of a line, moving.
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { useLink, useRates, live } from '../../api/live';
import type { Subscription } from '../../api/types';
import { Bones, Card, Empty, Legend, Pill } from '../../components/ui';
import * as f from '../../shared/format';
import { IconActivity } from '../../shared/icons';

const RateChart = lazy(() => import('./RateChart').then((m) => ({ default: m.RateChart })));

export function LiveRate({ sub }: { sub: Subscription }) {
  const { t } = useTranslation();
  const rates = useRates(sub.id);
  const stale = useLink() === 'reconnecting';
  const last = rates?.[rates.length - 1];
  const held = sub.line.open ? null : (sub.line.steps.applied_at ?? sub.line.steps.verified_at ?? sub.holds[0]?.placed_at ?? null);
  return (
    <Card
      className="lm-fill"
      title={t('rate.title')}
      sub={t('rate.window')}
      aside={
        <Legend
          items={[
            { tone: 'down', label: t('rate.down'), value: last?.online ? f.bps(last.down_bps) : '–' },
            { tone: 'up', label: t('rate.up'), value: last?.online ? f.bps(last.up_bps) : '–' },
          ]}
        />
      }
    >
      <div className="lm-rate-state">
        {stale ? (
          <Pill tone="amber">{t('live.as_of', { time: f.clock(live.brokeAt ?? Date.now(), 'second') })}</Pill>
        ) : sub.line.agent_away ? (
          <Pill tone="amber">{t('rate.agent_away')}</Pill>
        ) : (
          <Pill tone={last ? 'green' : 'grey'}>{last ? t('rate.every', { n: f.int(5) }) : t('rate.waiting')}</Pill>
        )}
      </div>
      {rates && rates.length > 0 ? (
        <Suspense fallback={<Bones rows={4} />}>
          <RateChart rates={rates} packageDown={sub.package.down_bps} heldSince={held} stale={stale} />
        </Suspense>
      ) : (
        <Empty icon={<IconActivity />} title={t('rate.none')} text={sub.line.agent_away ? t('rate.none_away') : t('rate.none_text')} />
      )}
    </Card>
  );
}
