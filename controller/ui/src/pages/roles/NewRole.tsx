// A new role begins as a copy of one that is there: nobody starts with a blank table of forty cells.
import { Select, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Role } from '../../api/access';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { roleTitle } from '../../shared/roles';
import { mayGive } from '../staff/PersonFields';

/** "Night shift" → "night_shift"; a Bangla title gives a number of its own. */
export function wordOf(title: string, taken: string[]): string {
  const base = title.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^[^a-z]+|_+$/g, '').slice(0, 36) || 'role';
  const start = base.length < 2 ? `${base}_role` : base;
  if (!taken.includes(start)) return start;
  for (let n = 2; ; n += 1) if (!taken.includes(`${start}_${n}`)) return `${start}_${n}`;
}

export function NewRole({ roles, onClose }: { roles: Role[]; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const me = queryClient.getQueryData(q.me.queryKey);
  const mine = roles.filter((r) => me && mayGive(me, r));
  const form = useDraft({ title: '', from: (mine.find((r) => r.name === 'support') ?? mine[mine.length - 1])?.name ?? null }, async (v) => {
    const base = mine.find((r) => r.name === v.from);
    const made = await api.post<Role>('/roles', {
      name: wordOf(v.title, roles.map((r) => r.name)),
      title: v.title.trim(),
      permissions: base?.permissions ?? [],
      scope: base?.scope ?? 'branches',
      second_factor: base?.second_factor ?? false,
    });
    await queryClient.invalidateQueries({ queryKey: ['roles'] });
    await navigate({ to: '/roles/$name', params: { name: made.name } });
  });
  return (
    <FormSheet form={form} onClose={onClose} size={460} title={t('roles.new')} submit={t('roles.make')} ready={form.values.title.trim() !== ''}>
      <TextInput label={t('roles.title')} description={t('roles.title_help')} required data-autofocus autoComplete="off" {...form.bind('title')} />
      <Select
        label={t('roles.like')}
        description={t('roles.like_help')}
        data={mine.map((r) => ({ value: r.name, label: roleTitle(t, r.name, r.title) }))}
        value={form.values.from}
        onChange={(value) => form.set('from', value)}
        error={fieldError(form.problem, 'permissions') ?? fieldError(form.problem, 'name')}
      />
    </FormSheet>
  );
}
