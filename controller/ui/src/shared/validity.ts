// "1 minute", "30 days", "1 month": how long a package lasts.
import type { TFunction } from 'i18next';
import type { Package } from '../api/types';
import * as f from './format';

export function validityText(t: TFunction, p: Pick<Package, 'validity_value' | 'validity_unit'>): string {
  return t(`validity.${p.validity_unit}`, { count: p.validity_value, n: f.int(p.validity_value) });
}
/** "40 Mb/s", or down and up where they differ ("20/10 Mb/s"); 0 is no limit. */
export function speedText(t: TFunction, p: Pick<Package, 'down_bps' | 'up_bps'>): string {
  const one = (bps: number) => (bps === 0 ? t('packages.unlimited') : f.bps(bps));
  if (p.down_bps === p.up_bps) return one(p.down_bps);
  const [down = '', downUnit] = one(p.down_bps).split(' ');
  const [up = '', upUnit] = one(p.up_bps).split(' ');
  return p.down_bps > 0 && p.up_bps > 0 && downUnit === upUnit ? `${down}/${up} ${downUnit ?? ''}` : `${one(p.down_bps)} / ${one(p.up_bps)}`;
}

/** bit/s up and down of a rate limit as RouterOS writes it ("10M/20M", "10000000/20000000"); null when it is none. */
export function parseRate(text: string): { down_bps: number; up_bps: number } | null {
  const one = (part: string | undefined) => {
    const m = /^([\d.]+)([kKMG]?)$/.exec(part ?? '');
    return m ? Number(m[1]) * ({ k: 1e3, K: 1e3, M: 1e6, G: 1e9 }[m[2] ?? ''] ?? 1) : null;
  };
  const [up, down] = (text.split(' ')[0] ?? '').split('/');
  const upBps = one(up);
  const downBps = one(down);
  return upBps === null || downBps === null ? null : { down_bps: downBps, up_bps: upBps };
}

/** A router's rate limit in the words of the pages, or as it stands where it is none of ours. */
export function rateText(t: TFunction, raw: string): string {
  const rate = parseRate(raw);
  return rate ? speedText(t, rate) : raw;
}
