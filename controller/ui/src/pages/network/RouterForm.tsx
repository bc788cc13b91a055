// A router: where it is reached, how the agent signs in, whether it may be changed. The password goes in and never
// comes out again.
import { NumberInput, PasswordInput, SegmentedControl, Switch, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Pop, RouterConf, RouterInfo, RouterKind } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Side } from '../../components/Sheet';
import { Bones, Note } from '../../components/ui';

const MBPS = 1_000_000;
const num = (value: string | number): number => (typeof value === 'number' ? value : Number(value));

export function RouterForm({ pop, router, onClose }: { pop: Pop; router: RouterInfo | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const all = useQuery({ ...q.routers, enabled: router !== undefined }).data;
  const conf = all?.items.find((r) => r.id === router?.id);
  if (router && !conf)
    return (
      <Side opened onClose={onClose} title={router.name}>
        <Bones rows={6} tall />
      </Side>
    );
  return <Inside key={conf?.id ?? 'new'} pop={pop} conf={conf} onClose={onClose} title={router ? t('router.edit') : t('network.add_router')} />;
}

function Inside({ pop, conf, onClose, title }: { pop: Pop; conf: RouterConf | undefined; onClose: () => void; title: string }) {
  const { t } = useTranslation();
  const form = useDraft(
    {
      name: conf?.name ?? '',
      kind: (conf?.kind ?? 'routeros') as RouterKind,
      host: conf?.host ?? '',
      port: conf?.port ?? 8728,
      username: conf?.username ?? 'lastmile',
      password: '',
      line_rate_mbps: (conf?.line_rate_bps ?? 1_000 * MBPS) / MBPS,
      enforce: conf?.enforce ?? true,
      poll_seconds: conf?.poll_seconds ?? 60,
    },
    async (v) => {
      const body = {
        name: v.name.trim(),
        kind: v.kind,
        ...(v.kind === 'linux' ? {} : { host: v.host.trim(), port: v.port, username: v.username.trim() }),
        line_rate_bps: Math.round(v.line_rate_mbps * MBPS),
        enforce: v.enforce,
        poll_seconds: v.poll_seconds,
        ...(v.password === '' ? {} : { password: v.password }),
      };
      if (conf) await api.patch(`/routers/${conf.id}`, body);
      else await api.post('/routers', { pop_id: pop.id, ...body });
      void queryClient.invalidateQueries({ queryKey: ['routers'] });
      await queryClient.invalidateQueries({ queryKey: ['pops'] });
      said(t('router.saved', { name: body.name }));
      onClose();
    },
  );
  const v = form.values;
  const linux = v.kind === 'linux';
  return (
    <FormSheet
      side
      form={form}
      onClose={onClose}
      title={title}
      sub={`POP ${pop.name}`}
      submit={conf ? t('action.save') : t('network.add_router')}
      ready={v.name.trim() !== '' && (linux || v.host.trim() !== '')}
    >
      <TextInput label={t('router.name')} description={t('router.name_help')} required data-autofocus autoComplete="off" {...form.bind('name')} />
      <div>
        <span className="lm-label">{t('router.kind')}</span>
        <SegmentedControl
          fullWidth
          aria-label={t('router.kind')}
          data={[
            { value: 'routeros', label: 'MikroTik RouterOS' },
            { value: 'linux', label: 'Linux' },
          ]}
          value={v.kind}
          onChange={(value) => form.set('kind', value === 'linux' ? 'linux' : 'routeros')}
        />
      </div>
      {linux && <Note>{t('router.linux_help')}</Note>}
      <div className="lm-two lm-wide-first" hidden={linux}>
        <TextInput label={t('router.host')} description={t('router.host_help')} required className="lm-mono-input" placeholder="10.0.0.1" autoComplete="off" {...form.bind('host')} />
        <NumberInput label={t('router.port')} description={t('router.port_help')} hideControls min={1} max={65535} value={v.port} onChange={(value) => form.set('port', num(value))} error={fieldError(form.problem, 'port')} />
      </div>
      {!linux && (
        <div className="lm-two">
          <TextInput label={t('router.username')} className="lm-mono-input" autoComplete="off" autoCapitalize="none" {...form.bind('username')} />
          <PasswordInput
            label={t('router.password')}
            placeholder={conf ? t('editline.unchanged') : ''}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ 'aria-label': t('signin.show_password') }}
            {...form.bind('password')}
          />
        </div>
      )}
      <div className="lm-two">
        <NumberInput label={t('router.poll')} suffix={` ${t('router.seconds')}`} hideControls min={5} max={3600} value={v.poll_seconds} onChange={(value) => form.set('poll_seconds', num(value))} error={fieldError(form.problem, 'poll_seconds')} />
        <NumberInput label={t('router.line_rate')} suffix=" Mb/s" hideControls min={1} value={v.line_rate_mbps} onChange={(value) => form.set('line_rate_mbps', num(value))} error={fieldError(form.problem, 'line_rate_bps')} />
      </div>
      <Switch label={t('router.enforce')} description={t('router.enforce_help')} checked={v.enforce} onChange={(e) => form.set('enforce', e.currentTarget.checked)} />
    </FormSheet>
  );
}
