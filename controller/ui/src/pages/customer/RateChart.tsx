// The chart itself: uPlot on a canvas, fed from outside React. A gap in the readings is a gap in the line.
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Rate } from '../../api/types';
import * as f from '../../shared/format';
import { columns } from './rates';

const WINDOW_S = 15 * 60;
export function RateChart({
  rates,
  packageDown,
  heldSince,
  stale,
}: {
  rates: Rate[];
  packageDown: number;
  heldSince: string | null;
  stale: boolean;
}) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const extra = useRef({ packageDown, heldSince, packageWord: '', heldWord: '' });
  extra.current = {
    packageDown,
    heldSince,
    packageWord: t('rate.package', { rate: f.bps(packageDown) }),
    heldWord: t('rate.held'),
  };
  const latest = useRef(rates);
  latest.current = rates;
  const scheme = useComputedColorScheme('light');

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const style = getComputedStyle(document.documentElement);
    const token = (name: string) => style.getPropertyValue(name).trim();
    const font = `11px ${token('--lm-font')}`;
    const axis = { stroke: token('--lm-muted'), font, ticks: { show: false } };
    const chart = new uPlot(
      {
        width: el.clientWidth,
        height: el.clientHeight,
        // Right: half of the last clock on the axis.
        padding: [18, 18, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 6 } },
        scales: {
          x: { time: true, range: () => [Date.now() / 1000 - WINDOW_S, Date.now() / 1000] },
          y: { range: (_u, _min, max) => [0, Math.max((max ?? 0) * 1.08, extra.current.packageDown * 1.12, 1_000_000)] },
        },
        axes: [
          { ...axis, size: 30, grid: { show: false }, space: 70, values: (_u, ticks) => ticks.map((s) => f.clockShort(s * 1000)) },
          {
            ...axis,
            size: 66,
            space: 36,
            grid: { stroke: token('--lm-chart-grid'), width: 1 },
            values: (_u, ticks) => ticks.map((v) => (v === 0 ? f.digits('0') : f.bps(v))),
          },
        ],
        series: [
          {},
          { stroke: token('--lm-chart-down'), width: 1.6, fill: `color-mix(in srgb, ${token('--lm-chart-down')} 12%, transparent)`, points: { show: false } },
          { stroke: token('--lm-chart-up'), width: 1.6, points: { show: false } },
        ],
        hooks: {
          drawClear: [
            (u) => {
              const { heldSince: since, heldWord } = extra.current;
              if (!since) return;
              const from = Math.max(u.valToPos(Date.parse(since) / 1000, 'x', true), u.bbox.left);
              const to = u.bbox.left + u.bbox.width;
              if (from >= to) return;
              u.ctx.save();
              u.ctx.fillStyle = token('--lm-red-tint');
              u.ctx.fillRect(from, u.bbox.top, to - from, u.bbox.height);
              if (to - from > 60) {
                u.ctx.fillStyle = token('--lm-red-text');
                u.ctx.font = `600 ${12 * devicePixelRatio}px ${token('--lm-font')}`;
                u.ctx.textAlign = 'center';
                u.ctx.textBaseline = 'middle';
                u.ctx.fillText(heldWord, (from + to) / 2, u.bbox.top + u.bbox.height / 2);
              }
              u.ctx.restore();
            },
          ],
          draw: [
            (u) => {
              if (extra.current.packageDown <= 0) return;
              const y = u.valToPos(extra.current.packageDown, 'y', true);
              u.ctx.save();
              u.ctx.strokeStyle = token('--lm-grey');
              u.ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
              u.ctx.beginPath();
              u.ctx.moveTo(u.bbox.left, y);
              u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
              u.ctx.stroke();
              u.ctx.fillStyle = token('--lm-muted');
              u.ctx.font = `600 ${11 * devicePixelRatio}px ${token('--lm-font')}`;
              u.ctx.textAlign = 'left';
              u.ctx.textBaseline = 'bottom';
              u.ctx.fillText(extra.current.packageWord, u.bbox.left + 6 * devicePixelRatio, y - 3 * devicePixelRatio);
              u.ctx.restore();
            },
          ],
        },
      },
      columns(latest.current),
      el,
    );
    plot.current = chart;
    const sized = new ResizeObserver(() => chart.setSize({ width: el.clientWidth, height: el.clientHeight }));
    sized.observe(el);
    // The window moves on even when no reading comes.
    const timer = setInterval(() => chart.setData(columns(latest.current)), 1_000);
    return () => {
      clearInterval(timer);
      sized.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [scheme]);

  useEffect(() => plot.current?.setData(columns(rates)), [rates, heldSince]);

  const last = rates[rates.length - 1];
  return (
    <div
      ref={box}
      className={stale ? 'lm-chart lm-stale' : 'lm-chart'}
      role="img"
      aria-label={t('rate.chart_label', { down: last ? f.bps(last.down_bps) : '–', up: last ? f.bps(last.up_bps) : '–' })}
    />
  );
}
