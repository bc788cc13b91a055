// Who looks after a customer beside the branch: people to whom it is assigned, a reseller; and moving it to another branch.
import { Button, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa } from '../../api/access';
import { api } from '../../api/client';
import { qo } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import type { Customer, Ref } from '../../api/types';
import { complained, said } from '../../components/say';
import { Card, KeyValues } from '../../components/ui';
import { can } from '../../shared/can';
import { IconArrowsExchange } from '../../shared/icons';

const MoveDialog = lazy(() => import('./MoveDialog').then((m) => ({ default: m.MoveDialog })));

export function Care({ customer: c }: { customer: Customer }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items ?? [];
  const assigns = can(me, 'customers:assign');
  const resells = can(me, 'resellers:write');
  const people = useQuery({ ...qa.staff({ limit: 200, status: 'active' }), enabled: assigns && can(me, 'staff:read') }).data?.items ?? [];
  const resellers = useQuery({ ...qo.resellers, enabled: resells && can(me, 'resellers:read') }).data?.items ?? [];
  const [busy, setBusy] = useState(false);
  const [moving, setMoving] = useState(false);
  const assigned = c.assigned_to ?? [];
  const moves = can(me, 'customers:move') && branches.length > 1;
  const run = async (what: () => Promise<unknown>, done: string) => {
    setBusy(true);
    try {
      await what();
      said(done);
    } catch (error) {
      complained(error, t('error.unexpected'));
    } finally {
      setBusy(false);
      void queryClient.invalidateQueries({ queryKey: ['customer', c.id] });
      void queryClient.invalidateQueries({ queryKey: ['resellers'] });
      void queryClient.invalidateQueries({ queryKey: ['audit'] });
    }
  };
  const drop = (person: Ref) => void run(() => api.delete(`/customers/${c.id}/assignments?staff_id=${encodeURIComponent(person.id)}`), t('care.unassigned', { name: person.name }));
  const free = people.filter((p) => !assigned.some((a) => a.id === p.id) && (p.branch_id === c.branch_id || p.further_branch_ids.includes(c.branch_id ?? '')));
  const own = resellers.filter((r) => r.branch_id === c.branch_id && (r.active || r.id === c.reseller?.id));
  return (
    <Card
      title={t('care.title')}
      aside={
        moves && (
          <Button variant="subtle" size="xs" leftSection={<IconArrowsExchange aria-hidden />} onClick={() => setMoving(true)}>
            {t('move.open')}
          </Button>
        )
      }
    >
      <KeyValues
        rows={[
          [t('audit.branch'), branches.find((b) => b.id === c.branch_id)?.name ?? '–'],
          [
            t('care.assigned'),
            <div className="lm-care" key="assigned">
              {assigned.length === 0 && !(assigns && free.length > 0) && '–'}
              {assigned.map((person) =>
                assigns ? (
                  <button key={person.id} type="button" className="lm-chip lm-on" disabled={busy} aria-label={t('care.unassign', { name: person.name })} onClick={() => drop(person)}>
                    {person.name} ×
                  </button>
                ) : (
                  <span key={person.id}>{person.name}</span>
                ),
              )}
              {assigns && free.length > 0 && (
                <Select
                  size="xs"
                  aria-label={t('care.assign')}
                  placeholder={t('care.assign')}
                  searchable
                  disabled={busy}
                  limit={60}
                  data={free.map((p) => ({ value: p.id, label: p.name }))}
                  nothingFoundMessage={t('state.nothing')}
                  value={null}
                  onChange={(id) => {
                    const person = free.find((p) => p.id === id);
                    if (person) void run(() => api.post(`/customers/${c.id}/assignments`, { staff_id: person.id }), t('care.is_assigned', { name: person.name }));
                  }}
                />
              )}
            </div>,
          ],
          [
            t('care.reseller'),
            resells && (own.length > 0 || c.reseller) ? (
              <Select
                key="reseller"
                size="xs"
                aria-label={t('care.reseller')}
                placeholder={t('care.no_reseller')}
                clearable
                disabled={busy}
                data={[...(c.reseller && !own.some((r) => r.id === c.reseller?.id) ? [{ value: c.reseller.id, label: c.reseller.name }] : []), ...own.map((r) => ({ value: r.id, label: r.name }))]}
                value={c.reseller?.id ?? null}
                onChange={(id) => {
                  const reseller = own.find((r) => r.id === id);
                  if (id === (c.reseller?.id ?? null)) return;
                  void run(() => (id ? api.put(`/customers/${c.id}/reseller`, { reseller_id: id }) : api.delete(`/customers/${c.id}/reseller`)), reseller ? t('care.given', { name: reseller.name }) : t('care.taken_back'));
                }}
              />
            ) : (
              (c.reseller?.name ?? '–')
            ),
          ],
        ]}
      />
      <Suspense fallback={null}>{moving && <MoveDialog customer={c} onClose={() => setMoving(false)} />}</Suspense>
    </Card>
  );
}
