// My second factor: set up, renew the recovery codes, remove. Each needs a code, so that a browser left open is not enough.
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa, type Enrolment } from '../../api/access';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { RecoveryCodes } from '../../components/RecoveryCodes';
import { complained, said } from '../../components/say';
import { Dialog } from '../../components/Sheet';
import { Bones, Card, Failed, Note, Pill } from '../../components/ui';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconShieldLock } from '../../shared/icons';
import { CodeInput } from '../signin/CodeInput';
import { EnrolSteps } from '../signin/SecondStep';

const FEW = 3;

function refresh(): void {
  void queryClient.invalidateQueries({ queryKey: ['my'] });
  void queryClient.invalidateQueries({ queryKey: q.me.queryKey });
}

export function SecondFactorCard() {
  const { t } = useTranslation();
  const factor = useQuery(qa.totp);
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const [asking, setAsking] = useState<'recovery' | 'remove' | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [busy, setBusy] = useState(false);
  const me = useQuery(q.me).data;
  const info = factor.data;
  const begin = async () => {
    setBusy(true);
    try {
      setEnrolment(await api.post<Enrolment>('/me/totp/enrol'));
    } catch (error) {
      complained(error, t('error.unexpected'));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title={t('factor.title')} aside={info && <Pill tone={info.enrolled ? 'green' : info.required ? 'amber' : 'grey'}>{info.enrolled ? t('factor.on') : t('factor.off')}</Pill>}>
      {factor.isError && !info ? (
        <Failed error={factor.error} what={t('factor.title')} retry={() => void factor.refetch()} />
      ) : !info ? (
        <Bones rows={2} />
      ) : info.enrolled ? (
        <div className="lm-stack">
          <p className="lm-muted">
            {t('factor.since', { time: info.enrolled_at ? f.dayTime(info.enrolled_at) : '–' })} {t('factor.left', { count: info.recovery_codes_left, n: f.int(info.recovery_codes_left) })}
          </p>
          {info.recovery_codes_left <= FEW && (
            <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
              {t('factor.few')}
            </Note>
          )}
          <div className="lm-actions">
            <Button variant="default" onClick={() => setAsking('recovery')}>
              {t('factor.new_codes')}
            </Button>
            {info.required ? (
              <span className="lm-muted">{t('factor.required')}</span>
            ) : (
              <Button variant="subtle" className="lm-danger-quiet" onClick={() => setAsking('remove')}>
                {t('factor.remove')}
              </Button>
            )}
          </div>
        </div>
      ) : (
        <div className="lm-stack">
          <p className="lm-muted">{t('factor.why')}</p>
          <div className="lm-actions">
            <Button leftSection={<IconShieldLock aria-hidden />} loading={busy} onClick={() => void begin()}>
              {t('factor.set_up')}
            </Button>
          </div>
        </div>
      )}
      {enrolment && (
        <Enrol
          enrolment={enrolment}
          onClose={() => setEnrolment(null)}
          onDone={(made) => {
            setEnrolment(null);
            setCodes(made);
            refresh();
          }}
        />
      )}
      {asking && (
        <WithCode
          what={asking}
          onClose={() => setAsking(null)}
          onDone={(made) => {
            setAsking(null);
            if (made) setCodes(made);
            else said(t('factor.removed'));
            refresh();
          }}
        />
      )}
      {codes && (
        <Dialog opened onClose={() => setCodes(null)} title={t('recovery.title')} size={460} foot={<Button onClick={() => setCodes(null)}>{t('recovery.kept')}</Button>}>
          <p>{t('recovery.text')}</p>
          <RecoveryCodes codes={codes} name={me?.username ?? ''} />
        </Dialog>
      )}
    </Card>
  );
}

function Enrol({ enrolment, onClose, onDone }: { enrolment: Enrolment; onClose: () => void; onDone: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const form = useDraft({ code: '' }, async (v) => {
    onDone((await api.post<{ recovery_codes: string[] }>('/me/totp/confirm', v)).recovery_codes);
  });
  const wrong = fieldError(form.problem, 'code') === undefined ? undefined : t('second.wrong');
  return (
    <FormSheet form={form} onClose={onClose} size={520} title={t('enrol.title')} submit={t('enrol.confirm')} ready={form.values.code.length === 6}>
      <EnrolSteps enrolment={enrolment} />
      <CodeInput label={t('second.label')} value={form.values.code} onChange={(code) => form.set('code', code)} error={wrong} />
    </FormSheet>
  );
}

function WithCode({ what, onClose, onDone }: { what: 'recovery' | 'remove'; onClose: () => void; onDone: (codes?: string[]) => void }) {
  const { t } = useTranslation();
  const form = useDraft({ code: '' }, async ({ code }) => {
    const path = what === 'recovery' ? '/me/totp/recovery-codes' : '/me/totp/remove';
    const answer = await api.post<{ recovery_codes: string[] } | undefined>(path, { code: code.trim() });
    onDone(answer?.recovery_codes);
  });
  return (
    <FormSheet
      form={form}
      onClose={onClose}
      size={440}
      title={what === 'recovery' ? t('factor.new_codes') : t('factor.remove')}
      submit={what === 'recovery' ? t('factor.make_codes') : t('factor.remove')}
      danger={what === 'remove'}
      ready={form.values.code.trim() !== ''}
    >
      <p>{what === 'recovery' ? t('factor.new_codes_effect') : t('factor.remove_effect')}</p>
      <TextInput
        label={t('factor.code')}
        className="lm-mono-input"
        autoComplete="one-time-code"
        data-autofocus
        value={form.values.code}
        onChange={(e) => form.set('code', e.currentTarget.value)}
        error={fieldError(form.problem, 'code') === undefined ? undefined : t('second.wrong')}
      />
    </FormSheet>
  );
}
