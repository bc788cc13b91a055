// Usage by day of this month, in the branch's time zone. What could not be counted is said, with its time.
import { ActionIcon } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../../api/queries';
import type { Subscription, UsageDays } from '../../api/types';
import { Bones, Card, Failed, Legend, Note } from '../../components/ui';
import * as f from '../../shared/format';
import { IconChevronRight } from '../../shared/icons';

/** First and last day of a month, so many months from this one; the present one ends today. */
export function monthRange(today: string, back: number): { from: string; to: string; days: number } {
  const [year = 1970, month = 1] = today.split('-').map(Number);
  const first = new Date(Date.UTC(year, month - 1 - back, 1));
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0));
  const end = last.toISOString().slice(0, 10);
  return { from: first.toISOString().slice(0, 10), to: back === 0 ? today : end, days: last.getUTCDate() };
}

/** A ceiling for the axis that divides well. */
export function niceMax(value: number): number {
  if (value <= 0) return 1e9;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((m) => m >= value) ?? value;
}

export function UsageCard({ sub }: { sub: Subscription }) {
  const { t } = useTranslation();
  const [back, setBack] = useState(0);
  const today = f.dayKey(Date.now());
  const range = monthRange(today, back);
  const usage = useQuery(q.usage(sub.id, range.from, range.to));
  const month = new Intl.DateTimeFormat(document.documentElement.lang === 'bn' ? 'bn-BD' : 'en-GB', { timeZone: 'UTC', month: 'long', year: back > 0 ? 'numeric' : undefined }).format(Date.parse(range.from));
  const data = usage.data;
  return (
    <Card
      title={t('usage.title')}
      sub={`${month}, ${f.timeZone()}`}
      aside={
        <>
          <Legend
            items={[
              { tone: 'down', label: t('rate.down') },
              { tone: 'up', label: t('rate.up') },
            ]}
          />
          <ActionIcon variant="subtle" color="gray" size={28} className="lm-flip lm-quiet" aria-label={t('usage.earlier')} onClick={() => setBack(back + 1)}>
            <IconChevronRight aria-hidden />
          </ActionIcon>
          <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('usage.later')} disabled={back === 0} onClick={() => setBack(Math.max(0, back - 1))}>
            <IconChevronRight aria-hidden />
          </ActionIcon>
        </>
      }
    >
      {usage.isError && !data ? (
        <Failed error={usage.error} what={t('usage.title')} retry={() => void usage.refetch()} />
      ) : !data ? (
        <Bones rows={4} />
      ) : (
        <>
          <p className="lm-usage-sum">
            <strong>{f.bytes(data.down_octets + data.up_octets)}</strong> {t('usage.sum', { down: f.bytes(data.down_octets), up: f.bytes(data.up_octets) })}
          </p>
          <Bars data={data} from={range.from} days={range.days} today={today} />
          {data.gaps.length > 0 && <Gaps data={data} />}
        </>
      )}
    </Card>
  );
}

function Bars({ data, from, days, today }: { data: UsageDays; from: string; days: number; today: string }) {
  const { t } = useTranslation();
  const byDay = new Map(data.items.map((d) => [d.date, d]));
  const max = niceMax(Math.max(0, ...data.items.map((d) => d.down_octets + d.up_octets)));
  const prefix = from.slice(0, 8);
  // Today's number is always there: its neighbours make room for it.
  const besideToday = (dayOfMonth: number) => today.startsWith(prefix) && Math.abs(dayOfMonth - Number(today.slice(8))) === 1;
  return (
    <div className="lm-bars-box">
      <div className="lm-bars-axis" aria-hidden>
        <span>{f.bytes(max)}</span>
        <span>{f.bytes(max / 2)}</span>
        <span>{f.digits('0')}</span>
      </div>
      <ol className="lm-bars">
        {Array.from({ length: days }, (_, i) => {
          const date = `${prefix}${String(i + 1).padStart(2, '0')}`;
          const d = byDay.get(date);
          const down = d?.down_octets ?? 0;
          const up = d?.up_octets ?? 0;
          const label = t('usage.bar', { day: f.day(`${date}T12:00:00Z`), down: f.bytes(down), up: f.bytes(up) });
          return (
            <li key={date} className={date === today ? 'lm-on' : undefined} title={date <= today ? label : undefined}>
              <span className="lm-hidden">{date <= today ? label : ''}</span>
              <i className="lm-bar-up" style={{ height: `${(up / max) * 100}%` }} />
              <i className="lm-bar-down" style={{ height: `${(down / max) * 100}%` }} />
              <b aria-hidden>{date === today || (i % 3 === 0 && !besideToday(i + 1)) ? f.int(i + 1) : ''}</b>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function Gaps({ data }: { data: UsageDays }) {
  const { t, i18n } = useTranslation();
  const first = data.gaps[0];
  if (!first) return null;
  const causeKey = `gap.${first.cause}`;
  const cause = i18n.exists(causeKey) ? t(causeKey as 'gap.router_reboot') : first.cause.replaceAll('_', ' ');
  const ms = Date.parse(first.to) - Date.parse(first.from);
  return (
    <Note tone="amber">
      {t('usage.gap', { time: f.dayTime(first.from), length: ms < 1_000 ? t('usage.moment') : f.duration(ms), cause })}{' '}
      {data.gaps.length > 1 && t('usage.more_gaps', { count: data.gaps.length - 1, n: f.int(data.gaps.length - 1) })}
    </Note>
  );
}
