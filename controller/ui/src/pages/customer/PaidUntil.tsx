// Setting the paid date by hand: a few days one person may give; for more, the same question goes to a second person.
import { Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { queryClient } from '../../api/queries';
import type { Subscription } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Note } from '../../components/ui';
import * as f from '../../shared/format';

const LEAST = 3;

export function PaidUntil({ sub, onClose }: { sub: Subscription; onClose: () => void }) {
  const { t } = useTranslation();
  const [second, setSecond] = useState(false);
  const form = useDraft({ day: sub.paid_until === null ? '' : f.dayKey(sub.paid_until), reason: '' }, async (v) => {
    const paid_until = f.endOfDay(v.day);
    if (paid_until === null) return;
    if (second) {
      await api.post('/approvals', { kind: 'subscription.paid_until', subject_id: sub.id, data: { paid_until }, reason: v.reason.trim() });
      void queryClient.invalidateQueries({ queryKey: ['approvals'] });
      said(t('approvals.asked'));
      onClose();
      return;
    }
    try {
      await api.patch(`/subscriptions/${sub.id}`, { paid_until });
    } catch (error) {
      if (error instanceof Problem && error.code === 'needs_approval') setSecond(true);
      throw error;
    }
    for (const name of ['subscriptions', 'customers', 'timeline']) void queryClient.invalidateQueries({ queryKey: [name] });
    said(t('paiduntil.done', { time: f.dayTime(paid_until) }));
    onClose();
  });
  return (
    <FormSheet
      form={form}
      onClose={onClose}
      size={460}
      title={t('paiduntil.title')}
      sub={sub.number}
      submit={second ? t('approvals.ask') : t('paiduntil.submit')}
      ready={f.endOfDay(form.values.day) !== null && (!second || form.values.reason.trim().length >= LEAST)}
    >
      <Note tone="amber">{t('paiduntil.effect')}</Note>
      <TextInput type="date" label={t('paiduntil.date')} required data-autofocus value={form.values.day} onChange={(e) => form.set('day', e.currentTarget.value)} error={fieldError(form.problem, 'paid_until')} />
      {second && <Textarea label={t('brake.reason')} description={t('brake.reason_help')} required autosize minRows={2} maxRows={5} {...form.bind('reason')} />}
    </FormSheet>
  );
}
