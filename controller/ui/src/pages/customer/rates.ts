// Readings of a rate as columns for the chart.
import type { Rate } from '../../api/types';

const GAP_S = 25;

type Series = [number[], (number | null)[], (number | null)[]];

/** Columns for the chart; a silence longer than a few readings becomes a break. */
export function columns(rates: Rate[]): Series {
  const out: Series = [[], [], []];
  let before: number | null = null;
  for (const r of rates) {
    const at = Date.parse(r.at) / 1000;
    if (before !== null && at - before > GAP_S) {
      out[0].push(before + 1);
      out[1].push(null);
      out[2].push(null);
    }
    out[0].push(at);
    out[1].push(r.down_bps);
    out[2].push(r.up_bps);
    before = at;
  }
  return out;
}
