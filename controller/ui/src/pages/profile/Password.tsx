// My password: the present one, a new one; every other session ends with it.
import { Button, PasswordInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { queryClient } from '../../api/queries';
import type { Staff } from '../../api/types';
import { useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Card, ProblemNote } from '../../components/ui';
import { PASSWORD_LEAST } from '../signin/NewPassword';

export function Password({ me }: { me: Staff }) {
  const { t } = useTranslation();
  const form = useDraft({ current_password: '', new_password: '' }, async (v) => {
    await api.post('/me/password', v);
    form.set('current_password', '');
    form.set('new_password', '');
    void queryClient.invalidateQueries({ queryKey: ['my', 'sessions'] });
    said(t('password.changed'));
  });
  const eye = { visibilityToggleButtonProps: { 'aria-label': t('signin.show_password') } };
  return (
    <Card title={t('signin.password')}>
      <form className="lm-fields" onSubmit={(e) => void form.submit(e)} noValidate>
        <input type="text" name="username" autoComplete="username" value={me.username} readOnly hidden />
        <div className="lm-two">
          <PasswordInput label={t('password.present')} autoComplete="current-password" {...eye} {...form.bind('current_password')} />
          <PasswordInput label={t('password.new')} autoComplete="new-password" {...eye} {...form.bind('new_password')} />
        </div>
        <ProblemNote problem={form.problem?.fields.length ? null : form.problem} />
        <div className="lm-actions lm-between">
          <span className="lm-muted">{t('password.effect')}</span>
          <Button type="submit" loading={form.busy} disabled={form.values.current_password === '' || form.values.new_password.length < PASSWORD_LEAST}>
            {t('password.change')}
          </Button>
        </div>
      </form>
    </Card>
  );
}
