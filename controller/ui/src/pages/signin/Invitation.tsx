// Taking an invitation: whom it is for, a password, and the second factor if the role demands one.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LinkView, SignInAnswer } from '../../api/access';
import { api, Problem } from '../../api/client';
import { fieldError, useDraft } from '../../components/form';
import { Bones, Failed, useTitle } from '../../components/ui';
import * as f from '../../shared/format';
import { chosenLang, currentLang, switchLang } from '../../shared/i18n';
import { IconDeviceMobile } from '../../shared/icons';
import { DeadLink, PASSWORD_LEAST, PasswordFields } from './NewPassword';
import { entered, SecondStep } from './SecondStep';
import { SignFrame, SignProblem } from './SignFrame';

export function Invitation() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { token } = useParams({ from: '/invitation/$token' });
  const [owed, setOwed] = useState<SignInAnswer | null>(null);
  useTitle(t('invitation.title'));
  const path = `/invitations/${encodeURIComponent(token)}`;
  const link = useQuery({
    queryKey: ['invitation', token],
    queryFn: ({ signal }) => api.everywhere<LinkView>(path, undefined, signal),
    refetchOnWindowFocus: false,
    // Once it is taken it is gone, and the page goes on.
    staleTime: Infinity,
  });
  // The inviter said which language; somebody who has chosen one here already keeps it.
  const language = link.data?.language;
  useEffect(() => {
    if ((language === 'en' || language === 'bn') && !chosenLang() && language !== currentLang()) void switchLang(language);
  }, [language]);
  const form = useDraft({ password: '' }, async ({ password }) => {
    const answer = await api.post<SignInAnswer>(`${path}/accept`, { password });
    if (answer.second_factor) {
      setOwed(answer);
      return;
    }
    entered(answer);
    await navigate({ to: '/' });
  });
  const dead = [link.error, form.problem].some((p) => p instanceof Problem && p.status === 404);
  if (owed && link.data) {
    return (
      <SignFrame wide>
        <SecondStep answer={owed} username={link.data.username} onBack={() => void navigate({ to: '/login', search: {} })} onIn={() => void navigate({ to: '/' })} />
      </SignFrame>
    );
  }
  return (
    <SignFrame>
      {dead ? (
        <DeadLink title={t('invitation.dead')} text={t('invitation.dead_text')} />
      ) : link.isError ? (
        <Failed error={link.error} what={t('invitation.what')} retry={() => void link.refetch()} />
      ) : !link.data ? (
        <Bones rows={3} />
      ) : (
        <form className="lm-signin-form" onSubmit={(e) => void form.submit(e)} noValidate>
          <h1>{t('invitation.welcome', { name: link.data.name })}</h1>
          <p className="lm-muted">{t('invitation.sub', { role: link.data.role_title, time: f.dayTime(link.data.expires_at) })}</p>
          <dl className="lm-signin-name">
            <dt>{t('signin.username')}</dt>
            <dd>{link.data.username}</dd>
          </dl>
          <input type="text" name="username" autoComplete="username" value={link.data.username} readOnly hidden />
          <PasswordFields label={t('invitation.password')} value={form.values.password} onChange={(v) => form.set('password', v)} error={fieldError(form.problem, 'password')} autoFocus />
          <SignProblem problem={form.problem} />
          <Button type="submit" size="md" fullWidth loading={form.busy} disabled={form.values.password.length < PASSWORD_LEAST}>
            {link.data.second_factor_required ? t('invitation.next') : t('invitation.accept')}
          </Button>
          {link.data.second_factor_required && (
            <p className="lm-signin-hint">
              <IconDeviceMobile aria-hidden />
              <span>{t('invitation.app')}</span>
            </p>
          )}
        </form>
      )}
    </SignFrame>
  );
}
