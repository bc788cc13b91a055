// How a line is served: package, user name, a new password. The old password is never shown: it is only replaced.
import { PasswordInput, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Subscription } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Note } from '../../components/ui';
import * as f from '../../shared/format';

export function EditLine({ sub, onClose }: { sub: Subscription; onClose: () => void }) {
  const { t } = useTranslation();
  const packages = useQuery(q.packages).data;
  const pppoe = sub.access.kind === 'pppoe';
  const form = useDraft(
    {
      package_id: sub.package.id,
      username: sub.access.username ?? '',
      password: '',
      address: sub.access.address ?? '',
      interface: sub.access.interface ?? '',
    },
    async (v) => {
      const body: Record<string, unknown> = {};
      if (v.package_id !== sub.package.id) body['package_id'] = v.package_id;
      if (pppoe && (v.username !== sub.access.username || v.password !== ''))
        body['access'] = { kind: 'pppoe', username: v.username.trim(), ...(v.password === '' ? {} : { password: v.password }) };
      if (!pppoe && (v.address !== sub.access.address || v.interface !== (sub.access.interface ?? '')))
        body['access'] = { kind: 'static', address: v.address.trim(), interface: v.interface.trim() };
      if (Object.keys(body).length > 0) await api.patch(`/subscriptions/${sub.id}`, body);
      await queryClient.invalidateQueries({ queryKey: ['subscriptions', sub.customer_id] });
      said(t('editline.done'));
      onClose();
    },
  );
  return (
    <FormSheet side form={form} onClose={onClose} title={t('editline.title')} sub={sub.router.name} submit={t('action.save')}>
      <Select
        label={t('field.package')}
        allowDeselect={false}
        searchable
        data={packages?.items.filter((p) => p.active || p.id === sub.package.id).map((p) => ({ value: p.id, label: `${p.name} · ${f.money(p.price)}` })) ?? []}
        value={form.values.package_id}
        onChange={(value) => value && form.set('package_id', value)}
        error={fieldError(form.problem, 'package_id')}
      />
      {pppoe ? (
        <div className="lm-two">
          <TextInput label={t('field.pppoe_user')} className="lm-mono-input" autoComplete="off" autoCapitalize="none" spellCheck={false} {...form.bind('username')} />
          <PasswordInput
            label={t('editline.new_password')}
            placeholder={t('editline.unchanged')}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }}
            {...form.bind('password')}
          />
        </div>
      ) : (
        <div className="lm-two">
          <TextInput label={t('field.address_ip')} className="lm-mono-input" autoComplete="off" {...form.bind('address')} />
          <TextInput label={t('field.interface')} className="lm-mono-input" autoComplete="off" {...form.bind('interface')} />
        </div>
      )}
      <Note>{t('editline.effect')}</Note>
    </FormSheet>
  );
}
