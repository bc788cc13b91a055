// "1 minute", "30 days", "1 month": how long a package lasts.
import type { TFunction } from 'i18next';
import type { Package } from '../api/types';
import * as f from './format';

export function validityText(t: TFunction, p: Pick<Package, 'validity_value' | 'validity_unit'>): string {
  return t(`validity.${p.validity_unit}`, { count: p.validity_value, n: f.int(p.validity_value) });
}
export function speedText(p: Pick<Package, 'down_bps' | 'up_bps'>): string {
  return p.down_bps === p.up_bps ? f.bps(p.down_bps) : `${f.bps(p.down_bps)} / ${f.bps(p.up_bps)}`;
}
