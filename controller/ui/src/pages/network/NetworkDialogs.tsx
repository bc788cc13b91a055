// Small dialogs of the network: a POP's name, removing a router, revoking an agent.
import { TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { queryClient } from '../../api/queries';
import type { AgentInfo, Pop, RouterInfo } from '../../api/types';
import { useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { useWorkBranch } from '../../console/BranchSwitch';
import { said } from '../../components/say';
import { Note } from '../../components/ui';
import { IconAlertTriangle } from '../../shared/icons';

const refresh = () => {
  void queryClient.invalidateQueries({ queryKey: ['routers'] });
  return queryClient.invalidateQueries({ queryKey: ['pops'] });
};

export function PopDialog({ pop, onClose }: { pop: Pop | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const branch = useWorkBranch();
  const form = useDraft({ name: pop?.name ?? '' }, async (v) => {
    if (pop) await api.patch(`/pops/${pop.id}`, { name: v.name.trim() });
    else await api.post('/pops', { name: v.name.trim(), ...(branch ? { branch_id: branch.id } : {}) });
    await refresh();
    onClose();
  });
  return (
    <FormSheet form={form} onClose={onClose} size={460} title={pop ? t('network.rename') : t('network.add_pop')} submit={pop ? t('action.save') : t('network.add_pop')} ready={form.values.name.trim() !== ''}>
      <TextInput label={t('network.pop_name')} description={t('network.pop_name_help')} required data-autofocus autoComplete="off" {...form.bind('name')} />
    </FormSheet>
  );
}

export function RemoveRouterDialog({ router, onClose }: { router: RouterInfo; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft({}, async () => {
    await api.delete(`/routers/${router.id}`);
    await refresh();
    onClose();
    said(t('network.router_removed', { name: router.name }));
  });
  return (
    <FormSheet form={form} onClose={onClose} size={480} title={t('network.remove_router', { name: router.name })} keep={t('action.keep')} submit={t('action.remove')} danger keepFirst>
      <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
        {t('network.remove_router_text')}
      </Note>
    </FormSheet>
  );
}

export function RevokeDialog({ pop, agent, onClose }: { pop: Pop; agent: AgentInfo; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft({ typed: '' }, async () => {
    await api.delete(`/agents/${agent.id}`);
    await refresh();
    onClose();
    said(t('revoke.done', { name: agent.name }));
  });
  return (
    <FormSheet
      form={form}
      onClose={onClose}
      size={500}
      title={t('revoke.title')}
      sub={`${agent.name} · POP ${pop.name}`}
      keep={t('action.keep')}
      submit={t('revoke.submit')}
      ready={form.values.typed.trim() === agent.name}
      danger
    >
      <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
        {t('revoke.effect', { pop: pop.name })}
      </Note>
      <p>{t('revoke.lines_stay')}</p>
      <TextInput label={t('revoke.type', { name: agent.name })} data-autofocus autoComplete="off" {...form.bind('typed')} />
    </FormSheet>
  );
}
