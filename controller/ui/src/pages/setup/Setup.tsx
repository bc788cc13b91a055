// The first run: the code of the log, the owner, the company, the branch, the first POP. One question after the other,
// sent together at the end, so that half an answer leaves nothing behind.
import { Button, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SignInAnswer } from '../../api/access';
import { api, Problem } from '../../api/client';
import { queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { Bones, Empty, Failed, KeyValues, useTitle } from '../../components/ui';
import { currentLang } from '../../shared/i18n';
import { IconCheck } from '../../shared/icons';
import { PASSWORD_LEAST, PasswordFields } from '../signin/NewPassword';
import { entered } from '../signin/SecondStep';
import { SignFrame, SignProblem } from '../signin/SignFrame';
import { qSetup } from './api';

const STEPS = ['code', 'owner', 'company', 'branch', 'check'] as const;
type Step = (typeof STEPS)[number];

/** On which page of the questions the server's complaint belongs. */
export function stepOf(problem: Problem): Step {
  const field = problem.fields[0]?.field ?? '';
  if (field === 'code' || problem.status === 401 || problem.status === 403) return 'code';
  const part = field.split('.')[0];
  if (part === 'owner') return 'owner';
  if (part === 'company') return 'company';
  if (part === 'branch' || part === 'pop') return 'branch';
  return 'check';
}

export function Setup() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const given = useSearch({ from: '/setup' }).code;
  const state = useQuery(qSetup);
  const [step, setStep] = useState<Step>('code');
  useTitle(t('setup.title'));
  const form = useDraft(
    {
      code: given ?? '',
      name: '',
      username: '',
      email: '',
      phone: '',
      password: '',
      company: '',
      bin: '',
      branch: '',
      address: '',
      zone: 'Asia/Dhaka',
      pop: '',
    },
    async (v) => {
      try {
        await api.post('/setup', {
          code: v.code.trim(),
          owner: { name: v.name.trim(), username: v.username.trim(), password: v.password },
          company: {
            name: v.company.trim(),
            language: currentLang(),
            ...filled({ bin: v.bin, address: v.address, phone: v.phone.replace(/\s/g, ''), email: v.email }),
          },
          branch: { name: v.branch.trim(), time_zone: v.zone, currency: state.data?.branch?.currency ?? 'BDT' },
          ...(v.pop.trim() === '' ? {} : { pop: { name: v.pop.trim() } }),
        });
        queryClient.removeQueries({ queryKey: qSetup.queryKey });
        const answer = await api.post<SignInAnswer>('/login', { username: v.username.trim(), password: v.password });
        entered(answer);
        await navigate({ to: '/' });
      } catch (error) {
        if (error instanceof Problem) setStep(stepOf(error));
        throw error;
      }
    },
  );
  const v = form.values;
  const at = STEPS.indexOf(step);
  const ready: Record<Step, boolean> = {
    code: v.code.trim() !== '',
    owner: v.name.trim() !== '' && v.username.trim() !== '' && v.password.length >= PASSWORD_LEAST,
    company: v.company.trim() !== '',
    branch: v.branch.trim() !== '',
    check: true,
  };
  const next = (event: React.FormEvent) => {
    event.preventDefault();
    if (step === 'check') void form.submit();
    else if (ready[step]) setStep(STEPS[at + 1] ?? 'check');
  };
  const field = (part: string, name: string) => fieldError(form.problem, `${part}.${name}`) ?? undefined;

  if (state.isError && !state.data) {
    return (
      <SignFrame>
        <Failed error={state.error} what={t('setup.title')} retry={() => void state.refetch()} />
      </SignFrame>
    );
  }
  if (!state.data) {
    return (
      <SignFrame>
        <Bones rows={3} />
      </SignFrame>
    );
  }
  if (!state.data.needed) {
    return (
      <SignFrame>
        <Empty
          icon={<IconCheck />}
          title={<h1>{t('setup.done')}</h1>}
          text={t('setup.done_text')}
          action={
            <Button variant="default" onClick={() => void navigate({ to: '/login', search: {} })}>
              {t('password.to_signin')}
            </Button>
          }
        />
      </SignFrame>
    );
  }
  return (
    <SignFrame wide>
      <form className="lm-signin-form" onSubmit={next} noValidate>
        <p className="lm-muted lm-setup-step">{t('setup.step', { n: at + 1, of: STEPS.length })}</p>
        <h1>{t(`setup.${step}.title`)}</h1>
        <p className="lm-muted">{t(`setup.${step}.text`)}</p>
        {step === 'code' && (
          <TextInput label={t('setup.code.label')} size="md" className="lm-mono-input" autoComplete="off" autoFocus spellCheck={false} {...form.bind('code')} />
        )}
        {step === 'owner' && (
          <>
            <div className="lm-two">
              <TextInput label={t('field.name')} size="md" autoComplete="name" autoFocus {...form.bind('name')} error={field('owner', 'name')} />
              <TextInput label={t('signin.username')} size="md" autoComplete="username" autoCapitalize="none" spellCheck={false} {...form.bind('username')} error={field('owner', 'username')} />
            </div>
            <PasswordFields label={t('signin.password')} value={v.password} onChange={(value) => form.set('password', value)} error={field('owner', 'password')} />
          </>
        )}
        {step === 'company' && (
          <>
            <TextInput label={t('setup.company.name')} size="md" autoComplete="organization" autoFocus {...form.bind('company')} error={field('company', 'name')} />
            <TextInput label={t('setup.company.bin')} description={t('setup.company.bin_help')} size="md" inputMode="numeric" autoComplete="off" {...form.bind('bin')} error={field('company', 'bin')} />
            <TextInput label={t('field.address')} size="md" autoComplete="street-address" {...form.bind('address')} error={field('company', 'address')} />
            <div className="lm-two">
              <TextInput label={t('field.email')} size="md" type="email" autoComplete="email" {...form.bind('email')} error={field('company', 'email')} />
              <TextInput label={t('field.phone')} size="md" inputMode="tel" autoComplete="tel" {...form.bind('phone')} error={field('company', 'phone')} />
            </div>
          </>
        )}
        {step === 'branch' && (
          <>
            <TextInput label={t('setup.branch.name')} placeholder={t('setup.branch.example')} size="md" autoComplete="off" autoFocus {...form.bind('branch')} error={field('branch', 'name')} />
            <Select
              label={t('setup.branch.zone')}
              size="md"
              data={zones()}
              searchable
              limit={60}
              allowDeselect={false}
              nothingFoundMessage={t('state.nothing')}
              value={v.zone}
              onChange={(value) => value && form.set('zone', value)}
              error={field('branch', 'time_zone')}
            />
            <TextInput label={t('setup.branch.pop')} description={t('setup.branch.pop_help')} size="md" autoComplete="off" {...form.bind('pop')} error={field('pop', 'name')} />
          </>
        )}
        {step === 'check' && (
          <KeyValues
            rows={[
              [t('setup.owner.title'), `${v.name} · ${v.username}`],
              [t('setup.company.title'), v.bin.trim() === '' ? v.company : `${v.company} · BIN ${v.bin}`],
              [t('setup.branch.title'), `${v.branch} · ${v.zone}`],
              [t('setup.branch.pop'), v.pop.trim() === '' ? t('setup.later') : v.pop],
            ]}
          />
        )}
        <SignProblem problem={form.problem?.status === 403 ? new Problem(401, '', '') : form.problem} wrong={t('setup.code.wrong')} />
        <div className="lm-setup-foot">
          {at > 0 && (
            <Button variant="default" size="md" onClick={() => setStep(STEPS[at - 1] ?? 'code')}>
              {t('setup.back')}
            </Button>
          )}
          <Button type="submit" size="md" loading={form.busy} disabled={!ready[step]}>
            {step === 'check' ? t('setup.submit') : t('setup.next')}
          </Button>
        </div>
      </form>
    </SignFrame>
  );
}

/** What was filled in; nothing is sent of what was left empty. */
function filled(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== '').map(([key, value]) => [key, value.trim()]));
}

function zones(): string[] {
  const all = Intl.supportedValuesOf('timeZone');
  return all.includes('Asia/Dhaka') ? all : ['Asia/Dhaka', ...all];
}
