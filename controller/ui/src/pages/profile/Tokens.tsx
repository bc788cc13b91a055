// API tokens: for programs that act for me, with no more rights than I have, until a day that is fixed when they are made.
import { Button, Checkbox, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa, type Token } from '../../api/access';
import { api } from '../../api/client';
import { queryClient } from '../../api/queries';
import type { Staff } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Dialog } from '../../components/Sheet';
import { Ago, Bones, Card, Copy, Empty, Failed, Note, Pill } from '../../components/ui';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconKey, IconPlus } from '../../shared/icons';

const DAYS = ['30', '90', '365', '1095'];

export function Tokens({ me }: { me: Staff }) {
  const { t } = useTranslation();
  const tokens = useQuery(qa.tokens);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<{ text: string; token: Token } | null>(null);
  const [gone, setGone] = useState<Token | null>(null);
  const make = (
    <Button variant="default" size="xs" leftSection={<IconPlus aria-hidden />} onClick={() => setMaking(true)}>
      {t('tokens.new')}
    </Button>
  );
  return (
    <Card flush className="lm-below" title={t('tokens.title')} sub={t('tokens.sub')} aside={(tokens.data?.items.length ?? 0) > 0 && make}>
      {tokens.isError && !tokens.data ? (
        <Failed error={tokens.error} what={t('tokens.title')} retry={() => void tokens.refetch()} />
      ) : !tokens.data ? (
        <Bones rows={2} />
      ) : tokens.data.items.length === 0 ? (
        <Empty icon={<IconKey />} title={t('tokens.none')} text={t('tokens.none_text')} action={make} />
      ) : (
        <TokenTable items={tokens.data.items} onRevoke={setGone} />
      )}
      {making && (
        <NewToken
          me={me}
          onClose={() => setMaking(false)}
          onMade={(one) => {
            setMaking(false);
            setMade(one);
          }}
        />
      )}
      {made && (
        <Dialog opened onClose={() => setMade(null)} title={t('tokens.made', { name: made.token.name })} size={560} foot={<Button onClick={() => setMade(null)}>{t('tokens.kept')}</Button>}>
          <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
            {t('tokens.once')}
          </Note>
          <div className="lm-command">
            <code data-testid="token-text">{made.text}</code>
            <Copy value={made.text} label={t('action.copy')} />
          </div>
        </Dialog>
      )}
      {gone && <RevokeToken token={gone} path={`/me/tokens/${gone.id}`} query={['my', 'tokens']} onClose={() => setGone(null)} />}
    </Card>
  );
}

export function TokenTable({ items, onRevoke }: { items: Token[]; onRevoke?: ((token: Token) => void) | undefined }) {
  const { t } = useTranslation();
  return (
    <table className="lm-table">
      <thead>
        <tr>
          <th scope="col">{t('tokens.name')}</th>
          <th scope="col" className="lm-wide">{t('tokens.may')}</th>
          <th scope="col" className="lm-wide">{t('tokens.used')}</th>
          <th scope="col">{t('tokens.ends')}</th>
          <th scope="col">
            <span className="lm-hidden">{t('action.more')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((token) => {
          const over = token.revoked_at !== null || Date.parse(token.expires_at) < Date.now();
          return (
            <tr key={token.id} className={over ? 'lm-faded' : undefined}>
              <td>
                <span className="lm-strong">{token.name}</span>
                <small>{t('tokens.since', { time: f.day(token.created_at) })}</small>
              </td>
              <td className="lm-wide">{token.permissions === null ? t('tokens.all') : t('tokens.count', { count: token.permissions.length, n: f.int(token.permissions.length) })}</td>
              <td className="lm-wide">
                <Ago at={token.last_used_at} />
              </td>
              <td>
                {token.revoked_at !== null ? (
                  <Pill tone="red">{t('tokens.revoked', { time: f.day(token.revoked_at) })}</Pill>
                ) : over ? (
                  <Pill tone="grey">{t('tokens.over')}</Pill>
                ) : (
                  f.day(token.expires_at)
                )}
              </td>
              <td className="lm-num">
                {!over && onRevoke && (
                  <Button variant="subtle" size="xs" className="lm-danger-quiet" onClick={() => onRevoke(token)} aria-label={t('tokens.revoke_name', { name: token.name })}>
                    {t('tokens.revoke')}
                  </Button>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function RevokeToken({ token, path, query, onClose }: { token: Token; path: string; query: string[]; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft({}, async () => {
    await api.delete(path);
    await queryClient.invalidateQueries({ queryKey: query });
    said(t('tokens.revoked_done', { name: token.name }));
    onClose();
  });
  return (
    <FormSheet form={form} onClose={onClose} size={440} title={t('tokens.revoke_name', { name: token.name })} submit={t('tokens.revoke')} keep={t('action.keep')} danger keepFirst>
      <p>{t('tokens.revoke_effect')}</p>
    </FormSheet>
  );
}

function NewToken({ me, onClose, onMade }: { me: Staff; onClose: () => void; onMade: (made: { text: string; token: Token }) => void }) {
  const { t } = useTranslation();
  const all = useQuery({ ...qa.permissions, enabled: me.permissions.includes('*') }).data?.items.map((p) => p.name);
  const mine = me.permissions.includes('*') ? (all ?? []) : me.permissions;
  const form = useDraft({ name: '', days: '90', some: true, permissions: [] as string[] }, async (v) => {
    const made = await api.post<{ text: string; token: Token }>('/me/tokens', {
      name: v.name.trim(),
      days: Number(v.days),
      ...(v.some ? { permissions: v.permissions } : {}),
    });
    void queryClient.invalidateQueries({ queryKey: ['my', 'tokens'] });
    onMade(made);
  });
  const v = form.values;
  const resources = [...new Set(mine.map((p) => p.split(':')[0] ?? ''))].sort();
  const flip = (permission: string) => form.set('permissions', v.permissions.includes(permission) ? v.permissions.filter((p) => p !== permission) : [...v.permissions, permission]);
  return (
    <FormSheet side form={form} onClose={onClose} title={t('tokens.new')} submit={t('tokens.make')} ready={v.name.trim() !== '' && (!v.some || v.permissions.length > 0)}>
      <TextInput label={t('tokens.what_for')} required data-autofocus autoComplete="off" {...form.bind('name')} />
      <Select
        label={t('tokens.good_for')}
        allowDeselect={false}
        data={DAYS.map((days) => ({ value: days, label: t('validity.day', { count: Number(days), n: f.int(Number(days)) }) }))}
        value={v.days}
        onChange={(value) => value && form.set('days', value)}
        error={fieldError(form.problem, 'days')}
      />
      <div>
        <span className="lm-label">{t('tokens.may')}</span>
        <SegmentedControl
          fullWidth
          aria-label={t('tokens.may')}
          data={[
            { value: 'some', label: t('tokens.only') },
            { value: 'all', label: t('tokens.all') },
          ]}
          value={v.some ? 'some' : 'all'}
          onChange={(value) => form.set('some', value === 'some')}
        />
      </div>
      {v.some ? (
        <div className="lm-token-list">
          {resources.map((resource) => (
            <fieldset key={resource}>
              <legend>
                <code>{resource}</code>
              </legend>
              {mine
                .filter((p) => p.startsWith(`${resource}:`))
                .map((p) => (
                  <Checkbox key={p} size="xs" label={p.split(':')[1]} checked={v.permissions.includes(p)} onChange={() => flip(p)} />
                ))}
            </fieldset>
          ))}
        </div>
      ) : (
        <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
          {t('tokens.all_effect')}
        </Note>
      )}
      {fieldError(form.problem, 'permissions') && <p className="lm-field-error">{fieldError(form.problem, 'permissions')}</p>}
    </FormSheet>
  );
}
