// The state of a subscription as a pill: grace says how long it lasts.
import { useTranslation } from 'react-i18next';
import type { SubState } from '../api/types';
import * as f from '../shared/format';
import { subTone } from '../shared/state';
import { Pill } from './ui';

export function SubPill({ state, graceUntil }: { state: SubState; graceUntil?: string | null }) {
  const { t } = useTranslation();
  const left = state === 'grace' && graceUntil ? f.daysUntil(graceUntil) : 0;
  return (
    <Pill tone={subTone(state)} hollow={state === 'ended'}>
      {left > 0 ? t('substate.grace_days', { count: left, n: f.int(left) }) : t(`substate.${state}`)}
    </Pill>
  );
}
