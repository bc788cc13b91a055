// The second step of a sign-in: a code of the app or a recovery code, or the app set up for the first time; and the
// recovery codes, shown once.
import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SignInAnswer } from '../../api/access';
import { api, Problem } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { QrPicture } from '../../components/QrPicture';
import { RecoveryCodes } from '../../components/RecoveryCodes';
import { Copy } from '../../components/ui';
import { IconArrowLeft } from '../../shared/icons';
import { CodeInput } from './CodeInput';
import { SignProblem } from './SignFrame';

interface Props {
  answer: SignInAnswer;
  username: string;
  /** Back to the name and the password. */
  onBack: () => void;
  /** Signed in. */
  onIn: () => void;
}

/** Remembers who is signed in now; nothing of somebody before stays. */
export function entered(answer: SignInAnswer): void {
  queryClient.clear();
  if (answer.staff) queryClient.setQueryData(q.me.queryKey, answer.staff);
}

export function SecondStep({ answer, username, onBack, onIn }: Props) {
  const { t } = useTranslation();
  const [recovery, setRecovery] = useState(false);
  const [codes, setCodes] = useState<string[] | null>(null);
  const enrolment = answer.enrolment;
  const form = useDraft({ code: '' }, async ({ code }) => {
    try {
      const next = await api.post<SignInAnswer>('/login/second-factor', { challenge: answer.challenge, code: code.trim() });
      entered(next);
      if (next.recovery_codes) setCodes(next.recovery_codes);
      else onIn();
    } catch (error) {
      if (error instanceof Problem && error.status === 422) form.set('code', '');
      throw error;
    }
  });
  // The code is not in the state yet when its last digit is typed.
  const sendWhenFull = () => setTimeout(() => document.querySelector<HTMLFormElement>('form.lm-second')?.requestSubmit(), 0);
  const wrong = fieldError(form.problem, 'code') === undefined ? undefined : t('second.wrong');
  const over = form.problem?.status === 401;

  if (codes) {
    return (
      <section className="lm-signin-form">
        <h1>{t('recovery.title')}</h1>
        <p className="lm-muted">{t('recovery.text')}</p>
        <RecoveryCodes codes={codes} name={username} />
        <Button size="md" fullWidth onClick={onIn}>
          {t('recovery.kept')}
        </Button>
      </section>
    );
  }
  return (
    <form className="lm-signin-form lm-second" onSubmit={(e) => void form.submit(e)} noValidate>
      <button type="button" className="lm-back" onClick={onBack}>
        <IconArrowLeft aria-hidden /> {username}
      </button>
      {enrolment ? (
        <>
          <h1>{t('enrol.title')}</h1>
          <p className="lm-muted">{t('enrol.required')}</p>
          <EnrolSteps enrolment={enrolment} />
        </>
      ) : (
        <>
          <h1>{recovery ? t('second.recovery_title') : t('second.title')}</h1>
          <p className="lm-muted">{recovery ? t('second.recovery_sub') : t('second.sub')}</p>
        </>
      )}
      {recovery ? (
        <TextInput
          label={t('second.recovery_label')}
          size="md"
          className="lm-mono-input"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          key="recovery"
          value={form.values.code}
          onChange={(e) => form.set('code', e.currentTarget.value)}
          error={wrong}
        />
      ) : (
        <CodeInput label={t('second.label')} value={form.values.code} onChange={(code) => form.set('code', code)} onFull={sendWhenFull} error={wrong} />
      )}
      {over ? (
        <>
          <SignProblem problem={form.problem} wrong={t('second.over')} />
          <Button size="md" fullWidth onClick={onBack}>
            {t('second.again')}
          </Button>
        </>
      ) : (
        <>
          <SignProblem problem={form.problem} />
          <Button type="submit" size="md" fullWidth loading={form.busy} disabled={recovery ? form.values.code.trim() === '' : form.values.code.length < 6}>
            {enrolment ? t('enrol.confirm') : t('signin.continue')}
          </Button>
        </>
      )}
      {!enrolment && (
        <div className="lm-signin-other">
          <button
            type="button"
            className="lm-link"
            onClick={() => {
              form.setProblem(null);
              form.set('code', '');
              setRecovery(!recovery);
            }}
          >
            {recovery ? t('second.use_app') : t('second.use_recovery')}
          </button>
          <p className="lm-muted">{t('second.lost')}</p>
        </div>
      )}
    </form>
  );
}

export function EnrolSteps({ enrolment }: { enrolment: NonNullable<SignInAnswer['enrolment']> }) {
  const { t } = useTranslation();
  return (
    <div className="lm-enrol">
      <QrPicture qr={enrolment.qr} label={t('enrol.qr')} />
      <ol>
        <li>{t('enrol.step_app')}</li>
        <li>{t('enrol.step_scan')}</li>
        <li>{t('enrol.step_code')}</li>
      </ol>
      <div className="lm-enrol-secret">
        <span className="lm-muted">{t('enrol.by_hand')}</span>
        <code data-testid="totp-secret">{enrolment.secret.replace(/(.{4})(?=.)/g, '$1 ')}</code>
        <Copy value={enrolment.secret} label={t('action.copy')} />
      </div>
    </div>
  );
}
