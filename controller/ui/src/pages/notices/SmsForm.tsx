// The provider of SMS: one that is known, or any that is called over HTTP. Secrets go in and never come out again.
import { ActionIcon, Button, NumberInput, PasswordInput, Select, Switch, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { qo, type SmsChannel, type SmsField, type SmsSettings } from '../../api/office';
import { queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Copy } from '../../components/ui';
import { IconPlus, IconTrash } from '../../shared/icons';
import { ChannelCard } from './Channels';

const NAMES: Record<string, string> = { bulksmsbd: 'BulkSMSBD', ssl_wireless: 'SSL Wireless', mim_sms: 'MiMSMS', green_web: 'Green Web', kannel: 'Kannel' };
const OURS = ['to', 'text', 'id', 'sender'];
const codes = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
const none = (text: string | null): string | null => (text === null || text.trim() === '' ? null : text.trim());

/** The names in braces that are not ours: secrets that the provider needs. */
export function secretNames(settings: Pick<SmsSettings, 'fields' | 'headers'>): string[] {
  const found = [...settings.fields, ...settings.headers].flatMap((field) => [...field.value.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? ''));
  return [...new Set(found)].filter((name) => name !== '' && !OURS.includes(name));
}

export function SmsForm({ channel, presets }: { channel: SmsChannel; presets: SmsSettings[] }) {
  const { t } = useTranslation();
  const first = channel.settings ?? presets[0];
  const before = {
    enabled: channel.settings === null ? true : channel.enabled,
    per_minute: channel.per_minute,
    price: (channel.price_per_1000.minor === 0 ? '' : channel.price_per_1000.minor / 100_000) as number | '',
    settings: first as SmsSettings,
    secrets: {} as Record<string, string>,
  };
  const form = useDraft(before, async (v) => {
    const s = v.settings;
    await api.put('/notice-channels/sms', {
      enabled: v.enabled,
      per_minute: v.per_minute,
      price_per_1000: { minor: v.price === '' ? 0 : Math.round(v.price * 100_000), currency: channel.price_per_1000.currency },
      settings: { ...s, sender: s.sender.trim(), url: s.url.trim(), fields: s.fields.filter((x) => x.name.trim() !== ''), headers: s.headers.filter((x) => x.name.trim() !== ''), answer: { ...s.answer, reason: none(s.answer.reason), id: none(s.answer.id), detail: none(s.answer.detail) } },
      secrets: Object.fromEntries(Object.entries(v.secrets).filter(([name, value]) => value !== '' && secretNames(s).includes(name))),
    });
    form.set('secrets', {});
    await queryClient.invalidateQueries({ queryKey: qo.channels.queryKey });
    said(t('channels.saved', { channel: t('channel.sms') }));
  });
  const v = form.values;
  const s = v.settings;
  const set = <K extends keyof SmsSettings>(key: K, value: SmsSettings[K]) => form.set('settings', { ...s, [key]: value });
  const answer = <K extends keyof SmsSettings['answer']>(key: K, value: SmsSettings['answer'][K]) => set('answer', { ...s.answer, [key]: value });
  const changed = channel.settings === null || JSON.stringify(v) !== JSON.stringify(before);
  const isSet = (name: string) => s.provider === channel.settings?.provider && (channel.secrets.find((x) => x.name === name)?.set ?? false);
  const known = presets.some((p) => p.provider === s.provider);
  return (
    <ChannelCard name="sms" channel={channel} busy={form.busy} changed={changed} problem={form.problem} onSave={() => void form.submit()}>
      <Switch label={t('channels.enabled_sms')} checked={v.enabled} onChange={(e) => form.set('enabled', e.currentTarget.checked)} />
      <div className="lm-two">
        <Select
          label={t('channels.provider')}
          allowDeselect={false}
          data={[...presets.map((p) => ({ value: p.provider, label: NAMES[p.provider] ?? p.provider })), ...(known ? [] : [{ value: s.provider, label: s.provider }])]}
          value={s.provider}
          onChange={(provider) => {
            const chosen = presets.find((p) => p.provider === provider);
            if (chosen) form.set('settings', { ...chosen, sender: s.sender });
          }}
          error={fieldError(form.problem, 'provider')}
        />
        <TextInput label={t('channels.sender')} description={t('channels.sender_help')} autoComplete="off" value={s.sender} onChange={(e) => set('sender', e.currentTarget.value)} error={fieldError(form.problem, 'sender')} />
      </div>
      <TextInput label={t('channels.url')} required className="lm-mono-input" autoComplete="off" value={s.url} onChange={(e) => set('url', e.currentTarget.value)} error={fieldError(form.problem, 'url')} />
      <div className="lm-two">
        {secretNames(s).map((name) => (
          <PasswordInput
            key={name}
            label={<code>{name}</code>}
            placeholder={isSet(name) ? t('channels.secret_set') : t('channels.secret_none')}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }}
            value={v.secrets[name] ?? ''}
            onChange={(e) => form.set('secrets', { ...v.secrets, [name]: e.currentTarget.value })}
            error={fieldError(form.problem, `secrets.${name}`)}
          />
        ))}
      </div>
      <div className="lm-two">
        <NumberInput label={t('channels.price')} description={t('channels.price_help')} prefix="৳ " hideControls min={0} decimalScale={4} value={v.price} onChange={(price) => form.set('price', price === '' ? '' : Number(price))} error={fieldError(form.problem, 'price_per_1000')} />
        <NumberInput label={t('channels.per_minute')} description={t('channels.per_minute_help')} hideControls min={1} value={v.per_minute} onChange={(n) => form.set('per_minute', Number(n))} error={fieldError(form.problem, 'per_minute')} />
      </div>
      {channel.report_path && (
        <div className="lm-count-line">
          <span>
            {t('channels.reports')} <code>{channel.report_path}</code>
          </span>
          <Copy value={`${window.location.origin}${channel.report_path}`} label={t('action.copy')} />
        </div>
      )}
      <details className="lm-more">
        <summary>{t('channels.how')}</summary>
        <div className="lm-fields">
          <div className="lm-three">
            <Select label={t('channels.method')} allowDeselect={false} data={['get', 'post'].map((x) => ({ value: x, label: x.toUpperCase() }))} value={s.method} onChange={(x) => set('method', x === 'get' ? 'get' : 'post')} />
            <Select label={t('channels.body')} allowDeselect={false} data={(['query', 'form', 'json'] as const).map((x) => ({ value: x, label: t(`channels.body_${x}`) }))} value={s.body} onChange={(x) => x !== null && set('body', x as SmsSettings['body'])} />
            <Select label={t('channels.number')} allowDeselect={false} data={[{ value: 'digits', label: '8801712345678' }, { value: 'plus', label: '+8801712345678' }, { value: 'national', label: '01712345678' }]} value={s.number} onChange={(x) => x !== null && set('number', x as SmsSettings['number'])} />
          </div>
          <Pairs label={t('channels.fields')} items={s.fields} onChange={(fields) => set('fields', fields)} error={fieldError(form.problem, 'fields')} />
          <Pairs label={t('channels.headers')} items={s.headers} onChange={(headers) => set('headers', headers)} error={fieldError(form.problem, 'headers')} />
          <div className="lm-two">
            <TextInput label={t('channels.code_at')} description={t('channels.code_help')} className="lm-mono-input" value={s.answer.code} onChange={(e) => answer('code', e.currentTarget.value)} error={fieldError(form.problem, 'answer.code')} />
            <TextInput label={t('channels.accepted')} description={t('channels.codes_help')} className="lm-mono-input" key={`a-${s.provider}`} defaultValue={s.answer.accepted.join(', ')} onChange={(e) => answer('accepted', codes(e.currentTarget.value))} error={fieldError(form.problem, 'answer.accepted')} />
            <TextInput label={t('channels.later')} className="lm-mono-input" key={`l-${s.provider}`} defaultValue={s.answer.later.join(', ')} onChange={(e) => answer('later', codes(e.currentTarget.value))} error={fieldError(form.problem, 'answer.later')} />
            <TextInput label={t('channels.down')} className="lm-mono-input" key={`d-${s.provider}`} defaultValue={s.answer.down.join(', ')} onChange={(e) => answer('down', codes(e.currentTarget.value))} error={fieldError(form.problem, 'answer.down')} />
            <TextInput label={t('channels.id_at')} className="lm-mono-input" value={s.answer.id ?? ''} onChange={(e) => answer('id', e.currentTarget.value)} error={fieldError(form.problem, 'answer.id')} />
            <TextInput label={t('channels.detail_at')} className="lm-mono-input" value={s.answer.detail ?? ''} onChange={(e) => answer('detail', e.currentTarget.value)} error={fieldError(form.problem, 'answer.detail')} />
          </div>
          <Switch label={t('channels.deduplicates')} description={t('channels.deduplicates_help')} checked={s.deduplicates} onChange={(e) => set('deduplicates', e.currentTarget.checked)} />
        </div>
      </details>
    </ChannelCard>
  );
}

function Pairs({ label, items, onChange, error }: { label: string; items: SmsField[]; onChange: (items: SmsField[]) => void; error: string | undefined }) {
  const { t } = useTranslation();
  const put = (at: number, change: Partial<SmsField>) => onChange(items.map((item, i) => (i === at ? { ...item, ...change } : item)));
  return (
    <div>
      <span className="lm-label">{label}</span>
      <div className="lm-pairs">
        {items.map((item, i) => (
          <div key={i}>
            <TextInput className="lm-mono-input" aria-label={t('field.name')} value={item.name} onChange={(e) => put(i, { name: e.currentTarget.value })} />
            <TextInput className="lm-mono-input" aria-label={t('channels.value')} value={item.value} onChange={(e) => put(i, { value: e.currentTarget.value })} />
            <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('action.delete_name', { name: item.name })} onClick={() => onChange(items.filter((_, at) => at !== i))}>
              <IconTrash aria-hidden />
            </ActionIcon>
          </div>
        ))}
      </div>
      {error && <div className="lm-field-error">{error}</div>}
      <Button variant="subtle" size="xs" leftSection={<IconPlus aria-hidden />} onClick={() => onChange([...items, { name: '', value: '' }])}>
        {t('channels.add_row')}
      </Button>
    </div>
  );
}
