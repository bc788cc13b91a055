// The role editor: rows what, columns may, cells how far; changed cells are outlined, and beside them stands in words
// what the change means for the people who have the role. Nothing counts before it is saved.
import { Button, Select, Switch, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa, type Role } from '../../api/access';
import { api, Problem } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { RoleScope } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Bones, Card, Empty, Failed, Note, PageHead, ProblemNote, useTitle } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconArrowBackUp, IconCheck, IconChevronRight, IconSearch, IconTrash } from '../../shared/icons';
import { changesOf, consequences, countChanges, roleTitle, toggled, type Consequence, type Grave, type RoleDraft } from '../../shared/roles';
import { mayGive } from '../staff/PersonFields';
import { Matrix, permissionWords } from './Matrix';
import { Reach, REACHES } from './Reach';

export function RolePage() {
  const { t } = useTranslation();
  const { name } = useParams({ from: '/shell/roles/$name' });
  const roles = useQuery(qa.roles);
  const role = roles.data?.items.find((r) => r.name === name);
  useTitle(role ? roleTitle(t, role.name, role.title) : t('nav.roles'));
  if (roles.isError && !roles.data) return <Failed error={roles.error} what={t('nav.roles')} retry={() => void roles.refetch()} />;
  if (!roles.data) return <Bones rows={8} tall />;
  if (!role) {
    return (
      <Empty
        icon={<IconSearch />}
        title={<h1>{t('roles.missing')}</h1>}
        action={
          <Button component={Link} to="/roles" variant="default" size="xs">
            {t('notfound.to', { page: t('nav.roles') })}
          </Button>
        }
      />
    );
  }
  // Another role, or this one as somebody else has saved it, starts with a fresh draft.
  return <Editor key={`${role.name} ${JSON.stringify(role.permissions)} ${role.scope} ${String(role.second_factor)} ${role.title}`} role={role} />;
}

function draftOf(role: Role): RoleDraft {
  return { title: role.title, permissions: new Set(role.permissions), scope: role.scope, second_factor: role.second_factor };
}

function Editor({ role }: { role: Role }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const known = useQuery(qa.permissions).data?.items.map((p) => p.name);
  const before = useMemo(() => draftOf(role), [role]);
  const [draft, setDraft] = useState<RoleDraft>(before);
  const [asked, setAsked] = useState<'reset' | 'delete' | null>(null);
  const write = can(me, 'roles:write') && me?.scope === 'all' && mayGive(me, role);
  const everything = draft.permissions.has('*');
  const changed = countChanges(before, draft);
  const form = useDraft({}, async () => {
    await api.put(`/roles/${role.name}`, { title: draft.title.trim(), permissions: [...draft.permissions].sort(), scope: draft.scope, second_factor: draft.second_factor });
    said(t('roles.saved', { name: roleTitle(t, role.name, draft.title) }));
    await queryClient.invalidateQueries({ queryKey: ['roles'] });
    void queryClient.invalidateQueries({ queryKey: ['me'] });
  });
  const title = roleTitle(t, role.name, role.title);
  return (
    <>
      <nav className="lm-crumbs" aria-label={t('nav.crumbs')}>
        <Link to="/roles">{t('nav.roles')}</Link>
        <IconChevronRight aria-hidden />
        <span>{role.name}</span>
      </nav>
      <PageHead
        title={title}
        sub={[
          role.people > 0 ? t('roles.people_of', { count: role.people, n: f.int(role.people) }) : t('roles.nobody'),
          role.built_in ? (role.edited ? t('roles.edited') : t('roles.built_in')) : t('roles.own'),
        ].join(' · ')}
        actions={
          write && (
            <>
              {changed > 0 && (
                <Button variant="default" onClick={() => setDraft(before)}>
                  {t('roles.discard')}
                </Button>
              )}
              <Button leftSection={<IconCheck aria-hidden />} loading={form.busy} disabled={changed === 0 || draft.title.trim() === ''} onClick={() => void form.submit()}>
                {changed === 0 ? t('action.save') : t('roles.save', { count: changed, n: f.int(changed) })}
              </Button>
            </>
          )
        }
      />
      {!write && <Note tone="grey">{can(me, 'roles:write') ? t('roles.not_yours') : t('roles.read_only')}</Note>}
      <ProblemNote problem={form.problem} />
      <div className="lm-role">
        <Card flush className="lm-matrix-card">
          <Matrix before={before} draft={draft} me={me} write={write} known={known ?? []} onToggle={(permission) => setDraft({ ...draft, permissions: toggled(draft.permissions, permission) })} />
        </Card>
        <div className="lm-column">
          <Card title={t('roles.how_far')}>
            {write ? (
              <Select
                aria-label={t('roles.how_far')}
                allowDeselect={false}
                data={REACHES.map((scope) => ({ value: scope, label: t(`reach.short.${scope}`) }))}
                value={draft.scope}
                onChange={(value) => value && setDraft({ ...draft, scope: value as RoleScope })}
                error={fieldError(form.problem, 'scope')}
              />
            ) : (
              <p>
                <Reach scope={draft.scope} /> {t(`reach.${draft.scope}`)}
              </p>
            )}
            {write && <p className="lm-after">{t(`reach.${draft.scope}`)}</p>}
            <p className="lm-muted lm-after">{t('roles.two_persons')}</p>
          </Card>
          {changed > 0 && <Changes before={before} draft={draft} people={role.people} />}
          <Card title={t('roles.also')}>
            <div className="lm-fields">
              {write && <TextInput label={t('roles.title')} value={draft.title} onChange={(e) => setDraft({ ...draft, title: e.currentTarget.value })} error={fieldError(form.problem, 'title')} />}
              <Switch
                label={t('roles.factor')}
                description={t('roles.factor_help')}
                labelPosition="left"
                disabled={!write}
                checked={draft.second_factor}
                onChange={(e) => setDraft({ ...draft, second_factor: e.currentTarget.checked })}
              />
              {(everything || me?.permissions.includes('*')) && (
                <Switch
                  label={t('roles.all_of_it')}
                  description={t('roles.all_of_it_help')}
                  labelPosition="left"
                  disabled={!write}
                  checked={everything}
                  onChange={(e) => {
                    const permissions = new Set(draft.permissions);
                    if (e.currentTarget.checked) permissions.add('*');
                    else permissions.delete('*');
                    setDraft({ ...draft, permissions });
                  }}
                />
              )}
            </div>
          </Card>
          {write && (role.edited || !role.built_in) && (
            <div className="lm-actions lm-end">
              {role.built_in ? (
                <Button variant="subtle" size="xs" leftSection={<IconArrowBackUp aria-hidden />} onClick={() => setAsked('reset')}>
                  {t('roles.reset')}
                </Button>
              ) : (
                <Button variant="subtle" size="xs" className="lm-danger-quiet" leftSection={<IconTrash aria-hidden />} onClick={() => setAsked('delete')}>
                  {t('roles.delete')}
                </Button>
              )}
            </div>
          )}
        </div>
      </div>
      {asked && <Undo what={asked} role={role} title={title} onClose={() => setAsked(null)} />}
    </>
  );
}

/** A colon would name another file of words. */
function graveKey(permission: Grave) {
  return `grave.${permission.replace(':', '_')}` as 'grave.roles_write';
}

function Changes({ before, draft, people }: { before: RoleDraft; draft: RoleDraft; people: number }) {
  const { t } = useTranslation();
  const changes = changesOf(before, draft).filter((c) => c.permission !== '*');
  const meaning = consequences(before, draft);
  const say = (c: Consequence): string => {
    const who = people > 0 ? t('roles.then', { count: people, n: f.int(people) }) : t('roles.then_whoever');
    if (c.key === 'may') return t('roles.may_then', { who, what: t(graveKey(c.permission)) });
    if (c.key === 'may_not') return t('roles.may_not_then', { who, what: t(graveKey(c.permission)) });
    return t(`roles.means.${c.key}`, { who });
  };
  const total = countChanges(before, draft);
  return (
    <Card title={t('roles.changes', { count: total, n: f.int(total) })}>
      <ol className="lm-changes" aria-live="polite">
        {changes.map((change) => {
          const words = permissionWords(t, change.permission);
          return (
            <li key={change.permission} className={change.given ? 'lm-given' : 'lm-taken-away'}>
              <span aria-hidden>{change.given ? '+' : '−'}</span>
              <div>
                <strong>
                  {words.what}, {words.how}
                </strong>
                <small>{change.given ? t('roles.no_to', { reach: t(`reach.short.${draft.scope}`) }) : t('roles.to_no', { reach: t(`reach.short.${before.scope}`) })}</small>
              </div>
            </li>
          );
        })}
        {before.scope !== draft.scope && (
          <li className="lm-given">
            <span aria-hidden>↔</span>
            <div>
              <strong>{t('roles.how_far')}</strong>
              <small>
                {t(`reach.short.${before.scope}`)} → {t(`reach.short.${draft.scope}`)}
              </small>
            </div>
          </li>
        )}
      </ol>
      {meaning.length > 0 && (
        <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
          <ul className="lm-meaning">
            {meaning.slice(0, 6).map((c) => (
              <li key={c.key + ('permission' in c ? c.permission : '')}>{say(c)}</li>
            ))}
            {meaning.length > 6 && <li>{t('roles.more', { count: meaning.length - 6, n: f.int(meaning.length - 6) })}</li>}
          </ul>
        </Note>
      )}
    </Card>
  );
}

function Undo({ what, role, title, onClose }: { what: 'reset' | 'delete'; role: Role; title: string; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const form = useDraft({}, async () => {
    try {
      if (what === 'reset') await api.post(`/roles/${role.name}/reset`);
      else await api.delete(`/roles/${role.name}`);
    } catch (error) {
      if (error instanceof Problem && error.code === 'role_in_use') void queryClient.invalidateQueries({ queryKey: ['roles'] });
      throw error;
    }
    if (what === 'delete') await navigate({ to: '/roles' });
    await queryClient.invalidateQueries({ queryKey: ['roles'] });
    said(what === 'reset' ? t('roles.was_reset', { name: title }) : t('action.deleted', { name: title }));
    onClose();
  });
  return (
    <FormSheet
      form={form}
      onClose={onClose}
      size={460}
      title={what === 'reset' ? t('roles.reset_name', { name: title }) : t('action.delete_name', { name: title })}
      submit={what === 'reset' ? t('roles.reset') : t('action.delete')}
      keep={t('action.keep')}
      danger
      keepFirst
    >
      <p>{what === 'reset' ? t('roles.reset_effect', { count: role.people, n: f.int(role.people) }) : t('roles.delete_effect')}</p>
    </FormSheet>
  );
}
