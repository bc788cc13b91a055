// A new customer with a line: two calls of one form. If the second fails, the first is not repeated: the form says
// that the customer is there and asks only for the line again.
import { Button, SegmentedControl, Select, TextInput, Textarea, PasswordInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, newKey, Problem } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Customer, Subscription } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { Side } from '../../components/Sheet';
import { Note, ProblemNote } from '../../components/ui';
import { said } from '../../components/say';
import * as f from '../../shared/format';
import { validityText } from '../../shared/validity';
import { IconAlertTriangle, IconCheck, IconRefresh } from '../../shared/icons';

/** A password that can be read out over the telephone: no 0/O, 1/l/I. */
export function speakablePassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (b) => letters[b % letters.length]).join('');
}

interface LineDraft {
  kind: 'pppoe' | 'static';
  package_id: string | null;
  router_id: string | null;
  username: string;
  password: string;
  address: string;
  interface: string;
}

export function NewCustomer({ onClose, customer: existing }: { onClose: () => void; customer?: Customer }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const areas = useQuery(q.areas).data;
  const packages = useQuery(q.packages).data;
  const pops = useQuery(q.pops).data;
  const [made, setMade] = useState<Customer | null>(existing ?? null);
  const keys = useRef({ customer: newKey(), line: newKey() });

  const form = useDraft(
    {
      name: '',
      phone: '',
      area_id: null as string | null,
      address: '',
      notes: '',
      kind: 'pppoe',
      package_id: null,
      router_id: null,
      username: '',
      password: speakablePassword(),
      address_ip: '',
      interface: '',
    } as { name: string; phone: string; area_id: string | null; notes: string; address_ip: string } & LineDraft,
    async (v) => {
      let customer = made;
      if (!customer) {
        try {
          customer = await api.post<Customer>(
            '/customers',
            { name: v.name.trim(), phone: v.phone.replace(/\s/g, ''), area_id: v.area_id, address: v.address, notes: v.notes },
            keys.current.customer,
          );
        } catch (error) {
          // An answer with a reason was not taken: the corrected form is another request.
          if (error instanceof Problem && !error.offline) keys.current.customer = newKey();
          throw error;
        }
        setMade(customer);
        void queryClient.invalidateQueries({ queryKey: ['customers'] });
      }
      if (v.package_id !== null && v.router_id !== null) {
        try {
          await api.post<Subscription>(
            '/subscriptions',
            {
              customer_id: customer.id,
              package_id: v.package_id,
              router_id: v.router_id,
              access:
                v.kind === 'pppoe'
                  ? { kind: 'pppoe', username: v.username.trim(), password: v.password }
                  : { kind: 'static', address: v.address_ip.trim(), interface: v.interface.trim() },
            },
            keys.current.line,
          );
        } catch (error) {
          if (error instanceof Problem && !error.offline) keys.current.line = newKey();
          throw error;
        }
      }
      said(t('newcustomer.made', { name: customer.name, number: customer.number }));
      void queryClient.invalidateQueries({ queryKey: ['subscriptions', customer.id] });
      await navigate({
        to: '/customers/$id',
        params: { id: customer.id },
        search: v.package_id !== null ? { tab: 'line' } : {},
      });
    },
  );
  const v = form.values;
  const pack = packages?.items.find((p) => p.id === v.package_id);
  const wantsLine = v.package_id !== null || v.router_id !== null || made !== null;
  const routers = pops?.items
    .filter((p) => p.routers.length > 0)
    .map((p) => ({ group: p.name, items: p.routers.map((r) => ({ value: r.id, label: r.name })) }));

  const label = made ? t('newcustomer.submit_line') : wantsLine ? t('newcustomer.submit_both') : t('newcustomer.submit');
  const incomplete =
    (made === null && v.name.trim() === '') ||
    (wantsLine && (v.package_id === null || v.router_id === null)) ||
    (wantsLine && (v.kind === 'pppoe' ? v.username.trim() === '' || v.password === '' : v.address_ip.trim() === ''));

  return (
    <Side
      opened
      onClose={onClose}
      title={existing ? t('newcustomer.line_title') : t('newcustomer.title')}
      sub={existing ? existing.name : undefined}
      onSubmit={(e) => void form.submit(e)}
      footNote={pack && wantsLine ? t('newcustomer.first_period', { period: validityText(t, pack), price: f.money(pack.price) }) : t('newcustomer.number_given')}
      foot={
        <>
          <Button variant="default" onClick={onClose}>
            {t('action.cancel')}
          </Button>
          <Button type="submit" loading={form.busy} disabled={incomplete}>
            {label}
          </Button>
        </>
      }
    >
      {made && !existing && (
        <Note tone={form.problem ? 'amber' : 'green'} icon={form.problem ? <IconAlertTriangle aria-hidden /> : <IconCheck aria-hidden />}>
          {t('newcustomer.half', { name: made.name, number: made.number })}
        </Note>
      )}
      {!made && (
        <fieldset className="lm-fields">
          <legend>{t('newcustomer.who')}</legend>
          <TextInput label={t('field.name')} required data-autofocus autoComplete="off" {...form.bind('name')} />
          <div className="lm-two">
            <TextInput label={t('field.phone')} required inputMode="tel" placeholder={f.digits('01712 846 093')} autoComplete="off" {...form.bind('phone')} />
            <Select
              label={t('field.area')}
              data={areas?.items.map((a) => ({ value: a.id, label: a.name })) ?? []}
              searchable
              clearable
              limit={60}
              nothingFoundMessage={t('state.nothing')}
              value={v.area_id}
              onChange={(value) => form.set('area_id', value)}
              error={fieldError(form.problem, 'area_id')}
            />
          </div>
          <TextInput label={t('field.address')} autoComplete="off" {...form.bind('address')} />
          <Textarea label={t('field.notes')} autosize minRows={2} maxRows={5} {...form.bind('notes')} />
        </fieldset>
      )}
      <fieldset className="lm-fields">
        <legend>
          {t('newcustomer.line')} {!made && <small>{t('newcustomer.line_optional')}</small>}
        </legend>
        <div className="lm-two">
          <Select
            label={t('field.package')}
            required={wantsLine}
            data={
              packages?.items.filter((p) => p.active).map((p) => ({ value: p.id, label: `${p.name} · ${f.money(p.price)}` })) ?? []
            }
            searchable
            clearable={!made}
            nothingFoundMessage={t('state.nothing')}
            value={v.package_id}
            onChange={(value) => form.set('package_id', value)}
            error={fieldError(form.problem, 'package_id')}
          />
          <Select
            label={t('field.router')}
            required={wantsLine}
            data={routers ?? []}
            searchable
            clearable={!made}
            nothingFoundMessage={t('newcustomer.no_router')}
            value={v.router_id}
            onChange={(value) => {
              const router = pops?.items.flatMap((p) => p.routers).find((r) => r.id === value);
              form.set('router_id', value);
              if (router) form.set('kind', router.kind === 'linux' ? 'static' : 'pppoe');
            }}
            error={fieldError(form.problem, 'router_id')}
          />
        </div>
        {wantsLine && (
          <>
            <div>
              <span className="lm-label">{t('field.access')}</span>
              <SegmentedControl
                fullWidth
                aria-label={t('field.access')}
                data={[
                  { value: 'pppoe', label: 'PPPoE' },
                  { value: 'static', label: t('access.static') },
                ]}
                value={v.kind}
                onChange={(value) => form.set('kind', value === 'static' ? 'static' : 'pppoe')}
              />
            </div>
            {v.kind === 'pppoe' ? (
              <div className="lm-two">
                <TextInput label={t('field.pppoe_user')} required className="lm-mono-input" autoComplete="off" autoCapitalize="none" spellCheck={false} {...form.bind('username')} />
                <PasswordInput
                  label={t('field.pppoe_password')}
                  required
                  className="lm-mono-input"
                  autoComplete="new-password"
                  defaultVisible
                  visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }}
                  {...form.bind('password')}
                />
              </div>
            ) : (
              <div className="lm-two">
                <TextInput label={t('field.address_ip')} required placeholder="10.71.4.18" className="lm-mono-input" autoComplete="off" value={v.address_ip} onChange={(e) => form.set('address_ip', e.currentTarget.value)} error={fieldError(form.problem, 'address') ?? fieldError(form.problem, 'access')} />
                <TextInput label={t('field.interface')} placeholder="vlan104" className="lm-mono-input" autoComplete="off" {...form.bind('interface')} />
              </div>
            )}
            {v.kind === 'pppoe' && (
              <Button variant="subtle" size="xs" className="lm-inline-button" leftSection={<IconRefresh aria-hidden />} onClick={() => form.set('password', speakablePassword())}>
                {t('newcustomer.other_password')}
              </Button>
            )}
          </>
        )}
      </fieldset>
      <ProblemNote problem={form.problem} />
    </Side>
  );
}
