// Moving a customer to another branch: what it needs there, what goes along, what stays. Nothing happens before the last click.
import { Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { qo, type MovePreview } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import type { Customer } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Bones, Failed, Note } from '../../components/ui';
import * as f from '../../shared/format';
import { IconAlertTriangle } from '../../shared/icons';

type Choice = Record<string, { package_id: string | null; router_id: string | null }>;
const choiceOf = (preview: MovePreview): Choice => Object.fromEntries(preview.subscriptions.map((s) => [s.id, { package_id: s.package_id, router_id: s.router_id }]));

export function MoveDialog({ customer, onClose }: { customer: Customer; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const branches = useQuery(q.branches).data?.items ?? [];
  const [to, setTo] = useState<string | null>(null);
  const preview = useQuery({ ...qo.move(customer.id, to ?? ''), enabled: to !== null });
  const there = (list: { items: { branch_id?: string }[] } | undefined) => list?.items.filter((x) => x.branch_id === to) ?? [];
  const packages = useQuery({ ...q.packages, queryKey: ['packages', 'everywhere'], queryFn: ({ signal }) => api.everywhere<{ items: { id: string; name: string; branch_id?: string; active: boolean }[] }>('/packages', undefined, signal) as never }).data;
  const areas = useQuery({ ...q.areas, queryKey: ['areas', 'everywhere'], queryFn: ({ signal }) => api.everywhere<{ items: { id: string; name: string; branch_id: string }[] }>('/areas', undefined, signal) as never }).data;
  const pops = useQuery({ ...q.pops, queryKey: ['pops', 'everywhere'], queryFn: ({ signal }) => api.everywhere('/pops', undefined, signal) as never, refetchInterval: false }).data;
  const [choice, setChoice] = useState<Choice>({});
  useEffect(() => {
    if (preview.data) setChoice(choiceOf(preview.data));
  }, [preview.data]);
  const form = useDraft({ area_id: null as string | null, reason: '' }, async (v) => {
    await api.post(`/customers/${customer.id}/move`, {
      branch_id: to,
      ...(v.area_id ? { area_id: v.area_id } : {}),
      reason: v.reason.trim(),
      subscriptions: Object.entries(choice).map(([id, c]) => ({ id, ...c })),
    });
    await queryClient.invalidateQueries();
    said(t('move.done', { name: customer.name, branch: p?.to.name ?? '' }));
    onClose();
  });
  const p = preview.data;
  const ready = p !== undefined && p.blocked === null && form.values.reason.trim() !== '' && p.subscriptions.every((s) => choice[s.id]?.package_id && choice[s.id]?.router_id);
  const put = (id: string, change: Partial<Choice[string]>) => setChoice({ ...choice, [id]: { package_id: null, router_id: null, ...choice[id], ...change } });
  const blockedKey = `move.blocked.${p?.blocked ?? ''}`;
  const loses = p ? [p.loses.reseller?.name, ...(p.loses.assigned_to ?? []).map((x) => x.name)].filter(Boolean).join(', ') : '';
  // The POPs carry the routers; those of the other branch are offered.
  const routers = (pops?.items ?? []).filter((pop) => !('branch_id' in pop) || (pop as { branch_id?: string }).branch_id === to).flatMap((pop) => (pop.routers ?? []).map((r) => ({ value: r.id, label: `${r.name} · ${pop.name}` })));
  return (
    <FormSheet side form={form} onClose={onClose} title={t('move.title')} sub={customer.number} submit={p ? t('move.submit', { branch: p.to.name }) : t('move.open')} ready={ready}>
      <Select label={t('move.to')} required allowDeselect={false} data-autofocus data={branches.filter((b) => b.id !== customer.branch_id).map((b) => ({ value: b.id, label: b.name }))} value={to} onChange={setTo} error={fieldError(form.problem, 'branch_id')} />
      {to !== null && preview.isError && <Failed error={preview.error} what={t('move.title')} retry={() => void preview.refetch()} />}
      {to !== null && preview.isPending && <Bones rows={4} />}
      {p && p.blocked !== null && (
        <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
          {i18n.exists(blockedKey) ? t(blockedKey as 'move.blocked.no_package', { branch: p.to.name }) : p.blocked}
        </Note>
      )}
      {p && p.blocked === null && (
        <>
          {p.subscriptions.map((s) => (
            <fieldset key={s.id} className="lm-fields">
              <legend>
                {s.number} <small>{t('move.now', { name: s.package })}</small>
              </legend>
              <div className="lm-two">
                <Select label={t('field.package')} required searchable allowDeselect={false} data={there(packages).map((x) => x as unknown as { id: string; name: string }).map((x) => ({ value: x.id, label: x.name }))} value={choice[s.id]?.package_id ?? null} onChange={(package_id) => put(s.id, { package_id })} />
                <Select label={t('field.router')} required searchable allowDeselect={false} data={routers} value={choice[s.id]?.router_id ?? null} onChange={(router_id) => put(s.id, { router_id })} />
              </div>
            </fieldset>
          ))}
          <Select label={t('field.area')} clearable searchable limit={60} data={there(areas).map((x) => x as unknown as { id: string; name: string }).map((x) => ({ value: x.id, label: x.name }))} value={form.values.area_id} onChange={(id) => form.set('area_id', id)} error={fieldError(form.problem, 'area_id')} />
          <TextInput label={t('move.reason')} required autoComplete="off" {...form.bind('reason')} />
          <ul className="lm-plain-list">
            <li>{p.subscriptions.length > 0 ? t('move.lines', { count: p.subscriptions.length, n: f.int(p.subscriptions.length) }) : t('move.no_lines')}</li>
            <li>{p.credit.minor !== 0 ? t('move.credit', { amount: f.money(p.credit), from: p.from.name, to: p.to.name }) : t('move.no_credit')}</li>
            <li>{t('move.stays', { from: p.from.name })}</li>
            {loses && <li>{t('move.loses', { names: loses })}</li>}
          </ul>
        </>
      )}
    </FormSheet>
  );
}
