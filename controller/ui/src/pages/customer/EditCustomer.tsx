// The data of a person: name, telephone, where they live.
import { Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Customer } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import * as f from '../../shared/format';

export function EditCustomer({ customer, onClose }: { customer: Customer; onClose: () => void }) {
  const { t } = useTranslation();
  const areas = useQuery(q.areas).data;
  const form = useDraft(
    {
      name: customer.name,
      phone: f.phone(customer.phone),
      area_id: customer.area?.id ?? customer.area_id ?? null,
      address: customer.address ?? '',
      notes: customer.notes ?? '',
    },
    async (v) => {
      await api.patch(`/customers/${customer.id}`, { ...v, name: v.name.trim(), phone: v.phone.replace(/\s/g, '') });
      await queryClient.invalidateQueries({ queryKey: ['customer', customer.id] });
      void queryClient.invalidateQueries({ queryKey: ['customers'] });
      said(t('editcustomer.done'));
      onClose();
    },
  );
  return (
    <FormSheet side form={form} onClose={onClose} title={t('editcustomer.title')} sub={customer.number} submit={t('action.save')} ready={form.values.name.trim() !== ''}>
      <TextInput label={t('field.name')} required data-autofocus autoComplete="off" {...form.bind('name')} />
      <div className="lm-two">
        <TextInput label={t('field.phone')} required inputMode="tel" autoComplete="off" {...form.bind('phone')} />
        <Select
          label={t('field.area')}
          data={areas?.items.map((a) => ({ value: a.id, label: a.name })) ?? []}
          searchable
          clearable
          limit={60}
          nothingFoundMessage={t('state.nothing')}
          value={form.values.area_id}
          onChange={(value) => form.set('area_id', value)}
          error={fieldError(form.problem, 'area_id')}
        />
      </div>
      <TextInput label={t('field.address')} autoComplete="off" {...form.bind('address')} />
      <Textarea label={t('field.notes')} autosize minRows={2} maxRows={6} {...form.bind('notes')} />
    </FormSheet>
  );
}
