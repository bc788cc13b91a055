// The server that takes e-mail. Its password goes in and never comes out again.
import { NumberInput, PasswordInput, SegmentedControl, Switch, Textarea, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { qo, type EmailChannel, type EmailSettings } from '../../api/office';
import { queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Note } from '../../components/ui';
import { ChannelCard } from './Channels';

const PORTS = { starttls: 587, tls: 465, none: 25 };

export function EmailForm({ channel }: { channel: EmailChannel }) {
  const { t } = useTranslation();
  const s = channel.settings;
  const known = channel.secrets.find((x) => x.name === 'password')?.set ?? false;
  const before = {
    enabled: s === null ? true : channel.enabled,
    host: s?.host ?? '',
    port: s?.port ?? 587,
    tls: s?.tls ?? ('starttls' as EmailSettings['tls']),
    allow_open: s?.allow_open ?? false,
    ca_pem: s?.ca_pem ?? '',
    username: s?.username ?? '',
    password: '',
    from_address: s?.from_address ?? '',
    from_name: s?.from_name ?? '',
    reply_to: s?.reply_to ?? '',
    per_minute: channel.per_minute,
  };
  const form = useDraft(before, async (v) => {
    const none = (text: string) => (text.trim() === '' ? null : text.trim());
    await api.put('/notice-channels/email', {
      enabled: v.enabled,
      per_minute: v.per_minute,
      settings: { host: v.host.trim(), port: v.port, tls: v.tls, allow_open: v.allow_open, ca_pem: none(v.ca_pem), username: none(v.username), from_address: v.from_address.trim(), from_name: v.from_name.trim(), reply_to: none(v.reply_to) },
      ...(v.password === '' ? {} : { password: v.password }),
    });
    form.set('password', '');
    await queryClient.invalidateQueries({ queryKey: qo.channels.queryKey });
    said(t('channels.saved', { channel: t('channel.email') }));
  });
  const v = form.values;
  const changed = JSON.stringify(v) !== JSON.stringify(before);
  return (
    <ChannelCard name="email" channel={channel} busy={form.busy} changed={changed} problem={form.problem} onSave={() => void form.submit()}>
      <Switch label={t('channels.enabled_email')} checked={v.enabled} onChange={(e) => form.set('enabled', e.currentTarget.checked)} />
      <div className="lm-two lm-wide-first">
        <TextInput label={t('channels.host')} required className="lm-mono-input" placeholder="smtp.isp.example" autoComplete="off" {...form.bind('host')} />
        <NumberInput label={t('channels.port')} hideControls min={1} max={65535} value={v.port} onChange={(port) => form.set('port', Number(port))} error={fieldError(form.problem, 'port')} />
      </div>
      <div>
        <span className="lm-label">{t('channels.tls')}</span>
        <SegmentedControl
          fullWidth
          aria-label={t('channels.tls')}
          data={(['starttls', 'tls', 'none'] as const).map((value) => ({ value, label: t(`channels.tls_${value}`) }))}
          value={v.tls}
          onChange={(value) => {
            const tls = value as EmailSettings['tls'];
            if (v.port === PORTS[v.tls]) form.set('port', PORTS[tls]);
            form.set('tls', tls);
          }}
        />
        {fieldError(form.problem, 'tls') && <div className="lm-field-error">{fieldError(form.problem, 'tls')}</div>}
      </div>
      {v.tls === 'none' && (
        <Note tone="amber">
          <Switch label={t('channels.allow_open')} description={t('channels.allow_open_help')} checked={v.allow_open} onChange={(e) => form.set('allow_open', e.currentTarget.checked)} />
        </Note>
      )}
      <div className="lm-two">
        <TextInput label={t('channels.username')} className="lm-mono-input" autoComplete="off" autoCapitalize="none" {...form.bind('username')} />
        <PasswordInput label={t('channels.password')} placeholder={known ? t('channels.secret_set') : t('channels.secret_none')} autoComplete="new-password" visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }} {...form.bind('password')} />
      </div>
      <div className="lm-two">
        <TextInput label={t('channels.from_address')} required inputMode="email" autoComplete="off" {...form.bind('from_address')} />
        <TextInput label={t('channels.from_name')} autoComplete="off" {...form.bind('from_name')} />
      </div>
      <details className="lm-more">
        <summary>{t('channels.more')}</summary>
        <div className="lm-fields">
          <div className="lm-two">
            <TextInput label={t('channels.reply_to')} inputMode="email" autoComplete="off" {...form.bind('reply_to')} />
            <NumberInput label={t('channels.per_minute')} hideControls min={1} value={v.per_minute} onChange={(n) => form.set('per_minute', Number(n))} error={fieldError(form.problem, 'per_minute')} />
          </div>
          <Textarea label={t('channels.ca_pem')} description={t('channels.ca_pem_help')} className="lm-mono-input" autosize minRows={2} maxRows={8} {...form.bind('ca_pem')} />
        </div>
      </details>
    </ChannelCard>
  );
}
