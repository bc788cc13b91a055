// The way of a change: queued › sent › applied › verified, with the time of each from the first.
import clsx from 'clsx';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LineState } from '../api/types';
import * as f from '../shared/format';
import { IconCheck, IconX } from '../shared/icons';
import { lineSteps, type StepStatus } from '../shared/state';

export interface Stop {
  key: string;
  label: ReactNode;
  detail: ReactNode;
  status: StepStatus;
}

export function Steps({ stops, label }: { stops: Stop[]; label: string }) {
  return (
    <ol className="lm-steps" aria-label={label}>
      {stops.map((stop) => (
        <li key={stop.key} className={clsx(`lm-step-${stop.status}`)} aria-current={stop.status === 'now' ? 'step' : undefined}>
          <span className="lm-step-mark" aria-hidden>
            {stop.status === 'done' && <IconCheck />}
            {stop.status === 'failed' && <IconX />}
            {stop.status === 'now' && <i className="lm-spinner" />}
          </span>
          <strong>{stop.label}</strong>
          <small>{stop.detail}</small>
        </li>
      ))}
    </ol>
  );
}

export function LineSteps({ line }: { line: LineState }) {
  const { t } = useTranslation();
  const first = line.steps.queued_at;
  const stops = lineSteps(line).map((step): Stop => {
    let detail: ReactNode = '–';
    if (step.at && step.key === 'queued') detail = f.when(step.at, f.dayKey(step.at) === f.dayKey(Date.now()) ? 'hundredth' : 'second');
    else if (step.at && first) detail = f.offset(first, step.at);
    else if (step.status === 'now') detail = step.key === 'verified' ? t('step.reading_back') : t('step.now');
    else if (step.status === 'wait') detail = t('step.waiting');
    const label = step.status === 'failed' ? t('step.failed') : t(`step.${step.key}`);
    return { key: step.key, label, detail, status: step.status };
  });
  return <Steps stops={stops} label={t('line.steps_label')} />;
}
