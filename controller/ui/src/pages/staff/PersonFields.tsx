// The fields that inviting and editing somebody share: who, how reached, which role, where.
import { MultiSelect, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { qa, type Role } from '../../api/access';
import { q } from '../../api/queries';
import { api } from '../../api/client';
import type { Page, Ref, RoleScope, Staff } from '../../api/types';
import { fieldError, type Draft } from '../../components/form';
import { Note } from '../../components/ui';
import { can } from '../../shared/can';
import { roleTitle } from '../../shared/roles';
import { LANGUAGES } from '../profile/Details';

export interface PersonDraft {
  name: string;
  email: string;
  phone: string;
  language: string;
  role: string | null;
  branch_id: string | null;
  further_branch_ids: string[];
  reseller_id: string | null;
}

const GIVES: Record<RoleScope, RoleScope[]> = {
  all: ['all', 'branches', 'reseller', 'assigned'],
  branches: ['branches', 'reseller', 'assigned'],
  reseller: ['reseller'],
  assigned: ['assigned'],
};

/** Whether somebody may give this role: only what they have themselves, and no further than they reach. */
export function mayGive(me: Pick<Staff, 'permissions' | 'scope'>, role: Pick<Role, 'permissions' | 'scope'>): boolean {
  const all = me.permissions.includes('*');
  return (all || role.permissions.every((p) => p !== '*' && me.permissions.includes(p))) && GIVES[me.scope ?? 'branches'].includes(role.scope);
}

export function PersonFields<T extends PersonDraft>({ form }: { form: Draft<T> }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const roles = useQuery(qa.roles).data?.items;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items ?? [];
  const role = roles?.find((r) => r.name === form.values.role);
  const resellers = useQuery({
    queryKey: ['resellers', 'choice'],
    queryFn: ({ signal }) => api.get<Page<Ref>>('/resellers', { limit: 500 }, signal),
    enabled: role?.scope === 'reseller' && can(me, 'resellers:read'),
  }).data?.items;
  const draft = form as unknown as Draft<PersonDraft>;
  const v = draft.values;
  return (
    <>
      <div className="lm-two">
        <TextInput label={t('field.email')} type="email" autoComplete="off" {...draft.bind('email')} />
        <TextInput label={t('field.phone')} inputMode="tel" autoComplete="off" {...draft.bind('phone')} />
      </div>
      <div className="lm-two">
        <Select
          label={t('staff.role')}
          required
          allowDeselect={false}
          data={
            roles?.map((r) => ({ value: r.name, label: roleTitle(t, r.name, r.title), disabled: me ? !mayGive(me, r) : true })) ?? []
          }
          value={v.role}
          onChange={(value) => draft.set('role', value)}
          error={fieldError(form.problem, 'role')}
        />
        <Select label={t('profile.language')} allowDeselect={false} data={LANGUAGES} value={v.language} onChange={(value) => value && draft.set('language', value)} error={fieldError(form.problem, 'language')} />
      </div>
      {role && (
        <Note tone="grey">
          {t(`reach.${role.scope}`)}
          {role.second_factor ? ` ${t('staff.role_factor')}` : ''}
        </Note>
      )}
      {branches.length > 1 && (
        <div className="lm-two">
          <Select
            label={t('staff.home_branch')}
            required
            allowDeselect={false}
            searchable
            data={branches.map((b) => ({ value: b.id, label: b.name }))}
            value={v.branch_id}
            onChange={(value) => {
              draft.set('branch_id', value);
              draft.set('further_branch_ids', v.further_branch_ids.filter((id) => id !== value));
            }}
            error={fieldError(form.problem, 'branch_id')}
          />
          {role?.scope === 'branches' && (
            <MultiSelect
              label={t('staff.further')}
              searchable
              data={branches.filter((b) => b.id !== v.branch_id).map((b) => ({ value: b.id, label: b.name }))}
              value={v.further_branch_ids}
              onChange={(value) => draft.set('further_branch_ids', value)}
              error={fieldError(form.problem, 'further_branch_ids')}
            />
          )}
        </div>
      )}
      {role?.scope === 'reseller' && (
        <Select
          label={t('staff.reseller')}
          required
          searchable
          nothingFoundMessage={t('state.nothing')}
          data={resellers?.map((r) => ({ value: r.id, label: r.name })) ?? []}
          value={v.reseller_id}
          onChange={(value) => draft.set('reseller_id', value)}
          error={fieldError(form.problem, 'reseller_id')}
        />
      )}
    </>
  );
}
