// The brake: the sentence first, the proportion, then what can be done. The dangerous way is quiet, at the far end,
// and asks for a reason.
import { Button, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Brake, Freeze } from '../../api/types';
import { useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Bones, Card, Empty, Failed, Note, PageHead, Pill } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconCircleCheck, IconHandStop, IconSnowflake, IconUsers } from '../../shared/icons';

type Open = { what: 'approve' | 'dismiss'; brake: Brake } | { what: 'clear' } | null;

export function Dunning() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const brakes = useQuery(q.brakes);
  const freeze = useQuery(q.freeze);
  const [open, setOpen] = useState<Open>(null);
  const may = can(me, 'dunning:decide');
  useEffect(() => {
    document.title = `${t('nav.dunning')} · Lastmile`;
  }, [t]);
  const all = brakes.data?.items ?? [];
  const items = all.filter((b) => b.state === 'asking' || b.state === 'approved');
  const earlier = all.filter((b) => b.state !== 'asking' && b.state !== 'approved');
  const asking = items.some((b) => b.state === 'asking');
  const frozen = freeze.data?.frozen ?? false;
  return (
    <>
      <PageHead
        title={
          <>
            {t('nav.dunning')}{' '}
            {frozen ? <Pill tone="red">{t('dunning.frozen')}</Pill> : asking ? <Pill tone="red">{t('dunning.braked')}</Pill> : brakes.data && <Pill tone="green">{t('dunning.runs')}</Pill>}
          </>
        }
        sub={t('dunning.sub')}
      />
      {brakes.isError && !brakes.data ? (
        <Card>
          <Failed error={brakes.error} what={t('nav.dunning')} retry={() => void brakes.refetch()} />
        </Card>
      ) : !brakes.data ? (
        <Card>
          <Bones rows={5} tall />
        </Card>
      ) : (
        <div className="lm-stack">
          {frozen && freeze.data && <Frozen freeze={freeze.data} clear={may ? () => setOpen({ what: 'clear' }) : undefined} />}
          {items.map((brake) => (
            <BrakeCard key={brake.id} brake={brake} may={may} setOpen={setOpen} />
          ))}
          {items.length === 0 && !frozen && (
            <Card>
              <Empty icon={<IconCircleCheck />} title={t('dunning.calm')} text={t('dunning.calm_text')} />
            </Card>
          )}
          {earlier.length > 0 && (
            <Card title={t('dunning.earlier')}>
              <ul className="lm-rows">
                {earlier.slice(0, 10).map((b) => (
                  <li key={b.id}>
                    <div>
                      <Pill tone={b.state === 'done' ? 'amber' : 'grey'}>{t(`dunning.state.${b.state}`)}</Pill>
                      <span>
                        {t('brake.figure', { limit: f.int(b.limit), n: f.int(b.wanted) })}
                        {b.reason ? ` · ${b.reason}` : ''}
                      </span>
                    </div>
                    <small>{[b.decided_by, f.dayTime(b.decided_at ?? b.created_at)].filter(Boolean).join(', ')}</small>
                  </li>
                ))}
              </ul>
            </Card>
          )}
          <Card title={t('dunning.how')}>
            <ul className="lm-plain-list">
              <li>{t('dunning.how_grace')}</li>
              <li>{t('dunning.how_brake')}</li>
              <li>{t('dunning.how_clock')}</li>
              <li>{t('dunning.how_payment')}</li>
            </ul>
          </Card>
        </div>
      )}
      {open && <Decide open={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function BrakeCard({ brake, may, setOpen }: { brake: Brake; may: boolean; setOpen: (open: Open) => void }) {
  const { t } = useTranslation();
  const would = brake.wanted;
  const branch = useQuery(q.branches).data?.items.find((b) => b.id === brake.branch_id);
  const [shown, setShown] = useState(0);
  const share = would > 0 ? Math.min(100, (brake.limit / would) * 100) : 100;
  return (
    <section className="lm-card lm-brake">
      <div className="lm-brake-head">
        <span className="lm-empty-icon lm-red" aria-hidden>
          <IconHandStop />
        </span>
        <div>
          <h2>
            {t('brake.would', { count: would, n: f.int(would) })} {t('brake.limit_is', { n: f.int(brake.limit) })} {t('brake.nobody')}
          </h2>
          <p>
            {brake.active_lines > 400 ? t('brake.rule_of', { lines: f.int(brake.active_lines) }) : t('brake.rule')}{' '}
            {brake.held_before > 0 && t('brake.held_before', { n: f.int(brake.held_before) })} {t('brake.asked', { time: f.when(brake.created_at) })}
            {branch && ` · ${branch.name}`}
          </p>
        </div>
      </div>
      <div className="lm-brake-figure" role="img" aria-label={t('brake.figure', { limit: f.int(brake.limit), n: f.int(would) })}>
        <div className="lm-brake-labels" aria-hidden>
          <span className="lm-green-text" style={{ insetInlineStart: `${Math.min(share, 70)}%` }}>
            {t('brake.limit', { n: f.int(brake.limit) })}
          </span>
          <span className="lm-red-text">{t('brake.on_list', { n: f.int(would) })}</span>
        </div>
        <div className="lm-brake-bar">
          <i style={{ width: `${share}%` }} />
        </div>
      </div>
      <Note>{t('brake.check')}</Note>
      <div className="lm-brake-actions">
        <div className="lm-actions">
          <Button leftSection={<IconUsers aria-hidden />} onClick={() => setShown(shown === 0 ? 20 : 0)} aria-expanded={shown > 0} variant={shown > 0 ? 'default' : 'filled'}>
            {t('brake.look')}
          </Button>
          {may && brake.state === 'asking' && (
            <Button variant="default" onClick={() => setOpen({ what: 'dismiss', brake })}>
              {t('brake.dismiss')}
            </Button>
          )}
        </div>
        {may && brake.state === 'asking' && (
          <Button variant="subtle" className="lm-danger-quiet" leftSection={<IconAlertTriangle aria-hidden />} onClick={() => setOpen({ what: 'approve', brake })}>
            {t('brake.approve', { count: would, n: f.int(would) })}
          </Button>
        )}
        {brake.state === 'approved' && <Pill tone="blue">{t('brake.working', { done: f.int(brake.done), n: f.int(brake.listed) })}</Pill>}
      </div>
      {shown > 0 && <BrakeLines brake={brake} limit={shown} more={() => setShown(shown + 80)} />}
    </section>
  );
}

function BrakeLines({ brake, limit, more }: { brake: Brake; limit: number; more: () => void }) {
  const { t } = useTranslation();
  const lines = useQuery(q.brakeLines(brake.id, limit));
  if (lines.isError && !lines.data) return <Failed error={lines.error} what={t('brake.lines')} retry={() => void lines.refetch()} />;
  if (!lines.data) return <Bones rows={5} />;
  return (
    <div>
      <table className="lm-table lm-flat">
        <thead>
          <tr>
            <th scope="col">{t('brake.customer')}</th>
            <th scope="col" className="lm-wide">{t('access.number')}</th>
            <th scope="col" className="lm-num">{t('customers.paid_until')}</th>
          </tr>
        </thead>
        <tbody>
          {lines.data.items.map((line) => (
            <tr key={line.subscription_id}>
              <td>
                <Link to="/customers/$id" params={{ id: line.customer_id }} search={{}} className="lm-name">
                  {line.customer_name}
                </Link>
              </td>
              <td className="lm-wide">{line.number}</td>
              <td className="lm-num">{f.dayTime(line.paid_until)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.data.next !== null && limit < 500 && (
        <Button variant="subtle" size="xs" onClick={more}>
          {t('brake.more')}
        </Button>
      )}
    </div>
  );
}

function Frozen({ freeze, clear }: { freeze: Freeze; clear: (() => void) | undefined }) {
  const { t } = useTranslation();
  return (
    <section className="lm-card lm-brake">
      <div className="lm-brake-head">
        <span className="lm-empty-icon lm-red" aria-hidden>
          <IconSnowflake />
        </span>
        <div>
          <h2>{t('freeze.title')}</h2>
          <p>
            {freeze.cause && freeze.off_by_ms !== null ? t(`freeze.cause.${freeze.cause}`, { time: f.duration(Math.abs(freeze.off_by_ms)) }) : freeze.detail}{' '}
            {freeze.since && t('freeze.since', { time: f.dayTime(freeze.since, 'second') })}
          </p>
        </div>
      </div>
      <Note tone="amber">{t('freeze.check', { now: f.dayTime(new Date().toISOString(), 'second') })}</Note>
      {clear && (
        <div className="lm-brake-actions">
          <span />
          <Button variant="subtle" className="lm-danger-quiet" onClick={clear}>
            {t('freeze.clear')}
          </Button>
        </div>
      )}
    </section>
  );
}

function Decide({ open, onClose }: { open: NonNullable<Open>; onClose: () => void }) {
  const { t } = useTranslation();
  const would = open.what === 'clear' ? 0 : open.brake.wanted;
  // More than one person may let through: the server says so, and the same reason then goes to a second person.
  const [second, setSecond] = useState(false);
  const form = useDraft({ reason: '' }, async (v) => {
    if (second && open.what === 'approve') {
      await api.post('/approvals', { kind: 'dunning.brake', subject_id: open.brake.id, reason: v.reason.trim() });
      void queryClient.invalidateQueries({ queryKey: ['approvals'] });
      said(t('approvals.asked'));
      onClose();
      return;
    }
    const path = open.what === 'clear' ? '/dunning/freeze/clear' : `/dunning/brakes/${open.brake.id}/${open.what}`;
    try {
      await api.post(path, { reason: v.reason.trim() });
    } catch (error) {
      if (error instanceof Problem && error.code === 'needs_approval') setSecond(true);
      throw error;
    }
    await Promise.all([queryClient.invalidateQueries({ queryKey: ['brakes'] }), queryClient.invalidateQueries({ queryKey: ['freeze'] })]);
    void queryClient.invalidateQueries({ queryKey: ['customers'] });
    said(open.what === 'approve' ? t('brake.approved') : open.what === 'dismiss' ? t('brake.dismissed') : t('freeze.cleared'));
    onClose();
  });
  const title = open.what === 'approve' ? t('brake.approve_title') : open.what === 'dismiss' ? t('brake.dismiss_title') : t('freeze.clear_title');
  const submit = second ? t('approvals.ask') : open.what === 'approve' ? t('brake.approve', { count: would, n: f.int(would) }) : open.what === 'dismiss' ? t('brake.dismiss_submit') : t('freeze.clear');
  return (
    <FormSheet form={form} onClose={onClose} size={520} title={title} submit={submit} ready={form.values.reason.trim().length >= 3} danger={open.what !== 'dismiss' && !second}>
      <Note tone={open.what === 'dismiss' ? 'grey' : 'red'} icon={open.what === 'dismiss' ? undefined : <IconAlertTriangle aria-hidden />}>
        {open.what === 'approve' ? t('brake.approve_effect', { count: would, n: f.int(would) }) : open.what === 'dismiss' ? t('brake.dismiss_effect') : t('freeze.clear_effect')}
      </Note>
      <Textarea label={t('brake.reason')} description={t('brake.reason_help')} required autosize minRows={2} maxRows={5} data-autofocus {...form.bind('reason')} />
    </FormSheet>
  );
}
