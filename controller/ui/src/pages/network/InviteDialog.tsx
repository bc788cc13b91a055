// Invite an agent: one command to copy, how long it holds, and what happens with it, live.
import { Button, Select } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Invite, InviteState, Pop } from '../../api/types';
import { Dialog } from '../../components/Sheet';
import { Steps, type Stop } from '../../components/Steps';
import { Copy, Note, ProblemNote, useNow } from '../../components/ui';
import * as f from '../../shared/format';
import { IconShieldLock } from '../../shared/icons';

export function InviteDialog({ pops, first, onClose }: { pops: Pop[]; first: Pop | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const fallback = pops.find((p) => p.agents.every((a) => a.revoked_at !== null)) ?? pops[0];
  const [popId, setPopId] = useState<string | null>(first?.id ?? fallback?.id ?? null);
  const [made, setMade] = useState<{ invite: Invite; at: string } | null>(null);
  const make = useMutation({
    mutationFn: (pop: string) => api.post<Invite>('/agents/invite', { pop_id: pop }),
    onSuccess: (invite) => setMade({ invite, at: new Date().toISOString() }),
  });
  const now = useNow(1_000);
  const state = useQuery({
    queryKey: ['invite', made?.invite.id],
    queryFn: ({ signal }) => api.get<InviteState>(`/agents/invites/${made?.invite.id}`, undefined, signal),
    enabled: made !== null,
    refetchInterval: (query) => (query.state.data?.state === 'joined' ? false : 2_000),
  }).data;
  const livePops = useQuery(q.pops).data?.items ?? pops;
  const pop = livePops.find((p) => p.id === popId);
  const joined = state?.state === 'joined';
  const left = made ? Math.max(0, Date.parse(made.invite.expires_at) - now) : 0;
  const expired = made !== null && !joined && (left === 0 || state?.state === 'expired');
  const found = joined && pop !== undefined && pop.routers.some((r) => r.last_poll_at !== null && made !== null && r.last_poll_at > made.at);

  useEffect(() => {
    if (joined) void queryClient.invalidateQueries({ queryKey: ['pops'] });
  }, [joined]);

  const minutes = Math.floor(left / 60_000);
  const seconds = Math.floor((left % 60_000) / 1000);
  const countdown = f.digits(`${minutes}:${String(seconds).padStart(2, '0')}`);
  const stops: Stop[] = made
    ? [
        { key: 'made', label: t('invite.made'), detail: f.clock(made.at, 'second'), status: 'done' },
        {
          key: 'waiting',
          label: joined ? t('invite.called') : expired ? t('invite.expired') : t('invite.waiting'),
          detail: joined ? t('invite.called_text') : expired ? t('invite.expired_short') : t('invite.nobody'),
          status: joined ? 'done' : expired ? 'failed' : 'now',
        },
        { key: 'joined', label: t('invite.joined'), detail: joined ? t('invite.pinned') : '–', status: joined ? 'done' : 'todo' },
        {
          key: 'routers',
          label: t('invite.routers'),
          detail: found ? t('invite.routers_read', { n: f.int(pop?.routers.length ?? 0) }) : joined && pop?.routers.length === 0 ? t('invite.no_routers') : joined ? t('step.now') : '–',
          status: found ? 'done' : joined && (pop?.routers.length ?? 0) > 0 ? 'now' : 'todo',
        },
      ]
    : [];
  const [verb, ...token] = (made?.invite.command ?? '').split(/(?=lm1\.)/);

  return (
    <Dialog
      opened
      onClose={onClose}
      size={660}
      title={t('invite.title')}
      sub={t('invite.sub')}
      footNote={t('invite.refused')}
      foot={
        made ? (
          <>
            {expired && (
              <Button variant="filled" loading={make.isPending} onClick={() => popId && make.mutate(popId)}>
                {t('invite.again')}
              </Button>
            )}
            <Button variant="default" onClick={onClose}>
              {joined ? t('action.done') : t('action.close')}
            </Button>
          </>
        ) : (
          <>
            <Button variant="default" onClick={onClose}>
              {t('action.cancel')}
            </Button>
            <Button data-autofocus loading={make.isPending} disabled={popId === null} onClick={() => popId && make.mutate(popId)}>
              {t('invite.make')}
            </Button>
          </>
        )
      }
    >
      <Select
        label="POP"
        data={pops.map((p) => ({ value: p.id, label: p.name }))}
        allowDeselect={false}
        searchable
        value={popId}
        onChange={setPopId}
        disabled={made !== null}
      />
      {made && (
        <>
          <div>
            <div className="lm-label-row">
              <strong>{t('invite.run')}</strong>
              {!joined && <b className={expired ? 'lm-red-text' : 'lm-amber-text'}>{expired ? t('invite.expired') : t('invite.valid', { time: countdown })}</b>}
            </div>
            <div className="lm-command">
              <code>
                {verb}
                <b>{token.join('')}</b>
              </code>
              <Copy value={made.invite.command} label={t('action.copy')} />
            </div>
          </div>
          <Note icon={<IconShieldLock aria-hidden />}>{t('invite.carries')}</Note>
          <Steps stops={stops} label={t('invite.progress')} />
        </>
      )}
      {!made && <Note icon={<IconShieldLock aria-hidden />}>{t('invite.before')}</Note>}
      <ProblemNote problem={make.error instanceof Problem ? make.error : null} />
    </Dialog>
  );
}
