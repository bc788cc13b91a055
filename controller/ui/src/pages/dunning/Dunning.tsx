// The brake: the sentence first, the proportion, then what can be done. The dangerous way is quiet, at the far end,
// and asks for a reason.
import { Button, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Brake, Freeze } from '../../api/types';
import { useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Dialog } from '../../components/Sheet';
import { Bones, Card, Empty, Failed, Note, PageHead, Pill, ProblemNote } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconCircleCheck, IconHandStop, IconSnowflake, IconUsers } from '../../shared/icons';
import { wantedBy } from './BrakeBanner';

type Open = { what: 'approve' | 'dismiss'; brake: Brake } | { what: 'clear' } | null;

export function Dunning() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const brakes = useQuery(q.brakes);
  const freeze = useQuery(q.freeze);
  const [open, setOpen] = useState<Open>(null);
  const may = can(me, 'dunning:approve');
  useEffect(() => {
    document.title = `${t('nav.dunning')} · Lastmile`;
  }, [t]);
  const items = brakes.data?.items ?? [];
  const frozen = freeze.data?.frozen ?? false;
  return (
    <>
      <PageHead
        title={
          <>
            {t('nav.dunning')}{' '}
            {frozen ? <Pill tone="red">{t('dunning.frozen')}</Pill> : items.length > 0 ? <Pill tone="red">{t('dunning.braked')}</Pill> : brakes.data && <Pill tone="green">{t('dunning.runs')}</Pill>}
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
  const would = wantedBy(brake);
  const at = brake.asked_at ?? brake.at ?? brake.created_at;
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
            {brake.active_lines ? t('brake.rule_of', { lines: f.int(brake.active_lines) }) : t('brake.rule')} {at && t('brake.asked', { time: f.when(at) })}
            {brake.branch_name ? ` · ${brake.branch_name}` : ''}
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
          <Button component={Link} to="/customers" search={{ state: 'expired' } as never} leftSection={<IconUsers aria-hidden />}>
            {t('brake.look')}
          </Button>
          {may && (
            <Button variant="default" onClick={() => setOpen({ what: 'dismiss', brake })}>
              {t('brake.dismiss')}
            </Button>
          )}
        </div>
        {may && (
          <Button variant="subtle" className="lm-danger-quiet" leftSection={<IconAlertTriangle aria-hidden />} onClick={() => setOpen({ what: 'approve', brake })}>
            {t('brake.approve', { count: would, n: f.int(would) })}
          </Button>
        )}
      </div>
    </section>
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
            {freeze.reason ?? freeze.detail ?? t('freeze.why')} {freeze.since && t('freeze.since', { time: f.dayTime(freeze.since, 'second') })}
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
  const would = open.what === 'clear' ? 0 : wantedBy(open.brake);
  const form = useDraft({ reason: '' }, async (v) => {
    const path = open.what === 'clear' ? '/dunning/freeze/clear' : `/dunning/brakes/${open.brake.id}/${open.what}`;
    await api.post(path, { reason: v.reason.trim() });
    await Promise.all([queryClient.invalidateQueries({ queryKey: ['brakes'] }), queryClient.invalidateQueries({ queryKey: ['freeze'] })]);
    void queryClient.invalidateQueries({ queryKey: ['customers'] });
    said(open.what === 'approve' ? t('brake.approved') : open.what === 'dismiss' ? t('brake.dismissed') : t('freeze.cleared'));
    onClose();
  });
  const title = open.what === 'approve' ? t('brake.approve_title') : open.what === 'dismiss' ? t('brake.dismiss_title') : t('freeze.clear_title');
  const submit = open.what === 'approve' ? t('brake.approve', { count: would, n: f.int(would) }) : open.what === 'dismiss' ? t('brake.dismiss_submit') : t('freeze.clear');
  return (
    <Dialog
      opened
      size={520}
      onClose={onClose}
      title={title}
      onSubmit={(e) => void form.submit(e)}
      foot={
        <>
          <Button variant="default" onClick={onClose}>
            {t('action.cancel')}
          </Button>
          <Button type="submit" className={open.what === 'dismiss' ? undefined : 'lm-danger'} loading={form.busy} disabled={form.values.reason.trim().length < 3}>
            {submit}
          </Button>
        </>
      }
    >
      <Note tone={open.what === 'dismiss' ? 'grey' : 'red'} icon={open.what === 'dismiss' ? undefined : <IconAlertTriangle aria-hidden />}>
        {open.what === 'approve' ? t('brake.approve_effect', { count: would, n: f.int(would) }) : open.what === 'dismiss' ? t('brake.dismiss_effect') : t('freeze.clear_effect')}
      </Note>
      <Textarea label={t('brake.reason')} description={t('brake.reason_help')} required autosize minRows={2} maxRows={5} data-autofocus {...form.bind('reason')} />
      <ProblemNote problem={form.problem} />
    </Dialog>
  );
}
