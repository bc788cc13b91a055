// A forgotten password: ask for a link and a code, then go on with whichever arrives first. The answer is the same
// whether or not there is such a person, and the page says so.
import { Button, TextInput } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { fieldError, useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Note, useTitle } from '../../components/ui';
import { IconArrowLeft, IconMail } from '../../shared/icons';
import { digitsOf } from './CodeInput';
import { PASSWORD_LEAST, PasswordFields } from './NewPassword';
import { SignFrame, SignProblem } from './SignFrame';

const CODE_DIGITS = 8;

export function Forgotten() {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<string | null>(null);
  useTitle(t('forgotten.title'));
  const form = useDraft({ username: '' }, async ({ username }) => {
    await api.post('/password-reset', { username: username.trim() });
    setAsked(username.trim());
  });
  if (asked !== null) return <ByCode username={asked} onBack={() => setAsked(null)} />;
  return (
    <SignFrame>
      <form className="lm-signin-form" onSubmit={(e) => void form.submit(e)} noValidate>
        <Link to="/login" search={{}} className="lm-back">
          <IconArrowLeft aria-hidden /> {t('signin.title')}
        </Link>
        <h1>{t('forgotten.title')}</h1>
        <p className="lm-muted">{t('forgotten.sub')}</p>
        <TextInput label={t('forgotten.who')} name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus size="md" {...form.bind('username')} />
        <SignProblem problem={form.problem} />
        <Button type="submit" size="md" fullWidth loading={form.busy} disabled={form.values.username.trim() === ''}>
          {t('forgotten.ask')}
        </Button>
      </form>
    </SignFrame>
  );
}

function ByCode({ username, onBack }: { username: string; onBack: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const form = useDraft({ code: '', password: '' }, async ({ code, password }) => {
    await api.post('/password-reset/confirm', { username, code, password });
    said(t('password.changed_all_out'));
    await navigate({ to: '/login', search: {} });
  });
  return (
    <SignFrame>
      <form className="lm-signin-form" onSubmit={(e) => void form.submit(e)} noValidate>
        <button type="button" className="lm-back" onClick={onBack}>
          <IconArrowLeft aria-hidden /> {username}
        </button>
        <h1>{t('forgotten.sent')}</h1>
        <Note tone="blue" icon={<IconMail aria-hidden />}>
          {t('forgotten.sent_text')}
        </Note>
        <TextInput
          label={t('forgotten.code')}
          name="code"
          inputMode="numeric"
          autoComplete="one-time-code"
          autoFocus
          size="md"
          className="lm-mono-input"
          value={form.values.code}
          onChange={(e) => form.set('code', digitsOf(e.currentTarget.value, CODE_DIGITS))}
          error={fieldError(form.problem, 'code') === undefined ? undefined : t('forgotten.code_wrong')}
        />
        <PasswordFields value={form.values.password} onChange={(v) => form.set('password', v)} error={fieldError(form.problem, 'password')} />
        <SignProblem problem={form.problem} />
        <Button type="submit" size="md" fullWidth loading={form.busy} disabled={form.values.code.length < CODE_DIGITS || form.values.password.length < PASSWORD_LEAST}>
          {t('password.save')}
        </Button>
        <p className="lm-muted">{t('forgotten.nothing')}</p>
      </form>
    </SignFrame>
  );
}
