// How far a role reaches, in one word with its colour.
import { useTranslation } from 'react-i18next';
import type { RoleScope } from '../../api/types';
import type { Tone } from '../../shared/state';

export const REACHES: RoleScope[] = ['all', 'branches', 'reseller', 'assigned'];
const TONES: Record<RoleScope, Tone> = { all: 'green', branches: 'blue', reseller: 'grey', assigned: 'grey' };

export function Reach({ scope }: { scope: RoleScope }) {
  const { t } = useTranslation();
  return <span className={`lm-pill lm-plain lm-${TONES[scope]}`}>{t(`reach.short.${scope}`)}</span>;
}
