// Sign-in: one thing on it. The left side says what the product promises.
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../api/client';
import { q, queryClient } from '../api/queries';
import type { Staff } from '../api/types';
import { useDraft } from '../components/form';
import { Steps } from '../components/Steps';
import { Note } from '../components/ui';
import { LangButton, Logo } from '../console/Shell';
import * as f from '../shared/format';
import { sentence } from '../shared/problem';
import { IconAlertTriangle, IconShieldLock } from '../shared/icons';

export function SignIn() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const router = useRouter();
  const { next } = useSearch({ from: '/login' });
  const form = useDraft({ username: '', password: '' }, async (values) => {
    const answer = await api.post<{ staff: Staff }>('/login', values);
    queryClient.clear();
    queryClient.setQueryData(q.me.queryKey, answer.staff);
    if (next) router.history.push(next);
    else await navigate({ to: '/customers', search: {} });
  });
  useEffect(() => {
    document.title = `${t('signin.title')} · Lastmile`;
  }, [t]);

  const empty = form.values.username.trim() === '' || form.values.password === '';
  return (
    <div className="lm-signin">
      <aside className="lm-signin-left" aria-label="Lastmile">
        <div className="lm-brand">
          <Logo /> Lastmile
        </div>
        <div>
          <p className="lm-signin-claim">{t('signin.claim')}</p>
          <div className="lm-signin-proof">
            <Steps
              label={t('line.steps_label')}
              stops={[
                { key: 'queued', label: t('step.queued'), detail: f.digits('14:31:52'), status: 'done' },
                { key: 'sent', label: t('step.sent'), detail: f.offset('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.040Z'), status: 'done' },
                { key: 'applied', label: t('step.applied'), detail: f.offset('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.120Z'), status: 'done' },
                { key: 'verified', label: t('step.verified'), detail: f.offset('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.800Z'), status: 'done' },
              ]}
            />
          </div>
        </div>
        <p className="lm-signin-foot">{t('signin.zone', { zone: f.timeZone() })}</p>
      </aside>
      <main className="lm-signin-right">
        <form onSubmit={(e) => void form.submit(e)} noValidate>
          <h1>{t('signin.title')}</h1>
          <p className="lm-muted">{t('signin.sub')}</p>
          <TextInput
            label={t('signin.username')}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
            autoFocus
            size="md"
            {...form.bind('username')}
          />
          <PasswordInput
            label={t('signin.password')}
            name="password"
            autoComplete="current-password"
            size="md"
            visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }}
            {...form.bind('password')}
          />
          {form.problem && (
            <div role="alert">
              <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
                {explain(form.problem)}
              </Note>
            </div>
          )}
          <Button type="submit" size="md" fullWidth loading={form.busy} disabled={empty}>
            {t('signin.continue')}
          </Button>
          <p className="lm-signin-hint">
            <IconShieldLock aria-hidden />
            <span>{t('signin.hint')}</span>
          </p>
          <LangButton />
        </form>
      </main>
    </div>
  );

  function explain(problem: Problem): string {
    if (problem.offline) return t('error.offline');
    if (problem.status === 401) return t('signin.wrong');
    if (problem.status === 429) return t('signin.too_many');
    return sentence(problem.detail) || t('error.unexpected');
  }
}
