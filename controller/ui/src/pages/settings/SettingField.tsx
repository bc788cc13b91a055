// One setting: what it means, the field that fits its kind, whether it is set here or inherited, what is wrong with it.
import { NumberInput, Select, Switch, Textarea, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Setting } from '../../api/office';
import * as f from '../../shared/format';
import { Pill } from '../../components/ui';
import { ownNow, shown, wordKey, type Draft } from './rules';

interface Props {
  setting: Setting;
  draft: Draft;
  /** The branch that is edited; null: all. */
  branch: string | null;
  branchName: (id: string) => string;
  onBranch: (id: string) => void;
  disabled: boolean;
  error: string | undefined;
  onChange: (value: unknown) => void;
}

export function useSettingWords() {
  const { t, i18n } = useTranslation();
  const say = (key: string, fallback: string) => (i18n.exists(key) ? t(key as 'settings.title') : fallback);
  return {
    name: (setting: Setting) => say(`settings.item.${wordKey(setting.key)}.name`, setting.key),
    help: (setting: Setting) => say(`settings.item.${wordKey(setting.key)}.help`, ''),
    choice: (word: string) => say(`settings.choice.${word}`, word),
    section: (name: string) => say(`settings.section.${name}`, name),
    value: (setting: Setting, value: unknown): string => {
      if (value === null || value === undefined || value === '') return t('settings.nothing');
      if (typeof value === 'boolean') return t(value ? 'settings.on' : 'settings.off');
      if (setting.kind === 'choice') return say(`settings.choice.${String(value)}`, String(value));
      if (typeof value === 'number') return setting.unit ? `${f.int(value)} ${say(`settings.unit.${setting.unit}`, setting.unit)}` : f.int(value);
      if (typeof value !== 'string') return JSON.stringify(value);
      return value.length > 40 ? `${value.slice(0, 38)}…` : value;
    },
    unit: (unit: string) => say(`settings.unit.${unit}`, unit),
  };
}

export function SettingField({ setting, draft, branch, branchName, onBranch, disabled, error, onChange }: Props) {
  const { t } = useTranslation();
  const words = useSettingWords();
  const own = ownNow(setting, draft);
  const fixed = disabled || (branch !== null && !setting.per_branch);
  const id = `setting-${wordKey(setting.key)}`;
  return (
    <div className="lm-setting">
      <div>
        <label htmlFor={id} className="lm-strong">
          {words.name(setting)}
        </label>
        {words.help(setting) && <small id={`${id}-help`}>{words.help(setting)}</small>}
        {branch === null && setting.differs_in.length > 0 && (
          <small>
            {t('settings.differs_in')}{' '}
            {setting.differs_in.map((other, i) => (
              <span key={other}>
                {i > 0 && ', '}
                <button type="button" className="lm-link" onClick={() => onBranch(other)}>
                  {branchName(other)}
                </button>
              </span>
            ))}
          </small>
        )}
        {branch !== null && !setting.per_branch ? (
          <small>{t('settings.for_all_only')}</small>
        ) : branch !== null ? (
          <small className="lm-setting-own">
            {own ? (
              <>
                <Pill tone="blue">{t('settings.own')}</Pill> {t('settings.for_all_is', { value: words.value(setting, setting.inherited) })}{' '}
                {!fixed && (
                  <button type="button" className="lm-link" onClick={() => onChange(null)}>
                    {t('settings.use_inherited')}
                  </button>
                )}
              </>
            ) : (
              t('settings.inherited')
            )}
          </small>
        ) : (
          own &&
          !fixed && (
            <small className="lm-setting-own">
              {setting.changed_at && t('settings.changed', { day: f.day(setting.changed_at) })}{' '}
              {setting.inherited !== '' && setting.inherited !== null && (
                <button type="button" className="lm-link" onClick={() => onChange(null)}>
                  {t('settings.reset_to', { value: words.value(setting, setting.inherited) })}
                </button>
              )}
            </small>
          )
        )}
      </div>
      <Input id={id} setting={setting} value={shown(setting, draft)} disabled={fixed} error={error} onChange={onChange} described={words.help(setting) ? `${id}-help` : undefined} />
    </div>
  );
}

function Input({ id, setting, value, disabled, error, onChange, described }: { id: string; setting: Setting; value: unknown; disabled: boolean; error: string | undefined; onChange: (value: unknown) => void; described: string | undefined }) {
  const words = useSettingWords();
  const common = { id, disabled, error, autoComplete: 'off', ...(described ? { 'aria-describedby': described } : {}) };
  const text = typeof value === 'string' ? value : value === null || value === undefined ? '' : String(value);
  switch (setting.kind) {
    case 'integer':
      return (
        <NumberInput
          {...common}
          hideControls
          allowDecimal={false}
          {...(setting.least === null ? {} : { min: setting.least })}
          {...(setting.most === null ? {} : { max: setting.most })}
          clampBehavior="none"
          rightSection={setting.unit ? <span className="lm-unit">{words.unit(setting.unit)}</span> : null}
          rightSectionWidth={setting.unit ? 72 : 0}
          value={typeof value === 'number' ? value : ''}
          onChange={(next) => onChange(next === '' ? '' : Number(next))}
        />
      );
    case 'choice':
      return <Select id={id} disabled={disabled} error={error} allowDeselect={false} data={setting.choices.map((word) => ({ value: word, label: words.choice(word) }))} value={text || null} onChange={(next) => next !== null && onChange(next)} />;
    case 'flag':
    case 'bool':
    case 'switch':
      return <Switch id={id} disabled={disabled} error={error} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} />;
    case 'lines':
      return <Textarea {...common} autosize minRows={2} maxRows={6} maxLength={setting.most ?? undefined} value={text} onChange={(e) => onChange(e.currentTarget.value)} />;
    case 'color':
      return (
        <TextInput
          {...common}
          leftSection={<input type="color" className="lm-swatch" aria-label={words.name(setting)} disabled={disabled} value={/^#[0-9a-f]{6}$/i.test(text) ? text : '#000000'} onChange={(e) => onChange(e.currentTarget.value)} />}
          leftSectionWidth={44}
          maxLength={7}
          value={text}
          onChange={(e) => onChange(e.currentTarget.value)}
        />
      );
    default:
      return (
        <TextInput
          {...common}
          {...(setting.kind === 'digits' || setting.kind === 'phone' ? { inputMode: 'tel' as const } : {})}
          {...(setting.kind === 'email' ? { inputMode: 'email' as const } : {})}
          {...(setting.kind === 'url' ? { inputMode: 'url' as const } : {})}
          value={text}
          onChange={(e) => onChange(setting.kind === 'prefix' || setting.kind === 'currency' ? e.currentTarget.value.toUpperCase() : e.currentTarget.value)}
        />
      );
  }
}
