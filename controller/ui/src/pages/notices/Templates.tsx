// The words of every message, English and Bangla side by side, with what may stand in them, and what an SMS costs.
import { Button, SegmentedControl, Switch, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { qo, type NoticeChannel, type NoticeLanguage, type NoticePreview, type NoticeTemplate } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import { said } from '../../components/say';
import { Bones, Card, Empty, Failed, Pill, ProblemNote } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { sentence } from '../../shared/problem';
import { IconChevronRight, IconMessage2 } from '../../shared/icons';
import { useNoticeWords } from './words';

export function Templates({ chosen }: { chosen: string | undefined }) {
  const { t } = useTranslation();
  const list = useQuery(qo.templates);
  const words = useNoticeWords();
  if (list.isError && !list.data)
    return (
      <Card>
        <Failed error={list.error} what={t('settings.section.templates')} retry={() => void list.refetch()} />
      </Card>
    );
  if (!list.data)
    return (
      <Card>
        <Bones rows={7} tall />
      </Card>
    );
  const one = list.data.items.find((x) => x.template === chosen);
  if (one) return <Editor key={one.template} template={one} />;
  return (
    <Card flush className="lm-table-card">
      {list.data.items.length === 0 ? (
        <Empty icon={<IconMessage2 />} title={t('state.nothing')} />
      ) : (
        <table className="lm-table">
          <thead>
            <tr>
              <th scope="col">{t('outbox.message')}</th>
              <th scope="col" className="lm-wide">
                {t('outbox.by')}
              </th>
              <th scope="col" className="lm-wide">
                {t('templates.words')}
              </th>
              <th scope="col">{t('outbox.state')}</th>
            </tr>
          </thead>
          <tbody>
            {list.data.items.map((item) => {
              const own = item.texts.filter((x) => !x.is_default).length;
              return (
                <tr key={item.template}>
                  <td>
                    <Link to="/settings/$section" params={{ section: 'templates' }} search={{ template: item.template }} className="lm-name">
                      {words.template(item.template)}
                    </Link>
                    <small>{words.about(item.template, item.about)}</small>
                  </td>
                  <td className="lm-wide lm-nowrap">{item.channels.map((c) => t(`channel.${c}`)).join(' › ')}</td>
                  <td className="lm-wide">{own > 0 ? t('templates.own', { count: own, n: f.int(own) }) : <span className="lm-muted">{t('templates.default')}</span>}</td>
                  <td>{item.enabled ? <Pill tone="green">{t('templates.sent')}</Pill> : <Pill tone="grey">{t('settings.off')}</Pill>}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </Card>
  );
}

type Texts = Record<string, { subject: string; body: string }>;
const keyOf = (language: NoticeLanguage, channel: NoticeChannel) => `${language}-${channel}`;
const textsOf = (template: NoticeTemplate): Texts => Object.fromEntries(template.texts.map((x) => [keyOf(x.language, x.channel), { subject: x.subject, body: x.body }]));

function Editor({ template }: { template: NoticeTemplate }) {
  const { t } = useTranslation();
  const words = useNoticeWords();
  const me = useQuery(q.me).data;
  const write = can(me, 'settings:write');
  const [channel, setChannel] = useState<NoticeChannel>(template.channels[0] ?? 'sms');
  const [texts, setTexts] = useState<Texts>(() => textsOf(template));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const last = useRef<{ area: HTMLTextAreaElement; key: string } | null>(null);
  const kept = textsOf(template);
  const changed = template.texts.filter((x) => JSON.stringify(texts[keyOf(x.language, x.channel)]) !== JSON.stringify(kept[keyOf(x.language, x.channel)]));
  const path = `/notice-templates/${template.template}`;
  const act = async (what: string, run: () => Promise<NoticeTemplate>, done: string, again: boolean) => {
    if (busy) return;
    setBusy(what);
    setProblem(null);
    try {
      const now = await run();
      queryClient.setQueryData(qo.templates.queryKey, (old) => (old ? { ...old, items: old.items.map((x) => (x.template === now.template ? now : x)) } : old));
      if (again) setTexts(textsOf(now));
      said(done);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(-1, '', ''));
    } finally {
      setBusy(null);
    }
  };
  const name = words.template(template.template);
  const save = () =>
    void act('save', () => api.put<NoticeTemplate>(path, { texts: changed.map((x) => ({ language: x.language, channel: x.channel, ...(texts[keyOf(x.language, x.channel)] ?? { subject: '', body: '' }) })) }), t('templates.saved', { name }), true);
  const rule = (change: { enabled?: boolean; channels?: NoticeChannel[] }) => void act('rule', () => api.put<NoticeTemplate>(path, change), t('templates.saved', { name }), false);
  const insert = (variable: string) => {
    const at = last.current;
    const key = at?.key ?? keyOf('en', channel);
    const text = texts[key];
    if (!text) return;
    const from = at?.area.selectionStart ?? text.body.length;
    const to = at?.area.selectionEnd ?? from;
    setTexts({ ...texts, [key]: { ...text, body: `${text.body.slice(0, from)}{${variable}}${text.body.slice(to)}` } });
    at?.area.focus();
  };
  const order = template.channels[0] ?? 'sms';
  return (
    <>
      <nav className="lm-crumbs" aria-label={t('nav.crumbs')}>
        <Link to="/settings/$section" params={{ section: 'templates' }} search={{}}>
          {t('settings.section.templates')}
        </Link>
        <IconChevronRight aria-hidden />
        <span>{name}</span>
      </nav>
      <Card flush>
        <div className="lm-channel-head">
          <div>
            <h2>{name}</h2>
            <p>{words.about(template.template, template.about)}</p>
          </div>
          {template.switchable ? <Switch label={t('templates.is_sent')} disabled={!write || busy !== null} checked={template.enabled} onChange={(e) => rule({ enabled: e.currentTarget.checked })} /> : <span className="lm-muted">{t('templates.always')}</span>}
        </div>
        <div className="lm-channel-form">
          <div className="lm-count-line">
            <SegmentedControl aria-label={t('outbox.channel')} data={(['sms', 'email'] as const).map((value) => ({ value, label: t(`channel.${value}`) }))} value={channel} onChange={(value) => setChannel(value === 'email' ? 'email' : 'sms')} />
            <span>
              {t('templates.first', { channel: t(`channel.${order}`) })}{' '}
              {write && template.channels.length > 1 && (
                <button type="button" className="lm-link" disabled={busy !== null} onClick={() => rule({ channels: [...template.channels].reverse() })}>
                  {t('templates.swap')}
                </button>
              )}
            </span>
          </div>
          <div className="lm-variables">
            <span className="lm-muted">{t('templates.variables')}</span>
            {template.variables.map((v) => (
              <button key={v.name} type="button" className="lm-chip" disabled={!write} title={`${words.variable(v.name, v.meaning)}: ${v.sample}`} onMouseDown={(e) => e.preventDefault()} onClick={() => insert(v.name)}>
                <code>{`{${v.name}}`}</code>
                {template.needs.includes(v.name) && ' *'}
              </button>
            ))}
          </div>
          <p className="lm-muted lm-small">
            {[template.needs.length > 0 ? t('templates.needs', { names: template.needs.map((n) => `{${n}}`).join(', ') }) : '', template.variables.some((v) => !v.always) ? t('templates.left_out', { names: template.variables.filter((v) => !v.always).map((v) => `{${v.name}}`).join(', ') }) : ''].filter(Boolean).join(' ')}
          </p>
        </div>
        <div className="lm-template-texts">
          {(['en', 'bn'] as const).map((language) => {
            const key = keyOf(language, channel);
            const saved = template.texts.find((x) => x.language === language && x.channel === channel);
            return (
              <Text
                key={key}
                template={template.template}
                language={language}
                channel={channel}
                value={texts[key] ?? { subject: '', body: '' }}
                isDefault={saved?.is_default ?? true}
                by={saved?.updated_by && saved.updated_at ? t('channels.changed_by', { name: saved.updated_by, day: f.day(saved.updated_at) }) : ''}
                disabled={!write}
                onFocus={(area) => (last.current = { area, key })}
                onChange={(value) => setTexts({ ...texts, [key]: value })}
                onReset={() => void act('reset', () => api.post<NoticeTemplate>(`${path}/reset`, { language, channel }), t('templates.was_reset', { name }), true)}
              />
            );
          })}
        </div>
        {problem && (
          <div className="lm-channel-form">
            <ProblemNote problem={problem} />
            <ul className="lm-errors">
              {problem.fields.map((x) => (
                <li key={x.field + x.message}>{sentence(x.message)}</li>
              ))}
            </ul>
          </div>
        )}
        {write && (
          <div className="lm-channel-foot">
            <Button variant="subtle" className="lm-danger-quiet" disabled={busy !== null || (template.is_default && template.texts.every((x) => x.is_default))} onClick={() => void act('reset', () => api.post<NoticeTemplate>(`${path}/reset`, {}), t('templates.was_reset', { name }), true)}>
              {t('templates.reset_all')}
            </Button>
            <div className="lm-actions">
              <Button variant="default" disabled={changed.length === 0} onClick={() => setTexts(kept)}>
                {t('action.undo')}
              </Button>
              <Button loading={busy === 'save'} disabled={changed.length === 0} onClick={save}>
                {changed.length > 0 ? t('templates.save', { count: changed.length, n: f.int(changed.length) }) : t('action.save')}
              </Button>
            </div>
          </div>
        )}
      </Card>
    </>
  );
}

interface TextProps {
  template: string;
  language: NoticeLanguage;
  channel: NoticeChannel;
  value: { subject: string; body: string };
  isDefault: boolean;
  by: string;
  disabled: boolean;
  onFocus: (area: HTMLTextAreaElement) => void;
  onChange: (value: { subject: string; body: string }) => void;
  onReset: () => void;
}

function Text({ template, language, channel, value, isDefault, by, disabled, onFocus, onChange, onReset }: TextProps) {
  const { t } = useTranslation();
  const [asked] = useDebouncedValue(value, 300);
  const preview = useQuery({
    queryKey: ['notice-preview', template, language, channel, asked],
    queryFn: () => api.post<NoticePreview>(`/notice-templates/${template}/preview`, { language, channel, ...asked }),
    placeholderData: (old) => old,
    staleTime: 60_000,
  }).data;
  const error = (field: string) => {
    const found = preview?.errors.find((x) => x.field === field || x.field.endsWith(`.${field}`));
    return found ? sentence(found.message) : undefined;
  };
  const sms = preview?.sms;
  const name = language === 'en' ? 'English' : 'বাংলা';
  return (
    <div className="lm-template-text">
      <h3>
        <span lang={language}>{name}</span>
        <small>
          {isDefault ? t('templates.default') : by}{' '}
          {!isDefault && !disabled && (
            <button type="button" className="lm-link" onClick={onReset}>
              {t('templates.reset')}
            </button>
          )}
        </small>
      </h3>
      {channel === 'email' && <TextInput label={t('templates.subject')} aria-label={`${t('templates.subject')}, ${name}`} lang={language} disabled={disabled} value={value.subject} error={error('subject')} onChange={(e) => onChange({ ...value, subject: e.currentTarget.value })} />}
      <Textarea aria-label={`${t('templates.text')}, ${name}`} lang={language} disabled={disabled} autosize minRows={channel === 'sms' ? 4 : 9} maxRows={18} value={value.body} error={error('body')} onFocus={(e) => onFocus(e.currentTarget)} onChange={(e) => onChange({ ...value, body: e.currentTarget.value })} />
      {sms && (
        <div className="lm-count-line">
          <span className={sms.parts > 2 ? 'lm-amber-text' : undefined}>{t('templates.length', { count: sms.parts, units: f.int(sms.units), left: f.int(sms.left), n: f.int(sms.parts) })}</span>
          <span>{sms.cost_of_1000 ? t('templates.cost', { amount: f.money(sms.cost_of_1000) }) : t('templates.no_price')}</span>
        </div>
      )}
      {sms && sms.alphabet === 'ucs2' && language === 'en' && sms.costly.length > 0 && <div className="lm-amber-text lm-small">{t('templates.costly', { signs: sms.costly.slice(0, 8).join(' ') })}</div>}
      {preview && (
        <div className="lm-bubble" lang={language} aria-label={t('templates.preview')} role="note">
          {preview.subject && <strong>{preview.subject}</strong>}
          <p>{preview.body}</p>
        </div>
      )}
    </div>
  );
}
