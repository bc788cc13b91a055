// The small pieces that every page is made of. State is always a dot or an icon and a word.
import { Button, CopyButton as MantineCopy } from '@mantine/core';
import clsx from 'clsx';
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../api/client';
import * as f from '../shared/format';
import { explain } from '../shared/problem';
import { IconAlertTriangle, IconCheck, IconCopy, IconInfoCircle } from '../shared/icons';
import type { Tone } from '../shared/state';

export function Pill({ tone, children, hollow }: { tone: Tone; children: ReactNode; hollow?: boolean }) {
  return (
    <span className={clsx('lm-pill', `lm-${tone}`)}>
      <span className={clsx('lm-dot', hollow && 'lm-hollow')} aria-hidden />
      {children}
    </span>
  );
}

export function Card({
  title,
  sub,
  aside,
  children,
  flush,
  className,
  id,
}: {
  title?: ReactNode;
  sub?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  flush?: boolean;
  className?: string | undefined;
  id?: string;
}) {
  return (
    <section className={clsx('lm-card', flush && 'lm-flush', className)} id={id}>
      {title !== undefined && (
        <div className="lm-card-head">
          <h2>
            {title}
            {sub !== undefined && <small>{sub}</small>}
          </h2>
          {aside !== undefined && <div className="lm-card-aside">{aside}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

export function Note({ tone = 'grey', icon, children }: { tone?: Tone; icon?: ReactNode; children: ReactNode }) {
  return (
    <div className={clsx('lm-note', `lm-${tone}`)}>
      {icon ?? <IconInfoCircle aria-hidden />}
      <div>{children}</div>
    </div>
  );
}

export function PageHead({ title, sub, actions }: { title: ReactNode; sub?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="lm-page-head">
      <div>
        <h1>{title}</h1>
        {sub !== undefined && <p>{sub}</p>}
      </div>
      {actions !== undefined && <div className="lm-actions">{actions}</div>}
    </div>
  );
}

export function KeyValues({ rows }: { rows: [ReactNode, ReactNode][] }) {
  return (
    <dl className="lm-kv">
      {rows.map(([key, value], i) => (
        <div key={i}>
          <dt>{key}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Empty({
  icon,
  title,
  text,
  action,
}: {
  icon: ReactNode;
  title: ReactNode;
  text?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="lm-empty">
      <span className="lm-empty-icon" aria-hidden>
        {icon}
      </span>
      <strong>{title}</strong>
      {text !== undefined && <p>{text}</p>}
      {action}
    </div>
  );
}

/** What could not be read: says that nothing was changed, gives a reference, offers to try again. */
export function Failed({ error, retry, what }: { error: unknown; retry?: () => void; what: string }) {
  const { t } = useTranslation();
  const problem = error instanceof Problem ? error : null;
  const text = problem ? explain(problem) : t('error.unexpected');
  return (
    <div className="lm-empty" role="alert">
      <span className="lm-empty-icon lm-red" aria-hidden>
        <IconAlertTriangle />
      </span>
      <strong>{t('error.could_not_load', { what })}</strong>
      <p>
        {text} {t('error.nothing_changed')}{' '}
        {problem?.reference && <span className="lm-nowrap">{t('error.reference', { ref: problem.reference })}</span>}
      </p>
      {retry && (
        <Button variant="default" size="xs" onClick={retry}>
          {t('action.try_again')}
        </Button>
      )}
    </div>
  );
}

/** What a write came back with, above the buttons of its form. Fields show their own message in place. */
export function ProblemNote({ problem }: { problem: Problem | null }) {
  const { t } = useTranslation();
  if (!problem) return null;
  const text = problem.offline ? t('error.offline_write') : explain(problem);
  return (
    <div role="alert">
      <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
        {text} {problem.offline || problem.fields.length > 0 ? '' : t('error.nothing_changed')}{' '}
        {problem.reference && problem.status >= 500 && t('error.reference', { ref: problem.reference })}
      </Note>
    </div>
  );
}

/** A skeleton in the shape of what comes, after 150 ms so that quick answers do not flash. */
export function Bones({ rows = 4, tall }: { rows?: number; tall?: boolean }) {
  const { t } = useTranslation();
  const late = useLate(150);
  return (
    <div className="lm-bones" role="status" aria-label={t('state.loading')}>
      {late &&
        Array.from({ length: rows }, (_, i) => (
          <div key={i} className={clsx(tall && 'lm-tall')}>
            <i style={{ width: `${[84, 62, 72, 55, 78, 66][i % 6]}%` }} />
            <i style={{ width: `${[48, 36, 52, 40, 30, 44][i % 6]}%` }} />
          </div>
        ))}
    </div>
  );
}

export function useLate(ms: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [ms]);
  return late;
}

/** What the browser's tab is called. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Lastmile`;
  }, [title]);
}

/** The time, again every so many milliseconds. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function Ago({ at, className }: { at: string | null; className?: string }) {
  const { t } = useTranslation();
  const now = useNow(1_000);
  if (at === null) return <span className={className}>{t('state.never')}</span>;
  return (
    <time className={className} dateTime={at} title={f.dayTime(at, 'second')}>
      {t('time.ago', { time: f.duration(now - Date.parse(at)) })}
    </time>
  );
}

export function Copy({ value, label }: { value: string; label: string }) {
  const { t } = useTranslation();
  return (
    <MantineCopy value={value}>
      {({ copied, copy }) => (
        <Button
          size="xs"
          variant="white"
          className="lm-copy"
          onClick={copy}
          leftSection={copied ? <IconCheck aria-hidden /> : <IconCopy aria-hidden />}
        >
          {copied ? t('action.copied') : label}
        </Button>
      )}
    </MantineCopy>
  );
}

/** A small line of what was, without axes. */
export function Spark({ values, tone = 'blue' }: { values: number[]; tone?: Tone }) {
  if (values.length < 2) return null;
  const max = Math.max(...values, 1);
  const width = 72;
  const height = 22;
  const points = values.map(
    (v, i) => `${((i / (values.length - 1)) * width).toFixed(1)},${(height - 2 - (v / max) * (height - 4)).toFixed(1)}`,
  );
  return (
    <svg className={clsx('lm-spark', `lm-${tone}`)} viewBox={`0 0 ${width} ${height}`} aria-hidden>
      <polygon points={`0,${height} ${points.join(' ')} ${width},${height}`} />
      <polyline points={points.join(' ')} />
    </svg>
  );
}

export function Legend({ items }: { items: { tone: 'down' | 'up'; label: ReactNode; value?: ReactNode }[] }) {
  return (
    <div className="lm-legend">
      {items.map((item) => (
        <span key={item.tone}>
          <i className={`lm-key-${item.tone}`} aria-hidden />
          {item.label} {item.value !== undefined && <b>{item.value}</b>}
        </span>
      ))}
    </div>
  );
}
