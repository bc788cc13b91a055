// Who sells for the ISP: their customers, and whether they may be given more.
import { Button, Select, Switch, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { qo, type Reseller } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Bones, Empty, Failed, PageHead, Pill, useTitle } from '../../components/ui';
import { useWorkBranch } from '../../console/BranchSwitch';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconBriefcase, IconPlus } from '../../shared/icons';
import { History } from '../audit/History';

export function Resellers() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const list = useQuery(qo.resellers);
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items ?? [];
  const [open, setOpen] = useState<Reseller | 'new' | null>(null);
  useTitle(t('nav.resellers'));
  const write = can(me, 'resellers:write');
  const add = write && (
    <Button leftSection={<IconPlus aria-hidden />} onClick={() => setOpen('new')}>
      {t('resellers.new')}
    </Button>
  );
  const items = list.data?.items ?? [];
  return (
    <>
      <PageHead title={t('nav.resellers')} sub={t('resellers.sub')} actions={items.length > 0 && add} />
      <section className="lm-card lm-flush lm-table-card">
        {list.isError && !list.data ? (
          <Failed error={list.error} what={t('nav.resellers')} retry={() => void list.refetch()} />
        ) : !list.data ? (
          <Bones rows={4} tall />
        ) : items.length === 0 ? (
          <Empty icon={<IconBriefcase />} title={t('resellers.none')} text={t('resellers.none_text')} action={add} />
        ) : (
          <table className="lm-table">
            <thead>
              <tr>
                <th scope="col">{t('field.name')}</th>
                <th scope="col" className="lm-wide">
                  {t('field.phone')}
                </th>
                <th scope="col" className="lm-wide">
                  {t('audit.branch')}
                </th>
                <th scope="col" className="lm-num">
                  {t('nav.customers')}
                </th>
                <th scope="col">{t('outbox.state')}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((r) => (
                <tr key={r.id} className={`lm-row-link ${r.active ? '' : 'lm-faded'}`} onClick={(e) => !(e.target as HTMLElement).closest('a,button') && setOpen(r)}>
                  <td>
                    <button type="button" className="lm-name lm-bare" onClick={() => setOpen(r)}>
                      {r.name}
                    </button>
                    <small className="lm-only-phone">{f.digits(f.phone(r.phone))}</small>
                  </td>
                  <td className="lm-wide">{f.digits(f.phone(r.phone))}</td>
                  <td className="lm-wide">{branches.find((b) => b.id === r.branch_id)?.name ?? '–'}</td>
                  <td className="lm-num">{r.customers > 0 ? <Link to="/customers" search={{ reseller: r.id }}>{f.int(r.customers)}</Link> : f.int(0)}</td>
                  <td>{r.active ? <Pill tone="green">{t('resellers.active')}</Pill> : <Pill tone="grey">{t('resellers.inactive')}</Pill>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {open && <Form reseller={open === 'new' ? undefined : open} write={write} onClose={() => setOpen(null)} />}
    </>
  );
}

function Form({ reseller, write, onClose }: { reseller: Reseller | undefined; write: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items ?? [];
  const work = useWorkBranch();
  const form = useDraft({ name: reseller?.name ?? '', phone: f.phone(reseller?.phone ?? ''), branch_id: reseller?.branch_id ?? work?.id ?? null, active: reseller?.active ?? true }, async (v) => {
    const body = { name: v.name.trim(), phone: v.phone.replace(/\s/g, '') };
    if (reseller) await api.patch(`/resellers/${reseller.id}`, { ...body, active: v.active });
    else await api.post('/resellers', { ...body, ...(v.branch_id ? { branch_id: v.branch_id } : {}) });
    await queryClient.invalidateQueries({ queryKey: ['resellers'] });
    void queryClient.invalidateQueries({ queryKey: ['audit'] });
    said(t('resellers.saved', { name: body.name }));
    onClose();
  });
  const v = form.values;
  return (
    <FormSheet side form={form} onClose={onClose} title={reseller ? t('resellers.edit') : t('resellers.new')} sub={reseller?.name} submit={write ? (reseller ? t('action.save') : t('resellers.new')) : undefined} keep={write ? t('action.cancel') : t('action.close')} ready={v.name.trim() !== '' && v.phone.trim() !== ''}>
      <TextInput label={t('field.name')} required disabled={!write} data-autofocus autoComplete="off" {...form.bind('name')} />
      <TextInput label={t('field.phone')} required disabled={!write} inputMode="tel" autoComplete="off" {...form.bind('phone')} />
      {!reseller && branches.length > 1 && <Select label={t('audit.branch')} allowDeselect={false} data={branches.map((b) => ({ value: b.id, label: b.name }))} value={v.branch_id} onChange={(id) => form.set('branch_id', id)} error={fieldError(form.problem, 'branch_id')} />}
      {reseller && <Switch label={t('resellers.is_active')} description={t('resellers.is_active_help')} disabled={!write} checked={v.active} onChange={(e) => form.set('active', e.currentTarget.checked)} />}
      {reseller && <History kind="reseller" id={reseller.id} />}
    </FormSheet>
  );
}
