// Somebody leaves: out at once, and who takes over what is open. And the second factor of who has lost everything.
import { Select, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { qa, type StaffMember } from '../../api/access';
import { api } from '../../api/client';
import { queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Note } from '../../components/ui';
import * as f from '../../shared/format';
import { IconAlertTriangle } from '../../shared/icons';
import { roleTitle } from '../../shared/roles';

export function Deactivate({ person, onClose }: { person: StaffMember; onClose: () => void }) {
  const { t } = useTranslation();
  const others = useQuery(qa.staff({ limit: 500, status: 'active' })).data?.items.filter((p) => p.id !== person.id);
  const sessions = useQuery(qa.sessionsOf(person.id)).data?.items.length;
  const form = useDraft({ heir_id: null as string | null, reason: '' }, async (v) => {
    await api.post(`/staff/${person.id}/deactivate`, { reason: v.reason.trim(), ...(v.heir_id === null ? {} : { heir_id: v.heir_id }) });
    await queryClient.invalidateQueries({ queryKey: ['staff'] });
    said(t('staff.deactivated', { name: person.name }));
    onClose();
  });
  // Who works in the same branch comes first.
  const near = (others ?? []).toSorted((a, b) => Number(b.branch_id === person.branch_id) - Number(a.branch_id === person.branch_id));
  return (
    <FormSheet form={form} onClose={onClose} size={500} title={t('staff.deactivate_name', { name: person.name })} submit={t('staff.deactivate')} keep={t('action.keep')} danger>
      <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
        {t('staff.deactivate_effect', { count: sessions ?? 0, n: f.int(sessions ?? 0) })}
      </Note>
      <Select
        label={t('staff.heir')}
        description={t('staff.heir_help')}
        placeholder={t('staff.nobody')}
        searchable
        clearable
        limit={60}
        nothingFoundMessage={t('state.nothing')}
        data={near.map((p) => ({ value: p.id, label: `${p.name} · ${roleTitle(t, p.role, p.role_title)}` }))}
        value={form.values.heir_id}
        onChange={(value) => form.set('heir_id', value)}
        error={fieldError(form.problem, 'heir_id')}
      />
      <Textarea label={t('brake.reason')} description={t('brake.reason_help')} autosize minRows={2} maxRows={5} {...form.bind('reason')} />
    </FormSheet>
  );
}

export function ResetFactor({ person, onClose }: { person: StaffMember; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft({}, async () => {
    await api.post(`/staff/${person.id}/second-factor/reset`);
    await queryClient.invalidateQueries({ queryKey: ['staff'] });
    said(t('staff.factor_gone', { name: person.name }));
    onClose();
  });
  return (
    <FormSheet form={form} onClose={onClose} size={460} title={t('staff.reset_factor')} submit={t('staff.reset_factor')} keep={t('action.keep')} danger keepFirst>
      <p>{t('staff.reset_factor_effect', { name: person.name })}</p>
    </FormSheet>
  );
}
