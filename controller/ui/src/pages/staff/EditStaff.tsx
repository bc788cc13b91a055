// Changing somebody: what is sent is what was changed.
import { TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { StaffMember } from '../../api/access';
import { api } from '../../api/client';
import { queryClient } from '../../api/queries';
import { useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import * as f from '../../shared/format';
import { PersonFields } from './PersonFields';

export function EditStaff({ person, onClose }: { person: StaffMember; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft(
    {
      name: person.name,
      email: person.email,
      phone: f.phone(person.phone),
      language: person.language,
      role: person.role as string | null,
      branch_id: person.branch_id as string | null,
      further_branch_ids: person.further_branch_ids,
      reseller_id: person.reseller_id,
    },
    async (v) => {
      const next = { ...v, name: v.name.trim(), email: v.email.trim(), phone: v.phone === f.phone(person.phone) ? person.phone : v.phone.replace(/\s/g, '') };
      const changed = Object.entries(next).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(person[key as keyof typeof next]));
      if (changed.length > 0) await api.patch(`/staff/${person.id}`, Object.fromEntries(changed));
      await queryClient.invalidateQueries({ queryKey: ['staff'] });
      said(t('staff.saved', { name: next.name }));
      onClose();
    },
  );
  return (
    <FormSheet side form={form} onClose={onClose} title={t('staff.edit')} sub={person.username} submit={t('action.save')} ready={form.values.name.trim() !== ''}>
      <TextInput label={t('field.name')} required data-autofocus autoComplete="off" {...form.bind('name')} />
      <PersonFields form={form} />
    </FormSheet>
  );
}
