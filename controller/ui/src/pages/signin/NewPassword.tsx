// Choosing a password: after a reset by link, and the field for it that the invitation and the first run share.
import { Button, PasswordInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { LinkView } from '../../api/access';
import { api, Problem } from '../../api/client';
import { fieldError, useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Bones, Empty, Failed, useTitle } from '../../components/ui';
import { IconKeyOff } from '../../shared/icons';
import { SignFrame, SignProblem } from './SignFrame';

export const PASSWORD_LEAST = 8;

export function PasswordFields({ value, onChange, error, label, autoFocus }: { value: string; onChange: (value: string) => void; error?: string | undefined; label?: string; autoFocus?: boolean }) {
  const { t } = useTranslation();
  return (
    <PasswordInput
      label={label ?? t('password.new')}
      description={t('password.rule')}
      name="new-password"
      autoComplete="new-password"
      size="md"
      autoFocus={autoFocus ?? false}
      visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }}
      value={value}
      onChange={(e) => onChange(e.currentTarget.value)}
      error={error}
    />
  );
}

/** A link that does not work any more: says why that may be, and what to do. */
export function DeadLink({ title, text }: { title: string; text: string }) {
  const { t } = useTranslation();
  return (
    <Empty
      icon={<IconKeyOff />}
      title={<h1>{title}</h1>}
      text={text}
      action={
        <Button component={Link} to="/login" variant="default">
          {t('password.to_signin')}
        </Button>
      }
    />
  );
}

export function NewPassword() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { token } = useParams({ from: '/password-reset/$token' });
  useTitle(t('password.choose'));
  const link = useQuery({
    queryKey: ['reset', token],
    queryFn: ({ signal }) => api.everywhere<LinkView>(`/password-reset/${encodeURIComponent(token)}`, undefined, signal),
    refetchOnWindowFocus: false,
  });
  const form = useDraft({ password: '' }, async ({ password }) => {
    await api.post('/password-reset/confirm', { token, password });
    said(t('password.changed_all_out'));
    await navigate({ to: '/login', search: {} });
  });
  const dead = [link.error, form.problem].some((p) => p instanceof Problem && p.status === 404);
  return (
    <SignFrame>
      {dead ? (
        <DeadLink title={t('password.dead')} text={t('password.dead_text')} />
      ) : link.isError ? (
        <Failed error={link.error} what={t('password.link')} retry={() => void link.refetch()} />
      ) : !link.data ? (
        <Bones rows={3} />
      ) : (
        <form className="lm-signin-form" onSubmit={(e) => void form.submit(e)} noValidate>
          <h1>{t('password.choose')}</h1>
          <p className="lm-muted">{t('password.for', { name: link.data.name, username: link.data.username })}</p>
          <input type="text" name="username" autoComplete="username" value={link.data.username} readOnly hidden />
          <PasswordFields value={form.values.password} onChange={(v) => form.set('password', v)} error={fieldError(form.problem, 'password')} autoFocus />
          <SignProblem problem={form.problem} />
          <Button type="submit" size="md" fullWidth loading={form.busy} disabled={form.values.password.length < PASSWORD_LEAST}>
            {t('password.save')}
          </Button>
        </form>
      )}
    </SignFrame>
  );
}
