// "1 minute", "30 days", "1 month": how long a package lasts.
import type { TFunction } from 'i18next';
import type { Package } from '../api/types';
import * as f from './format';

export function validityText(t: TFunction, p: Pick<Package, 'validity_value' | 'validity_unit'>): string {
  return t(`validity.${p.validity_unit}`, { count: p.validity_value, n: f.int(p.validity_value) });
}
/** "40 Mb/s", or both ways where they differ; 0 is no limit. */
export function speedText(t: TFunction, p: Pick<Package, 'down_bps' | 'up_bps'>): string {
  const one = (bps: number) => (bps === 0 ? t('packages.unlimited') : f.bps(bps));
  return p.down_bps === p.up_bps ? one(p.down_bps) : `${one(p.down_bps)} / ${one(p.up_bps)}`;
}
