// Every setting on one page in sections: what it means, which branches differ, what was changed and is not saved yet.
import { Button, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useBlocker, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { lazy, Suspense, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { qo, type Settings as SettingsView, type SettingsSection } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import { fieldError } from '../../components/form';
import { LinkButton } from '../../components/LinkButton';
import { said } from '../../components/say';
import { Dialog } from '../../components/Sheet';
import { Bones, Card, Empty, Failed, PageHead, ProblemNote, useTitle } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconArrowBackUp, IconBuilding, IconDatabase, IconHash, IconHistory, IconInfoCircle, IconHandStop, IconLanguage, IconMessage2, IconPalette, IconSearch, IconSend, IconSettings } from '../../shared/icons';
import { matching, sectionOf, unsaved, type Draft } from './rules';
import { SettingField, useSettingWords } from './SettingField';

const Channels = lazy(() => import('../notices/Channels').then((m) => ({ default: m.Channels })));
const Templates = lazy(() => import('../notices/Templates').then((m) => ({ default: m.Templates })));
const Backups = lazy(() => import('../backups/Backups').then((m) => ({ default: m.Backups })));

const ICONS: Record<string, typeof IconSearch> = { company: IconBuilding, branding: IconPalette, region: IconLanguage, numbering: IconHash, dunning: IconHandStop, messages: IconMessage2, gateways: IconSend };
const ORDER = ['company', 'branding', 'region', 'numbering', 'dunning'];

export function Settings() {
  const { t } = useTranslation();
  const { section } = useParams({ from: '/shell/settings/$section' });
  const search = useSearch({ from: '/shell/settings/$section' });
  const navigate = useNavigate();
  const words = useSettingWords();
  const me = useQuery(q.me).data;
  const [typed, setTyped] = useState('');
  const everywhere = me?.scope === undefined || me.scope === 'all';
  const branch = search.branch ?? (everywhere ? null : (me?.branch_id ?? null));
  const settings = useQuery({ ...qo.settings(branch), enabled: can(me, 'settings:read') });
  const sections = settings.data?.sections ?? [];
  useTitle(t('nav.settings'));
  const nav = [
    ...(sections.length > 0 ? sections.map((s) => s.name) : ORDER).map((name) => ({ name, label: words.section(name), icon: ICONS[name] ?? IconSettings, show: can(me, 'settings:read') })),
    { name: 'channels', label: t('settings.section.channels'), icon: IconSend, show: can(me, 'settings:read') },
    { name: 'templates', label: t('settings.section.templates'), icon: IconMessage2, show: can(me, 'notices:read') },
    { name: 'backups', label: t('settings.section.backups'), icon: IconDatabase, show: can(me, 'backups:read') && everywhere },
  ].filter((entry) => entry.show);
  const special = ['channels', 'templates', 'backups'].includes(section);
  return (
    <>
      <PageHead
        title={t('nav.settings')}
        sub={t('settings.sub')}
        actions={
          can(me, 'events:read') && (
            <LinkButton to="/audit" search={{ subject_kind: 'settings' }} variant="default" leftSection={<IconHistory aria-hidden />}>
              {t('history.title')}
            </LinkButton>
          )
        }
      />
      <div className="lm-settings">
        <nav className="lm-settings-nav" aria-label={t('settings.sections')}>
          <TextInput aria-label={t('settings.search')} placeholder={t('settings.search')} leftSection={<IconSearch aria-hidden />} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />
          <ul>
            {nav.map(({ name, label, icon: Icon }) => (
              <li key={name}>
                <Link to="/settings/$section" params={{ section: name }} search={search.branch ? { branch: search.branch } : {}} className={clsx('lm-settings-item', name === section && !typed && 'lm-on')} aria-current={name === section ? 'page' : undefined} onClick={() => setTyped('')}>
                  <Icon aria-hidden />
                  <span>{label}</span>
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div className="lm-settings-body">
          {special && typed.trim() === '' ? (
            <Suspense fallback={<Bones rows={6} tall />}>
              {section === 'channels' ? <Channels /> : section === 'templates' ? <Templates chosen={search.template} /> : <Backups />}
            </Suspense>
          ) : settings.isError && !settings.data ? (
            <Failed error={settings.error} what={t('nav.settings')} retry={() => void settings.refetch()} />
          ) : !settings.data ? (
            <Bones rows={6} tall />
          ) : (
            <Registry key={branch ?? 'all'} data={settings.data} section={section} search={typed} branch={branch} everywhere={everywhere} onBranch={(id) => void navigate({ to: '/settings/$section', params: { section }, search: id ? { branch: id } : {} })} />
          )}
        </div>
      </div>
    </>
  );
}

interface RegistryProps {
  data: SettingsView;
  section: string;
  search: string;
  branch: string | null;
  everywhere: boolean;
  onBranch: (id: string | null) => void;
}

function Registry({ data, section, search, branch, everywhere, onBranch }: RegistryProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const words = useSettingWords();
  const me = useQuery(q.me).data;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items ?? [];
  const [draft, setDraft] = useState<Draft>({});
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const saving = useRef(false);
  const all = useMemo(() => data.sections.flatMap((s) => s.settings), [data]);
  const changes = unsaved(draft, all);
  const keys = Object.keys(changes);
  const write = can(me, 'settings:write') && (branch !== null || everywhere);
  const blocker = useBlocker({
    shouldBlockFn: ({ next }) => keys.length > 0 && !saving.current && !(next.pathname.startsWith('/settings/') && !['channels', 'templates', 'backups'].some((name) => next.pathname.endsWith(`/${name}`)) && ((next.search as { branch?: string }).branch ?? null) === (branch ?? null)),
    enableBeforeUnload: keys.length > 0,
    withResolver: true,
  });
  const branchName = (id: string) => branches.find((b) => b.id === id)?.name ?? t('state.unknown');
  const found = search.trim() === '' ? null : matching(all, search, (s) => `${words.name(s)} ${words.help(s)} ${words.section(sectionOf(data.sections, s.key) ?? '')}`);
  const shownSections: SettingsSection[] = found
    ? data.sections.map((s) => ({ name: s.name, settings: s.settings.filter((x) => found.includes(x)) })).filter((s) => s.settings.length > 0)
    : data.sections.filter((s) => s.name === section);

  const change = (key: string, value: unknown) => {
    setDraft((old) => ({ ...old, [key]: value }));
    if (problem) setProblem(new Problem(problem.status, problem.title, problem.detail, problem.fields.filter((x) => !x.field.endsWith(key)), problem.reference, problem.code));
  };
  const save = async () => {
    if (saving.current) return;
    saving.current = true;
    setBusy(true);
    setProblem(null);
    try {
      const answer = await api.patch<SettingsView>('/settings', { ...(branch ? { branch_id: branch } : {}), values: changes });
      queryClient.setQueryData(qo.settings(branch).queryKey, answer);
      setDraft({});
      void queryClient.invalidateQueries({ queryKey: ['settings'] });
      void queryClient.invalidateQueries({ queryKey: ['audit'] });
      said(t('settings.saved', { count: keys.length, n: f.int(keys.length) }));
    } catch (error) {
      const seen = error instanceof Problem ? error : new Problem(-1, '', '');
      setProblem(seen);
      // The first field that is complained of is brought before the eyes, wherever it stands.
      const wrong = keys.find((key) => seen.field(key) !== undefined);
      const home = wrong ? sectionOf(data.sections, wrong) : undefined;
      if (home && home !== section && !found) void navigate({ to: '/settings/$section', params: { section: home }, search: branch ? { branch } : {} });
    } finally {
      saving.current = false;
      setBusy(false);
    }
  };

  const told = keys.map((key) => {
    const setting = all.find((s) => s.key === key);
    if (!setting) return key;
    const to = changes[key] === null ? setting.inherited : changes[key];
    return `${words.name(setting)}: ${words.value(setting, setting.value)} → ${words.value(setting, to)}`;
  });
  const elsewhere = found ? [] : [...new Set(keys.map((key) => sectionOf(data.sections, key)).filter((name): name is string => name !== undefined && name !== section))];

  return (
    <>
      {branches.length > 1 && (
        <div className="lm-settings-for">
          <label htmlFor="settings-for">{t('settings.for')}</label>
          <Select id="settings-for" allowDeselect={false} data={[...(everywhere ? [{ value: '', label: t('branch.all') }] : []), ...branches.map((b) => ({ value: b.id, label: b.name }))]} value={branch ?? ''} onChange={(id) => onBranch(id || null)} />
          {branch !== null && <span className="lm-muted">{t('settings.branch_help', { name: branchName(branch) })}</span>}
        </div>
      )}
      {found?.length === 0 || shownSections.length === 0 ? (
        <Card>
          <Empty icon={<IconSearch />} title={t('settings.none_match')} text={t('settings.none_match_text')} />
        </Card>
      ) : (
        shownSections.map((s) => {
          const differing = [...new Set(s.settings.flatMap((x) => x.differs_in))];
          return (
            <Card key={s.name} flush className="lm-settings-card">
              <div className="lm-settings-head">
                <h2>{words.section(s.name)}</h2>
                <p>
                  {branch !== null ? t('settings.of_branch', { name: branchName(branch) }) : t('settings.of_all')}{' '}
                  {branch === null && differing.length > 0 && (
                    <>
                      {t('settings.branches_differ', { count: differing.length, n: f.int(differing.length) })}{' '}
                      {differing.map((id, i) => (
                        <span key={id}>
                          {i > 0 && ', '}
                          <button type="button" className="lm-link" onClick={() => onBranch(id)}>
                            {branchName(id)}
                          </button>
                        </span>
                      ))}
                    </>
                  )}
                </p>
              </div>
              {s.settings.map((setting) => (
                <SettingField key={setting.key} setting={setting} draft={draft} branch={branch} branchName={branchName} onBranch={onBranch} disabled={!write} error={fieldError(problem, setting.key)} onChange={(value) => change(setting.key, value)} />
              ))}
            </Card>
          );
        })
      )}
      {!write && <p className="lm-muted">{t('settings.read_only')}</p>}
      {problem && <ProblemNote problem={problem} />}
      {keys.length > 0 && (
        <div className="lm-unsaved" role="region" aria-label={t('settings.unsaved')}>
          <IconInfoCircle aria-hidden />
          <p>
            {told.slice(0, 2).join(' · ')}
            {told.length > 2 && ` ${t('settings.more', { count: told.length - 2, n: f.int(told.length - 2) })}`}
            {elsewhere.length > 0 && <small>{t('settings.also_in', { names: elsewhere.map(words.section).join(', ') })}</small>}
          </p>
          <div className="lm-actions">
            <Button
              variant="subtle"
              leftSection={<IconArrowBackUp aria-hidden />}
              onClick={() => {
                setDraft({});
                setProblem(null);
              }}
            >
              {t('action.undo')}
            </Button>
            <Button className="lm-unsaved-go" loading={busy} onClick={() => void save()}>
              {t('settings.save', { count: keys.length, n: f.int(keys.length) })}
            </Button>
          </div>
        </div>
      )}
      {blocker.status === 'blocked' && (
        <Dialog
          opened
          onClose={() => blocker.reset()}
          title={t('settings.leave')}
          size={440}
          foot={
            <>
              <Button variant="default" data-autofocus onClick={() => blocker.reset()}>
                {t('settings.stay')}
              </Button>
              <Button className="lm-danger" onClick={() => blocker.proceed()}>
                {t('settings.discard')}
              </Button>
            </>
          }
        >
          <p>{told.join(' · ')}</p>
        </Dialog>
      )}
    </>
  );
}
