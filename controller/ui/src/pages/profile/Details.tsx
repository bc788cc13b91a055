// Name, language, and where messages go. The last needs the password: there goes a way back in.
import { Button, PasswordInput, Select, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Staff } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Card, ProblemNote } from '../../components/ui';
import * as f from '../../shared/format';
import { switchLang } from '../../shared/i18n';

export const LANGUAGES = [
  { value: 'en', label: 'English' },
  { value: 'bn', label: 'বাংলা' },
];

/** The number as the server keeps it, so that the same number written otherwise is no change. */
function plain(phone: string): string {
  return phone.replace(/[\s-]/g, '').replace(/^\+?880/, '0');
}

export function Details({ me }: { me: Staff }) {
  const { t } = useTranslation();
  const form = useDraft(
    { name: me.name, phone: f.phone(me.phone ?? ''), email: me.email ?? '', language: me.language ?? 'en', current_password: '' },
    async (v) => {
      const answer = await api.patch<{ staff: Staff }>('/me', {
        name: v.name.trim(),
        language: v.language,
        ...(moves(v) ? { phone: v.phone.replace(/\s/g, ''), email: v.email.trim(), current_password: v.current_password } : {}),
      });
      queryClient.setQueryData(q.me.queryKey, answer.staff);
      form.set('current_password', '');
      if (v.language !== me.language && (v.language === 'en' || v.language === 'bn')) await switchLang(v.language);
      said(t('profile.saved'));
    },
  );
  const v = form.values;
  const moves = (values: { phone: string; email: string }) => plain(values.phone) !== plain(me.phone ?? '') || values.email.trim().toLowerCase() !== (me.email ?? '');
  const moved = moves(v);
  const changed = moved || v.name.trim() !== me.name || v.language !== (me.language ?? 'en');
  return (
    <Card title={t('profile.details')}>
      <form className="lm-fields" onSubmit={(e) => void form.submit(e)} noValidate>
        <div className="lm-two">
          <TextInput label={t('field.name')} autoComplete="name" {...form.bind('name')} />
          <Select label={t('profile.language')} data={LANGUAGES} allowDeselect={false} value={v.language} onChange={(value) => value && form.set('language', value)} error={fieldError(form.problem, 'language')} />
        </div>
        <div className="lm-two">
          <TextInput label={t('field.email')} type="email" autoComplete="email" {...form.bind('email')} />
          <TextInput label={t('field.phone')} inputMode="tel" autoComplete="tel" {...form.bind('phone')} />
        </div>
        {moved && (
          <PasswordInput
            label={t('profile.your_password')}
            description={t('profile.why_password')}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }}
            {...form.bind('current_password')}
          />
        )}
        <ProblemNote problem={form.problem?.fields.length ? null : form.problem} />
        <div className="lm-actions lm-end">
          <Button type="submit" loading={form.busy} disabled={!changed || v.name.trim() === '' || (moved && v.current_password === '')}>
            {t('action.save')}
          </Button>
        </div>
      </form>
    </Card>
  );
}
