// Small dialogs of the network: a POP's name, removing a router, revoking an agent.
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { AgentInfo, Pop, RouterInfo } from '../../api/types';
import { useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Dialog } from '../../components/Sheet';
import { Note, ProblemNote } from '../../components/ui';
import { IconAlertTriangle } from '../../shared/icons';

const refresh = () => {
  void queryClient.invalidateQueries({ queryKey: ['routers'] });
  return queryClient.invalidateQueries({ queryKey: ['pops'] });
};

export function PopDialog({ pop, onClose }: { pop: Pop | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const branch = useQuery(q.branches).data?.items[0];
  const form = useDraft({ name: pop?.name ?? '' }, async (v) => {
    if (pop) await api.patch(`/pops/${pop.id}`, { name: v.name.trim() });
    else await api.post('/pops', { name: v.name.trim(), ...(branch ? { branch_id: branch.id } : {}) });
    await refresh();
    onClose();
  });
  return (
    <Dialog
      opened
      size={460}
      onClose={onClose}
      title={pop ? t('network.rename') : t('network.add_pop')}
      onSubmit={(e) => void form.submit(e)}
      foot={
        <>
          <Button variant="default" onClick={onClose}>
            {t('action.cancel')}
          </Button>
          <Button type="submit" loading={form.busy} disabled={form.values.name.trim() === ''}>
            {pop ? t('action.save') : t('network.add_pop')}
          </Button>
        </>
      }
    >
      <TextInput label={t('network.pop_name')} description={t('network.pop_name_help')} required data-autofocus autoComplete="off" {...form.bind('name')} />
      <ProblemNote problem={form.problem} />
    </Dialog>
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
    <Dialog
      opened
      size={480}
      onClose={onClose}
      title={t('network.remove_router', { name: router.name })}
      onSubmit={(e) => void form.submit(e)}
      foot={
        <>
          <Button variant="default" onClick={onClose} data-autofocus>
            {t('action.keep')}
          </Button>
          <Button type="submit" className="lm-danger" loading={form.busy}>
            {t('action.remove')}
          </Button>
        </>
      }
    >
      <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
        {t('network.remove_router_text')}
      </Note>
      <ProblemNote problem={form.problem} />
    </Dialog>
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
    <Dialog
      opened
      size={500}
      onClose={onClose}
      title={t('revoke.title')}
      sub={`${agent.name} · POP ${pop.name}`}
      onSubmit={(e) => void form.submit(e)}
      foot={
        <>
          <Button variant="default" onClick={onClose}>
            {t('action.keep')}
          </Button>
          <Button type="submit" className="lm-danger" loading={form.busy} disabled={form.values.typed.trim() !== agent.name}>
            {t('revoke.submit')}
          </Button>
        </>
      }
    >
      <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
        {t('revoke.effect', { pop: pop.name })}
      </Note>
      <p>{t('revoke.lines_stay')}</p>
      <TextInput label={t('revoke.type', { name: agent.name })} data-autofocus autoComplete="off" {...form.bind('typed')} />
      <ProblemNote problem={form.problem} />
    </Dialog>
  );
}
