// How the line is served, what was proved of it before, and which holds stand or stood.
import { Button } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { q } from '../../api/queries';
import type { Proof, Subscription } from '../../api/types';
import { Bones, Card, Empty, Failed, KeyValues, Pill, ProblemNote } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { speedText } from '../../shared/validity';
import { IconEye, IconHistory, IconLockOpen, IconPencil } from '../../shared/icons';

export function AccessCard({ sub, edit }: { sub: Subscription; edit: (() => void) | undefined }) {
  const { t } = useTranslation();
  const session = sub.line.observed?.sessions[0];
  // A session that came up after the last reading has an address that nobody has read yet.
  const later = sub.live?.online === true && session === undefined;
  const nothing = later ? t('customer.no_reading') : sub.line.observed ? t('access.none') : t('state.unknown');
  const me = useQuery(q.me).data;
  const shown = useMutation({ mutationFn: () => api.get<{ password: string }>(`/subscriptions/${sub.id}/password`) });
  return (
    <Card
      title={t('access.title')}
      sub={t('access.sub')}
      aside={
        edit && (
          <Button variant="subtle" size="xs" leftSection={<IconPencil aria-hidden />} onClick={edit}>
            {t('action.edit')}
          </Button>
        )
      }
    >
      <KeyValues
        rows={[
          sub.access.kind === 'pppoe'
            ? [t('field.pppoe_user'), <code key="u">{sub.access.username}</code>]
            : [t('field.address_ip'), <code key="a">{[sub.access.address, sub.access.interface].filter(Boolean).join(' · ')}</code>],
          [t('field.router'), `${sub.router.name}, POP ${sub.pop.name}`],
          [t('field.package'), `${sub.package.name}, ${speedText(t, sub.package)}`],
          [t('access.address_now'), session?.address || nothing],
          [t('access.device'), session?.mac || nothing],
          [t('access.number'), sub.number ?? '–'],
          ...(shown.data ? [[t('field.pppoe_password'), <code key="p">{shown.data.password}</code>] as [ReactNode, ReactNode]] : []),
        ]}
      />
      {sub.access.kind === 'pppoe' && sub.state !== 'ended' && can(me, 'subscriptions:password') && (
        <div className="lm-card-foot">
          {shown.data ? (
            <small>{t('access.password_noted')}</small>
          ) : (
            <Button variant="default" size="xs" leftSection={<IconEye aria-hidden />} loading={shown.isPending} onClick={() => shown.mutate()}>
              {t('access.show_password')}
            </Button>
          )}
          <ProblemNote problem={shown.error instanceof Problem ? shown.error : null} />
        </div>
      )}
    </Card>
  );
}

export function HoldsCard({ sub, release }: { sub: Subscription; release: (() => void) | undefined }) {
  const { t } = useTranslation();
  return (
    <Card
      title={t('holds.title')}
      sub={t('holds.sub')}
      aside={
        sub.holds.length > 0 &&
        release && (
          <Button variant="subtle" size="xs" leftSection={<IconLockOpen aria-hidden />} onClick={release}>
            {t('action.release')}
          </Button>
        )
      }
    >
      {sub.holds.length === 0 ? (
        <p className="lm-quiet-line">
          <Pill tone="green">{t('holds.none')}</Pill> {t('holds.none_text')}
        </p>
      ) : (
        <ul className="lm-rows">
          {sub.holds.map((h) => (
            <li key={h.id}>
              <div>
                <Pill tone="red">{t(`hold.reason.${h.reason}`)}</Pill>
                <span>{h.note || t(`hold.what.${h.reason}`)}</span>
              </div>
              <small>{t('holds.by', { who: h.placed_by, time: f.dayTime(h.placed_at, 'second') })}</small>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

export function ProofsCard({ sub }: { sub: Subscription }) {
  const { t } = useTranslation();
  const proofs = useQuery(q.proofs(sub.id));
  return (
    <Card title={t('proofs.title')} sub={t('proofs.sub')}>
      {proofs.isError && !proofs.data ? (
        <Failed error={proofs.error} what={t('proofs.title')} retry={() => void proofs.refetch()} />
      ) : !proofs.data ? (
        <Bones rows={3} />
      ) : proofs.data.items.length === 0 ? (
        <Empty icon={<IconHistory />} title={t('proofs.none')} text={t('proofs.none_text')} />
      ) : (
        <ul className="lm-rows">
          {proofs.data.items.slice(0, 12).map((p, i) => (
            <li key={p.id ?? `${p.at}-${i}`}>
              <div>
                <ProofPill proof={p} />
                <span>{seen(p)}</span>
              </div>
              <small>
                {f.when(p.at, 'second')} · {t('line.generation', { generation: f.digits(p.generation) })}
              </small>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );

  function seen(p: Proof): string {
    if (p.reason) return p.reason;
    const o = p.observed;
    if (!o) return t('proofs.not_read');
    if (!o.present) return t('line.absent');
    const secret = o.closed ? t('proofs.closed') : t('proofs.passes');
    const session = o.sessions[0];
    return `${secret}, ${session ? t('line.session_up', { time: f.duration(session.uptime_seconds * 1000) }) : t('proofs.no_session')}`;
  }
}

function ProofPill({ proof }: { proof: Proof }) {
  const { t } = useTranslation();
  if (proof.outcome === 'failed') return <Pill tone="red">{t('line.failed')}</Pill>;
  if (proof.outcome === 'removed') return <Pill tone="grey">{t('proofs.removed')}</Pill>;
  if (proof.outcome === 'applied') return <Pill tone="blue">{t('step.applied')}</Pill>;
  const open = proof.open ?? (proof.observed ? !proof.observed.closed : true);
  return open ? <Pill tone="green">{t('line.open_verified')}</Pill> : <Pill tone="red">{t('line.held_verified')}</Pill>;
}
