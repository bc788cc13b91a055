// Hold, release, end. Each says before the click what it does on the router, and how it is taken back.
import { Select, Textarea } from '@mantine/core';
import { useState, type ComponentProps } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { queryClient } from '../../api/queries';
import type { Customer, HoldReason, Subscription } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { complained, said } from '../../components/say';
import { Note } from '../../components/ui';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconInfoCircle } from '../../shared/icons';

interface Props {
  customer: Customer;
  sub: Subscription;
  onClose: () => void;
}

/** What the router knows the line by. */
const signIn = (sub: Subscription) => sub.access.username ?? sub.access.address ?? '';

function LineSheet({ customer, ...rest }: { customer: Customer } & Omit<ComponentProps<typeof FormSheet>, 'sub'>) {
  return <FormSheet {...rest} sub={`${customer.name} · ${customer.number}`} />;
}

function refresh(sub: Subscription) {
  for (const name of ['subscriptions', 'timeline']) void queryClient.invalidateQueries({ queryKey: [name, sub.customer_id] });
  void queryClient.invalidateQueries({ queryKey: ['customers'] });
}

const CHOICES: HoldReason[] = ['staff', 'pause', 'abuse', 'legal'];

export function HoldDialog({ customer, sub, onClose }: Props) {
  const { t } = useTranslation();
  const form = useDraft<{ reason: HoldReason; note: string }>({ reason: 'staff', note: '' }, async (v) => {
    const hold = await api.post<{ id: string } | undefined>(`/subscriptions/${sub.id}/holds`, { reason: v.reason, note: v.note.trim() });
    refresh(sub);
    onClose();
    const holdId = hold?.id;
    said(
      t('hold.placed', { name: customer.name }),
      holdId
        ? {
            label: t('action.undo'),
            run: async () => {
              try {
                await api.post(`/holds/${holdId}/release`, { note: t('hold.undone') });
                refresh(sub);
              } catch (error) {
                complained(error, t('error.unexpected'));
              }
            },
          }
        : undefined,
    );
  });
  return (
    <LineSheet customer={customer} form={form} onClose={onClose} title={t('hold.title')} submit={t('hold.submit', { user: signIn(sub) })} ready={form.values.note.trim() !== ''} danger>
      <Note icon={<IconInfoCircle aria-hidden />}>
        {sub.access.kind === 'pppoe' ? t('hold.effect', { router: sub.router.name }) : t('hold.effect_static', { router: sub.router.name })}{' '}
        {t('hold.not_opened_by_payment')}
      </Note>
      <Select
        label={t('hold.reason_label')}
        data={CHOICES.map((value) => ({ value, label: t(`hold.reason.${value}`) }))}
        allowDeselect={false}
        value={form.values.reason}
        onChange={(value) => value && form.set('reason', value as HoldReason)}
        error={fieldError(form.problem, 'reason')}
      />
      <Textarea label={t('hold.note')} description={t('hold.note_help')} required autosize minRows={2} maxRows={5} data-autofocus {...form.bind('note')} />
    </LineSheet>
  );
}

export function ReleaseDialog({ customer, sub, onClose, onPay }: Props & { onPay: () => void }) {
  const { t } = useTranslation();
  const [holdId, setHoldId] = useState(sub.holds[0]?.id ?? null);
  const hold = sub.holds.find((h) => h.id === holdId) ?? sub.holds[0];
  const others = sub.holds.filter((h) => h !== hold);
  const form = useDraft({ note: '' }, async (v) => {
    if (!hold) return;
    await api.post(`/holds/${hold.id}/release`, { note: v.note.trim() });
    refresh(sub);
    onClose();
    said(others.length > 0 ? t('release.done_others', { name: customer.name }) : t('release.done', { name: customer.name }));
  });
  if (!hold) return null;
  const unpaid = hold.reason === 'nonpayment';
  return (
    <LineSheet
      customer={customer}
      form={form}
      onClose={onClose}
      title={t('release.title')}
      submit={others.length > 0 ? t('release.submit_single') : t('release.submit')}
      ready={form.values.note.trim() !== ''}
    >
      {sub.holds.length > 1 && (
        <Select
          label={t('release.which')}
          data={sub.holds.map((h) => ({ value: h.id, label: `${t(`hold.reason.${h.reason}`)}, ${f.when(h.placed_at)}` }))}
          allowDeselect={false}
          value={hold.id}
          onChange={setHoldId}
        />
      )}
      <Note icon={<IconInfoCircle aria-hidden />}>
        {t('release.since', { reason: t(`hold.reason.${hold.reason}`), who: hold.placed_by, time: f.dayTime(hold.placed_at) })} {hold.note}
      </Note>
      {others.length > 0 ? (
        <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
          {t('release.others', { reasons: others.map((h) => t(`hold.reason.${h.reason}`)).join(', ') })}
        </Note>
      ) : unpaid ? (
        <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
          {t('release.without_money')}{' '}
          <button type="button" className="lm-link" onClick={onPay}>
            {t('action.take_payment')}
          </button>
        </Note>
      ) : (
        <Note tone="blue">{t('release.effect', { router: sub.router.name })}</Note>
      )}
      <Textarea label={t('release.note')} required autosize minRows={2} maxRows={5} data-autofocus {...form.bind('note')} />
    </LineSheet>
  );
}

export function EndDialog({ customer, sub, onClose }: Props) {
  const { t } = useTranslation();
  const form = useDraft({}, async () => {
    await api.delete(`/subscriptions/${sub.id}`);
    refresh(sub);
    onClose();
    said(t('end.done', { name: customer.name }));
  });
  return (
    <LineSheet customer={customer} form={form} onClose={onClose} title={t('end.title')} keep={t('end.keep')} submit={t('end.submit')} danger keepFirst>
      <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
        {t('end.effect', { user: signIn(sub), router: sub.router.name })}
      </Note>
      <p>{t('end.keeps')}</p>
    </LineSheet>
  );
}
