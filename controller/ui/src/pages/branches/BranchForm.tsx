// An office: name, where it is, who leads it, its clock and currency, its numbers, its weekly days off.
import { Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import clsx from 'clsx';
import { useTranslation } from 'react-i18next';
import { qa } from '../../api/access';
import { api } from '../../api/client';
import { WEEK, type Office, type OfficeDetail, type WeekDay } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { can } from '../../shared/can';
import * as f from '../../shared/format';

const MONTHS = Array.from({ length: 12 }, (_, i) => i + 1);

export function monthName(month: number, lang: string): string {
  return new Intl.DateTimeFormat(lang === 'bn' ? 'bn-BD' : 'en-GB', { month: 'long', timeZone: 'UTC' }).format(Date.UTC(2026, month - 1, 15));
}

export function BranchForm({ office, onClose }: { office: Office | undefined; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const me = useQuery(q.me).data;
  const staff = useQuery({ ...qa.staff({ limit: 200, status: 'active' }), enabled: can(me, 'staff:read') }).data?.items ?? [];
  const people = staff.map((p) => ({ value: p.id, label: p.name }));
  if (office?.manager && !people.some((p) => p.value === office.manager?.id)) people.unshift({ value: office.manager.id, label: office.manager.name });
  const form = useDraft(
    {
      name: office?.name ?? '',
      address: office?.address ?? '',
      phone: f.phone(office?.phone ?? ''),
      manager_id: office?.manager?.id ?? null,
      time_zone: office?.time_zone ?? 'Asia/Dhaka',
      currency: office?.currency ?? 'BDT',
      days_off: office?.days_off ?? (['sat', 'fri'] as WeekDay[]),
      invoice_prefix: office?.invoice_prefix ?? '',
      fiscal_year_month: office?.fiscal_year_month ?? 7,
    },
    async (v) => {
      const { manager_id, ...rest } = v;
      // Who may not see the staff cannot choose a manager: what is there stays.
      const body = { ...rest, name: v.name.trim(), phone: v.phone.replace(/\s/g, ''), currency: v.currency.trim(), time_zone: v.time_zone.trim(), invoice_prefix: v.invoice_prefix.trim(), ...(manager_id !== (office?.manager?.id ?? null) ? { manager_id } : {}) };
      const saved = office ? await api.patch<OfficeDetail>(`/branches/${office.id}`, body) : await api.post<OfficeDetail>('/branches', body);
      await queryClient.invalidateQueries({ queryKey: ['branches'] });
      void queryClient.invalidateQueries({ queryKey: ['audit'] });
      said(t('branches.saved', { name: body.name }));
      onClose();
      if (!office) void navigate({ to: '/branches/$id', params: { id: saved.id } });
    },
  );
  const v = form.values;
  const toggle = (day: WeekDay) => form.set('days_off', WEEK.filter((d) => (d === day ? !v.days_off.includes(d) : v.days_off.includes(d))));
  return (
    <FormSheet side form={form} onClose={onClose} title={office ? t('branches.edit') : t('branches.new')} sub={office?.name} submit={office ? t('action.save') : t('branches.new')} ready={v.name.trim() !== ''}>
      <TextInput label={t('field.name')} required data-autofocus autoComplete="off" {...form.bind('name')} />
      <Textarea label={t('field.address')} autosize minRows={2} {...form.bind('address')} />
      <div className="lm-two">
        <TextInput label={t('field.phone')} inputMode="tel" autoComplete="off" {...form.bind('phone')} />
        <Select label={t('branches.manager')} placeholder={t('branches.nobody')} clearable searchable disabled={!can(me, 'staff:read')} data={people} nothingFoundMessage={t('state.nothing')} value={v.manager_id} onChange={(id) => form.set('manager_id', id)} error={fieldError(form.problem, 'manager_id')} />
      </div>
      <div>
        <span className="lm-label">{t('branches.days_off')}</span>
        <div className="lm-week" role="group" aria-label={t('branches.days_off')}>
          {WEEK.map((day) => (
            <button key={day} type="button" className={clsx('lm-chip', v.days_off.includes(day) && 'lm-on')} aria-pressed={v.days_off.includes(day)} onClick={() => toggle(day)}>
              {t(`week.${day}`)}
            </button>
          ))}
        </div>
        {fieldError(form.problem, 'days_off') && <div className="lm-field-error">{fieldError(form.problem, 'days_off')}</div>}
      </div>
      <div className="lm-two">
        <TextInput label={t('branches.time_zone')} className="lm-mono-input" autoComplete="off" {...form.bind('time_zone')} />
        <TextInput label={t('branches.currency')} className="lm-mono-input" maxLength={3} autoComplete="off" {...form.bind('currency')} />
      </div>
      <div className="lm-two">
        <TextInput label={t('branches.invoice_prefix')} description={t('branches.invoice_prefix_help')} className="lm-mono-input" autoComplete="off" maxLength={12} {...form.bind('invoice_prefix')} />
        <Select label={t('branches.fiscal_year')} description={t('branches.fiscal_year_help')} allowDeselect={false} data={MONTHS.map((m) => ({ value: String(m), label: monthName(m, i18n.language) }))} value={String(v.fiscal_year_month)} onChange={(m) => m !== null && form.set('fiscal_year_month', Number(m))} error={fieldError(form.problem, 'fiscal_year_month')} />
      </div>
    </FormSheet>
  );
}
