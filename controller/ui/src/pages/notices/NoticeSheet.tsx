// One message: what it says, how it went, and the way to send it again or to stop it.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, Problem } from '../../api/client';
import { qo, type Notice } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import { said } from '../../components/say';
import { Side } from '../../components/Sheet';
import { Ago, Bones, Failed, KeyValues, Note, Pill, ProblemNote } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconRefresh, IconX } from '../../shared/icons';
import { address } from './Outbox';
import { noticeTone, useNoticeWords } from './words';

export function NoticeSheet({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const notice = useQuery(qo.notice(id));
  const words = useNoticeWords();
  if (!notice.data)
    return (
      <Side opened onClose={onClose} title={t('outbox.one')}>
        {notice.isError ? <Failed error={notice.error} what={t('outbox.one')} retry={() => void notice.refetch()} /> : <Bones rows={6} tall />}
      </Side>
    );
  return <Inside notice={notice.data} title={words.template(notice.data.template)} onClose={onClose} />;
}

function Inside({ notice, title, onClose }: { notice: Notice; title: string; onClose: () => void }) {
  const { t } = useTranslation();
  const words = useNoticeWords();
  const me = useQuery(q.me).data;
  const [busy, setBusy] = useState<'retry' | 'cancel' | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const write = can(me, 'notices:write');
  const act = async (what: 'retry' | 'cancel') => {
    setBusy(what);
    setProblem(null);
    try {
      const now = await api.post<Notice>(`/notices/${notice.id}/${what}`);
      queryClient.setQueryData(qo.notice(notice.id).queryKey, now);
      said(t(what === 'retry' ? 'outbox.again' : 'outbox.stopped', { name: notice.recipient_name }));
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(-1, '', ''));
    } finally {
      setBusy(null);
      void queryClient.invalidateQueries({ queryKey: ['notices'] });
    }
  };
  return (
    <Side
      opened
      onClose={onClose}
      title={title}
      sub={notice.recipient_name}
      footNote={notice.state === 'unknown' && notice.can_retry ? t('outbox.twice') : undefined}
      foot={
        <>
          <Button variant="default" onClick={onClose}>
            {t('action.close')}
          </Button>
          {write && notice.can_cancel && (
            <Button variant="default" className="lm-danger-quiet" leftSection={<IconX aria-hidden />} loading={busy === 'cancel'} onClick={() => void act('cancel')}>
              {t('outbox.cancel')}
            </Button>
          )}
          {write && notice.can_retry && (
            <Button leftSection={<IconRefresh aria-hidden />} loading={busy === 'retry'} onClick={() => void act('retry')}>
              {t('outbox.retry')}
            </Button>
          )}
        </>
      }
    >
      <div className="lm-notice-state">
        <Pill tone={noticeTone(notice.state)}>{t(`notice.state.${notice.state}`)}</Pill> <span className="lm-muted">{t(`notice.means.${notice.state}`)}</span>
      </div>
      {(notice.reason || notice.detail) && (
        <Note tone={notice.state === 'failed' ? 'red' : notice.state === 'unknown' || notice.state === 'queued' ? 'amber' : 'grey'} icon={<IconAlertTriangle aria-hidden />}>
          {notice.reason && words.reason(notice.reason)} {notice.detail && <q>{notice.detail}</q>}
        </Note>
      )}
      <div className="lm-bubble" lang={notice.language}>
        {notice.subject && <strong>{notice.subject}</strong>}
        <p>{notice.body}</p>
      </div>
      <KeyValues
        rows={[
          [
            t('outbox.to'),
            notice.customer_id ? (
              <Link key="to" to="/customers/$id" params={{ id: notice.customer_id }} search={{}}>
                {notice.recipient_name}
              </Link>
            ) : notice.staff_id ? (
              <Link key="to" to="/staff/$id" params={{ id: notice.staff_id }}>
                {notice.recipient_name}
              </Link>
            ) : (
              notice.recipient_name
            ),
          ],
          [t(`channel.${notice.channel}`), address(notice)],
          ...(notice.channel === 'sms' ? ([[t('outbox.charged'), t('outbox.parts', { count: notice.parts, n: f.int(notice.parts) })]] as [string, string][]) : []),
          [t('outbox.caused'), f.dayTime(notice.created_at, 'second')],
          ...(notice.state === 'queued' ? ([[t('outbox.due'), f.dayTime(notice.due_at, 'second')]] as [string, string][]) : []),
          ...(notice.state === 'queued' ? ([[t('outbox.not_after'), f.dayTime(notice.expires_at)]] as [string, string][]) : []),
          [t('outbox.taken'), notice.sent_at ? f.dayTime(notice.sent_at, 'second') : t('state.never')],
          [t('outbox.tries'), f.int(notice.attempts)],
          ...(notice.provider ? ([[t('outbox.provider'), [notice.provider, notice.provider_id].filter(Boolean).join(' · ')]] as [string, string][]) : []),
          ...(notice.ended_at ? ([[t('outbox.ended'), <Ago key="end" at={notice.ended_at} />]] as [string, React.ReactNode][]) : []),
        ]}
      />
      {notice.body.includes('••••••') && <p className="lm-muted">{t('outbox.blotted')}</p>}
      <ProblemNote problem={problem} />
    </Side>
  );
}
