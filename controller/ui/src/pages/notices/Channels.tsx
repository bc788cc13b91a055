// How messages leave: the server of e-mail and the provider of SMS, each with its secrets, its pace and a try.
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { qo, type ChannelTest, type EmailChannel, type NoticeChannel, type SmsChannel } from '../../api/office';
import { q } from '../../api/queries';
import { fieldError } from '../../components/form';
import { Bones, Card, Failed, Note, Pill, ProblemNote } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconSend } from '../../shared/icons';
import { EmailForm } from './EmailForm';
import { SmsForm } from './SmsForm';

export function Channels() {
  const { t } = useTranslation();
  const channels = useQuery(qo.channels);
  if (channels.isError && !channels.data)
    return (
      <Card>
        <Failed error={channels.error} what={t('settings.section.channels')} retry={() => void channels.refetch()} />
      </Card>
    );
  if (!channels.data)
    return (
      <Card>
        <Bones rows={8} tall />
      </Card>
    );
  const { email, sms, sms_presets } = channels.data;
  return (
    <>
      <EmailForm key={`email-${email.updated_at ?? ''}`} channel={email} />
      <SmsForm key={`sms-${sms.updated_at ?? ''}`} channel={sms} presets={sms_presets} />
    </>
  );
}

/** The card of one way: its state above, its fields, the buttons and the try below. */
export function ChannelCard({ name, channel, busy, changed, problem, onSave, children }: { name: NoticeChannel; channel: EmailChannel | SmsChannel; busy: boolean; changed: boolean; problem: Problem | null; onSave: () => void; children: ReactNode }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const write = can(me, 'settings:write');
  const { status } = channel;
  return (
    <Card flush>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          onSave();
        }}
      >
        <div className="lm-channel-head">
          <div>
            <h2>
              {t(`channel.${name}`)} {channel.settings === null ? <Pill tone="grey">{t('channels.not_set_up')}</Pill> : !channel.enabled ? <Pill tone="grey">{t('settings.off')}</Pill> : status.trouble ? <Pill tone="red">{t('channels.trouble')}</Pill> : <Pill tone="green">{t('channels.works')}</Pill>}
            </h2>
            <p>
              {[
                status.waiting > 0 ? t('outbox.waiting', { count: status.waiting, n: f.int(status.waiting) }) : '',
                channel.updated_at ? t('channels.changed_by', { name: channel.updated_by ?? '–', day: f.day(channel.updated_at) }) : t('channels.first'),
              ]
                .filter(Boolean)
                .join(' ')}
            </p>
          </div>
        </div>
        <div className="lm-channel-form">
          {status.trouble && (
            <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
              {status.trouble} {status.paused_until && t('channels.again_at', { time: f.clock(status.paused_until, 'second') })}
            </Note>
          )}
          <fieldset disabled={!write} className="lm-channel-fields">
            {children}
          </fieldset>
          <ProblemNote problem={problem} />
        </div>
        <div className="lm-channel-foot">
          {write && channel.settings !== null ? <Try name={name} unsaved={changed} /> : <span />}
          {write && (
            <Button type="submit" loading={busy} disabled={!changed}>
              {t('action.save')}
            </Button>
          )}
        </div>
      </form>
    </Card>
  );
}

// What was typed stays while the saved form above is laid anew: save, test, correct, test again.
const typed: Partial<Record<NoticeChannel, string>> = {};

function Try({ name, unsaved }: { name: NoticeChannel; unsaved: boolean }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const [to, setTo] = useState(typed[name] ?? (name === 'email' ? me?.email : me?.phone) ?? '');
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<ChannelTest | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async () => {
    setBusy(true);
    setResult(null);
    setProblem(null);
    typed[name] = to;
    try {
      setResult(await api.post<ChannelTest>(`/notice-channels/${name}/test`, { to: to.trim() }));
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(-1, '', ''));
    } finally {
      setBusy(false);
    }
  };
  const tone = result?.outcome === 'accepted' ? 'green' : result?.outcome === 'refused' || result?.outcome === 'down' ? 'red' : 'amber';
  return (
    <div className="lm-test">
      <TextInput label={t('channels.test_to')} inputMode={name === 'email' ? 'email' : 'tel'} autoComplete="off" value={to} onChange={(e) => setTo(e.currentTarget.value)} error={fieldError(problem, 'to')} />
      <Button variant="default" leftSection={<IconSend aria-hidden />} loading={busy} disabled={to.trim() === '' || unsaved} onClick={() => void run()}>
        {t('channels.test')}
      </Button>
      <div role="status" className="lm-test-result">
        {unsaved && <span className="lm-muted">{t('channels.save_first')}</span>}
        {result && (
          <>
            <Pill tone={tone}>{t(`channels.outcome.${result.outcome}`)}</Pill> {[result.detail, result.provider_id].filter(Boolean).join(' · ')}
          </>
        )}
        {problem && problem.field('to') === undefined && <ProblemNote problem={problem} />}
      </div>
    </div>
  );
}
