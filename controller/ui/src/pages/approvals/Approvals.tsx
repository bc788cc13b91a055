// What needs a second person: who asks for what and why, what would change, and the decision. Nobody decides about
// their own; they may take it back.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa, type Approval } from '../../api/access';
import { q } from '../../api/queries';
import { Ago, Bones, Empty, Failed, KeyValues, PageHead, Pill, useTitle } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconUserCheck } from '../../shared/icons';
import { Decide, type Verdict } from './Decide';
import { approvalTone, factsOf, titleOf } from './words';

export function Approvals() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const decided = useSearch({ from: '/shell/approvals' }).state === 'decided';
  const pending = useQuery(qa.approvals('pending'));
  const all = useQuery({ ...qa.approvals('all'), enabled: decided });
  const [asked, setAsked] = useState<{ approval: Approval; verdict: Verdict } | null>(null);
  useTitle(t('nav.approvals'));
  const list = decided ? all : pending;
  const items = (list.data?.items ?? []).filter((a) => (decided ? a.state !== 'pending' : true));
  const waiting = pending.data?.items.length ?? 0;
  return (
    <>
      <PageHead title={t('nav.approvals')} sub={t('approvals.sub')} />
      <div className="lm-tabs" role="group" aria-label={t('approvals.which')}>
        <button type="button" className={clsx(!decided && 'lm-on')} aria-pressed={!decided} onClick={() => void navigate({ to: '/approvals', search: {} })}>
          {t('approvals.waiting')} {waiting > 0 && <b>{f.int(waiting)}</b>}
        </button>
        <button type="button" className={clsx(decided && 'lm-on')} aria-pressed={decided} onClick={() => void navigate({ to: '/approvals', search: { state: 'decided' } })}>
          {t('approvals.decided')}
        </button>
      </div>
      {list.isError && !list.data ? (
        <Failed error={list.error} what={t('nav.approvals')} retry={() => void list.refetch()} />
      ) : !list.data ? (
        <Bones rows={4} tall />
      ) : items.length === 0 ? (
        <section className="lm-card">
          <Empty icon={<IconUserCheck />} title={decided ? t('approvals.none_decided') : t('approvals.none')} text={t('approvals.none_text')} />
        </section>
      ) : (
        <div className="lm-stack lm-approvals">
          {items.map((approval) => (
            <One key={approval.id} approval={approval} onDecide={(verdict) => setAsked({ approval, verdict })} />
          ))}
        </div>
      )}
      {asked && <Decide approval={asked.approval} verdict={asked.verdict} onClose={() => setAsked(null)} />}
    </>
  );
}

function One({ approval, onDecide }: { approval: Approval; onDecide: (verdict: Verdict) => void }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items;
  const own = approval.requested_by.id === me?.id;
  const pending = approval.state === 'pending';
  const facts = factsOf(t, approval);
  const branch = branches && branches.length > 1 ? branches.find((b) => b.id === approval.branch_id)?.name : undefined;
  return (
    <article className="lm-card lm-approval">
      <div className="lm-approval-head">
        <h2>{titleOf(t, approval)}</h2>
        {!pending && <Pill tone={approvalTone(approval.state)}>{t(`approvals.state.${approval.state}`)}</Pill>}
        <p className="lm-muted">
          {t('approvals.asked_by', { name: own ? t('approvals.you') : approval.requested_by.name || t('approvals.somebody') })} · <Ago at={approval.requested_at} />
          {branch ? ` · ${branch}` : ''}
        </p>
      </div>
      {facts.some((fact) => fact.now !== null) ? (
        <table className="lm-said-table">
          <thead>
            <tr>
              <th scope="col">
                <span className="lm-hidden">{t('line.what')}</span>
              </th>
              <th scope="col">{t('approvals.now')}</th>
              <th scope="col">{t('approvals.then')}</th>
            </tr>
          </thead>
          <tbody>
            {facts.map((fact) => (
              <tr key={fact.key}>
                <th scope="row">{fact.label}</th>
                <td>{fact.now ?? '–'}</td>
                <td>
                  <b>{fact.then}</b>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        facts.length > 0 && <KeyValues rows={facts.map((fact) => [fact.label, fact.then])} />
      )}
      <blockquote>{approval.reason}</blockquote>
      {approval.decided_by && (
        <p className="lm-muted">
          {t('approvals.decided_by', { name: approval.decided_by.name || t('approvals.somebody'), time: approval.decided_at ? f.when(approval.decided_at) : '' })}
          {approval.decision ? `: ${approval.decision}` : ''}
        </p>
      )}
      <div className="lm-approval-foot">
        <span className="lm-muted">
          {approval.customer_id && can(me, 'customers:read') && (
            <Link to="/customers/$id" params={{ id: approval.customer_id }} search={{}}>
              {t('approvals.customer')}
            </Link>
          )}
          {approval.kind === 'dunning.brake' && can(me, 'dunning:read') && <Link to="/dunning">{t('approvals.brake')}</Link>}
          {pending && ` ${t('approvals.until', { time: f.dayTime(approval.expires_at) })}`}
        </span>
        {pending &&
          (own ? (
            <div className="lm-actions">
              <span className="lm-muted">{t('approvals.own')}</span>
              <Button variant="default" onClick={() => onDecide('withdraw')}>
                {t('approvals.withdraw')}
              </Button>
            </div>
          ) : (
            can(me, 'approvals:decide') && (
              <div className="lm-actions">
                <Button variant="subtle" className="lm-danger-quiet" onClick={() => onDecide('reject')}>
                  {t('approvals.reject')}
                </Button>
                <Button onClick={() => onDecide('approve')}>{t('approvals.approve')}</Button>
              </div>
            )
          ))}
      </div>
    </article>
  );
}
