// One office: where and who, when it is closed, into which accounts it is paid, what was changed.
import { Button, Switch, TextInput, Select, ActionIcon } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { qo, WEEK, type BranchAccount, type Holiday, type OfficeDetail } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import { useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Bones, Card, Empty, Failed, KeyValues, Pill, useTitle } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconBuilding, IconChevronRight, IconPencil, IconPlus, IconTrash } from '../../shared/icons';
import { History } from '../audit/History';
import { BranchForm, monthName } from './BranchForm';

type Asked = 'edit' | 'holidays' | 'accounts' | 'remove' | null;

export function BranchPage() {
  const { t, i18n } = useTranslation();
  const { id } = useParams({ from: '/shell/branches/$id' });
  const me = useQuery(q.me).data;
  const office = useQuery(qo.office(id));
  const [asked, setAsked] = useState<Asked>(null);
  useTitle(office.data?.name ?? t('nav.branches'));
  if (office.error instanceof Problem && office.error.status === 404)
    return (
      <Empty
        icon={<IconBuilding />}
        title={<h1>{t('branches.missing')}</h1>}
        action={
          <Button component={Link} to="/branches" variant="default" size="xs">
            {t('notfound.to', { page: t('nav.branches') })}
          </Button>
        }
      />
    );
  if (office.isError && !office.data) return <Failed error={office.error} what={t('nav.branches')} retry={() => void office.refetch()} />;
  if (!office.data) return <Bones rows={8} tall />;
  const o = office.data;
  const write = can(me, 'branches:write');
  const edit = (what: Asked) =>
    write && (
      <Button variant="subtle" size="xs" leftSection={<IconPencil aria-hidden />} onClick={() => setAsked(what)}>
        {t('action.edit')}
      </Button>
    );
  return (
    <>
      <nav className="lm-crumbs" aria-label={t('nav.crumbs')}>
        <Link to="/branches">{t('nav.branches')}</Link>
        <IconChevronRight aria-hidden />
        <span>{o.name}</span>
      </nav>
      <section className="lm-card lm-flush lm-person">
        <div className="lm-person-head">
          <div>
            <h1>{o.name}</h1>
            <p>{[o.address, f.digits(f.phone(o.phone))].filter(Boolean).join(' · ') || t('branches.no_address')}</p>
          </div>
          {write && (
            <div className="lm-actions">
              <Button variant="default" className="lm-danger-quiet" leftSection={<IconTrash aria-hidden />} onClick={() => setAsked('remove')}>
                {t('branches.remove')}
              </Button>
              <Button variant="default" leftSection={<IconPencil aria-hidden />} onClick={() => setAsked('edit')}>
                {t('action.edit')}
              </Button>
            </div>
          )}
        </div>
        <div className="lm-facts lm-facts-four">
          {(['customers', 'staff', 'pops', 'routers'] as const).map((key) => (
            <div key={key}>
              <span>{t(key === 'customers' || key === 'staff' ? `nav.${key}` : `branches.${key}`)}</span>
              <strong>{f.int(o[key])}</strong>
            </div>
          ))}
        </div>
      </section>
      <div className="lm-columns">
        <div className="lm-column">
          <Card title={t('branches.office')}>
            <KeyValues
              rows={[
                [t('branches.manager'), o.manager?.name ?? t('branches.nobody')],
                [t('branches.time_zone'), o.time_zone],
                [t('branches.currency'), o.currency],
                [t('branches.invoice_prefix'), o.invoice_prefix || '–'],
                [t('branches.fiscal_year'), monthName(o.fiscal_year_month, i18n.language)],
                [t('branches.since'), f.day(o.created_at, true)],
              ]}
            />
          </Card>
          <Card title={t('branches.calendar')} aside={edit('holidays')}>
            <p>
              {t('branches.closed_weekly')}{' '}
              <strong>{WEEK.filter((day) => o.days_off.includes(day)).map((day) => t(`week_long.${day}`)).join(', ') || t('branches.never_closed')}</strong>
            </p>
            {o.holidays.length === 0 ? (
              <p className="lm-muted">{t('branches.no_holidays')}</p>
            ) : (
              <ul className="lm-rows lm-holidays">
                {o.holidays.map((h) => (
                  <li key={h.day}>
                    <strong>{h.name}</strong>
                    <span className="lm-muted">{f.day(`${h.day}T12:00:00Z`, true)}</span>
                  </li>
                ))}
              </ul>
            )}
          </Card>
        </div>
        <div className="lm-column">
          <Card title={t('branches.accounts')} sub={t('branches.accounts_sub')} aside={edit('accounts')}>
            {o.accounts.length === 0 ? (
              <p className="lm-muted">{t('branches.no_accounts')}</p>
            ) : (
              <ul className="lm-rows">
                {o.accounts.map((a) => (
                  <li key={a.id}>
                    <div>
                      <strong>{a.name}</strong>
                      <small>{[t(`branches.kind.${a.kind}`), a.note].filter(Boolean).join(' · ')}</small>
                    </div>
                    <span>
                      <code>{a.number}</code> {!a.active && <Pill tone="grey">{t('settings.off')}</Pill>}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </Card>
          <History kind="branch" id={o.id} />
        </div>
      </div>
      {asked === 'edit' && <BranchForm office={o} onClose={() => setAsked(null)} />}
      {asked === 'holidays' && <Holidays office={o} onClose={() => setAsked(null)} />}
      {asked === 'accounts' && <Accounts office={o} onClose={() => setAsked(null)} />}
      {asked === 'remove' && <Remove office={o} onClose={() => setAsked(null)} />}
    </>
  );
}

async function saved(id: string, answer: OfficeDetail): Promise<void> {
  queryClient.setQueryData(qo.office(id).queryKey, answer);
  await queryClient.invalidateQueries({ queryKey: ['branches'] });
  void queryClient.invalidateQueries({ queryKey: ['audit'] });
}

function Holidays({ office, onClose }: { office: OfficeDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft({ holidays: office.holidays.map((h) => ({ ...h })) }, async (v) => {
    await saved(office.id, await api.patch<OfficeDetail>(`/branches/${office.id}`, { holidays: v.holidays.map((h) => ({ day: h.day, name: h.name.trim() })) }));
    said(t('branches.saved', { name: office.name }));
    onClose();
  });
  const list = form.values.holidays;
  const put = (at: number, change: Partial<Holiday>) => form.set('holidays', list.map((h, i) => (i === at ? { ...h, ...change } : h)));
  return (
    <FormSheet side form={form} onClose={onClose} title={t('branches.holidays')} sub={office.name} submit={t('action.save')} ready={list.every((h) => h.day !== '' && h.name.trim() !== '')}>
      <p className="lm-muted">{t('branches.holidays_help')}</p>
      <div className="lm-pairs lm-day-pairs">
        {list.map((h, i) => (
          <div key={i}>
            <TextInput type="date" aria-label={t('branches.day')} value={h.day} onChange={(e) => put(i, { day: e.currentTarget.value })} />
            <TextInput aria-label={t('field.name')} placeholder={t('branches.holiday_name')} value={h.name} onChange={(e) => put(i, { name: e.currentTarget.value })} />
            <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('action.delete_name', { name: h.name })} onClick={() => form.set('holidays', list.filter((_, at) => at !== i))}>
              <IconTrash aria-hidden />
            </ActionIcon>
          </div>
        ))}
      </div>
      <Button variant="default" size="xs" className="lm-inline-button" leftSection={<IconPlus aria-hidden />} onClick={() => form.set('holidays', [...list, { day: '', name: '' }])}>
        {t('branches.add_holiday')}
      </Button>
    </FormSheet>
  );
}

function Accounts({ office, onClose }: { office: OfficeDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft({ accounts: office.accounts.map((a) => ({ ...a })) }, async (v) => {
    const accounts = v.accounts.map(({ id, ...a }) => ({ ...(id === '' ? {} : { id }), ...a, name: a.name.trim(), number: a.number.trim() }));
    await saved(office.id, await api.patch<OfficeDetail>(`/branches/${office.id}`, { accounts }));
    said(t('branches.saved', { name: office.name }));
    onClose();
  });
  const list = form.values.accounts;
  const put = (at: number, change: Partial<BranchAccount>) => form.set('accounts', list.map((a, i) => (i === at ? { ...a, ...change } : a)));
  return (
    <FormSheet side form={form} onClose={onClose} title={t('branches.accounts')} sub={office.name} submit={t('action.save')} ready={list.every((a) => a.name.trim() !== '' && a.number.trim() !== '')}>
      {list.map((a, i) => (
        <fieldset key={a.id || i} className="lm-fields">
          <div className="lm-two">
            <Select label={t('branches.kind.label')} allowDeselect={false} data={(['bank', 'gateway'] as const).map((kind) => ({ value: kind, label: t(`branches.kind.${kind}`) }))} value={a.kind} onChange={(kind) => put(i, { kind: kind === 'gateway' ? 'gateway' : 'bank' })} />
            <TextInput label={t('field.name')} required value={a.name} onChange={(e) => put(i, { name: e.currentTarget.value })} />
          </div>
          <div className="lm-two">
            <TextInput label={t('branches.account_number')} required className="lm-mono-input" value={a.number} onChange={(e) => put(i, { number: e.currentTarget.value })} />
            <TextInput label={t('field.notes')} value={a.note} onChange={(e) => put(i, { note: e.currentTarget.value })} />
          </div>
          <div className="lm-count-line">
            <Switch label={t('branches.in_use')} checked={a.active} onChange={(e) => put(i, { active: e.currentTarget.checked })} />
            <Button variant="subtle" size="xs" className="lm-danger-quiet" leftSection={<IconTrash aria-hidden />} onClick={() => form.set('accounts', list.filter((_, at) => at !== i))}>
              {t('action.remove')}
            </Button>
          </div>
        </fieldset>
      ))}
      <Button variant="default" size="xs" className="lm-inline-button" leftSection={<IconPlus aria-hidden />} onClick={() => form.set('accounts', [...list, { id: '', kind: 'bank', name: '', number: '', note: '', active: true }])}>
        {t('branches.add_account')}
      </Button>
    </FormSheet>
  );
}

/** Refused with the reason while anything is left in it; then nothing was changed. */
function Remove({ office, onClose }: { office: OfficeDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const form = useDraft({}, async () => {
    await api.delete(`/branches/${office.id}`);
    void queryClient.invalidateQueries({ queryKey: ['branches', 'full'] });
    void queryClient.invalidateQueries({ queryKey: ['branches'], exact: true });
    said(t('action.deleted', { name: office.name }));
    onClose();
    await navigate({ to: '/branches' });
  });
  const refused = form.problem?.status === 409;
  return (
    <FormSheet form={form} onClose={onClose} size={460} title={t('action.delete_name', { name: office.name })} keep={refused ? t('action.close') : t('action.keep')} submit={refused ? undefined : t('branches.remove')} danger keepFirst>
      {!form.problem && <p>{t('branches.remove_text')}</p>}
      {refused && form.problem?.detail && form.problem.code === 'branch_in_use' && <p>{form.problem.detail}</p>}
    </FormSheet>
  );
}
