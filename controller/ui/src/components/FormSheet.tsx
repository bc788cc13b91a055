// A dialog or drawer that is one form: one button that leaves everything as it is, one that sends, and below the fields
// what the server said against it.
import { Button } from '@mantine/core';
import type { ComponentProps, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Draft } from './form';
import { Dialog, Side } from './Sheet';
import { ProblemNote } from './ui';

type Shell = Omit<ComponentProps<typeof Dialog>, 'opened' | 'foot' | 'onSubmit' | 'children'>;

interface Props extends Shell {
  form: Pick<Draft<object>, 'busy' | 'problem' | 'submit'>;
  /** What the sending button does, in words; without it there is nothing to send. */
  submit?: string | undefined;
  /** What the other button says: "Cancel", unless leaving it is a decision of its own. */
  keep?: string;
  ready?: boolean;
  /** Sending cannot be taken back by a click: red. */
  danger?: boolean;
  /** The harmless button has the focus: Enter changes nothing. */
  keepFirst?: boolean;
  /** A drawer at the side, for forms with more than a few fields. */
  side?: boolean;
  children?: ReactNode;
}

export function FormSheet({ form, submit, keep, ready = true, danger = false, keepFirst = false, side = false, onClose, children, ...shell }: Props) {
  const { t } = useTranslation();
  const Frame = side ? Side : Dialog;
  const problem = <ProblemNote problem={form.problem} />;
  return (
    <Frame
      {...shell}
      opened
      onClose={onClose}
      onSubmit={(event) => void form.submit(event)}
      foot={
        <>
          <Button variant="default" onClick={onClose} {...(keepFirst ? { 'data-autofocus': true } : {})}>
            {keep ?? t('action.cancel')}
          </Button>
          {submit !== undefined && (
            <Button type="submit" className={danger ? 'lm-danger' : ''} loading={form.busy} disabled={!ready}>
              {submit}
            </Button>
          )}
        </>
      }
    >
      {side ? (
        <div className="lm-fields">
          {children}
          {problem}
        </div>
      ) : (
        <>
          {children}
          {problem}
        </>
      )}
    </Frame>
  );
}
