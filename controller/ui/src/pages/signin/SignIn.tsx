// Sign-in: name and password, then whatever second factor is owed. A controller without anybody sends one to the
// first-run page.
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SignInAnswer } from '../../api/access';
import { api } from '../../api/client';
import { useDraft } from '../../components/form';
import { useTitle } from '../../components/ui';
import { IconShieldLock } from '../../shared/icons';
import { qSetup } from '../setup/api';
import { entered, SecondStep } from './SecondStep';
import { SignFrame, SignProblem } from './SignFrame';

export function SignIn() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const router = useRouter();
  const { next } = useSearch({ from: '/login' });
  const [owed, setOwed] = useState<SignInAnswer | null>(null);
  const setup = useQuery(qSetup).data;
  useTitle(t('signin.title'));
  useEffect(() => {
    if (setup?.needed) void navigate({ to: '/setup', search: {}, replace: true });
  }, [navigate, setup]);
  const goOn = () => {
    if (next) router.history.push(next);
    else void navigate({ to: '/' });
  };
  const form = useDraft({ username: '', password: '' }, async (values) => {
    const answer = await api.post<SignInAnswer>('/login', values);
    if (answer.second_factor) {
      setOwed(answer);
      return;
    }
    entered(answer);
    goOn();
  });

  if (owed) {
    return (
      <SignFrame wide={owed.second_factor === 'enrol'}>
        <SecondStep
          answer={owed}
          username={form.values.username.trim()}
          onBack={() => {
            form.set('password', '');
            setOwed(null);
          }}
          onIn={goOn}
        />
      </SignFrame>
    );
  }
  const empty = form.values.username.trim() === '' || form.values.password === '';
  return (
    <SignFrame>
      <form className="lm-signin-form" onSubmit={(e) => void form.submit(e)} noValidate>
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
        <div className="lm-password-field">
          <Link to="/password-reset" className="lm-forgotten">
            {t('signin.forgotten')}
          </Link>
          <PasswordInput
            label={t('signin.password')}
            name="password"
            autoComplete="current-password"
            size="md"
            visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }}
            {...form.bind('password')}
          />
        </div>
        <SignProblem problem={form.problem} wrong={t('signin.wrong')} />
        <Button type="submit" size="md" fullWidth loading={form.busy} disabled={empty}>
          {t('signin.continue')}
        </Button>
        <p className="lm-signin-hint">
          <IconShieldLock aria-hidden />
          <span>{t('signin.hint')}</span>
        </p>
      </form>
    </SignFrame>
  );
}
