// Backups: when the next one is due, what there is, and one now. Each is written and read back before it counts.
import { ActionIcon, Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa } from '../../api/access';
import { api, download } from '../../api/client';
import { qo, type Backup } from '../../api/office';
import { q, queryClient } from '../../api/queries';
import { complained, said } from '../../components/say';
import { Bones, Card, Empty, Failed, KeyValues, Note, Pill, useNow } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconAlertTriangle, IconDatabase, IconDownload } from '../../shared/icons';
import type { Tone } from '../../shared/state';

const TONE: Record<Backup['state'], Tone> = { queued: 'blue', running: 'blue', done: 'green', failed: 'red', removed: 'grey' };

export function Backups() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const [after, setAfter] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState<string | null>(null);
  const list = useQuery(qo.backups(after));
  const write = can(me, 'backups:write');
  const people = useQuery({ ...qa.staff({ limit: 200 }), enabled: can(me, 'staff:read') }).data?.items ?? [];
  const who = (id: string) => (id === me?.id ? me.name : (people.find((p) => p.id === id)?.name ?? id));
  const run = async () => {
    setBusy('run');
    try {
      await api.post('/backups');
      said(t('backups.asked'));
    } catch (error) {
      complained(error, t('error.unexpected'));
    } finally {
      setBusy(null);
      void queryClient.invalidateQueries({ queryKey: ['backups'] });
    }
  };
  const fetchFile = async (backup: Backup) => {
    setBusy(backup.id);
    try {
      await download(`/backups/${backup.id}/file`, {}, backup.file ?? 'backup');
    } catch (error) {
      complained(error, t('error.unexpected'));
    } finally {
      setBusy(null);
    }
  };
  if (list.isError && !list.data)
    return (
      <Card>
        <Failed error={list.error} what={t('backups.title')} retry={() => void list.refetch()} />
      </Card>
    );
  if (!list.data)
    return (
      <Card>
        <Bones rows={6} tall />
      </Card>
    );
  const { plan, items, next } = list.data;
  const running = items.some((b) => b.state === 'queued' || b.state === 'running');
  const last = items.find((b) => b.state === 'done');
  const failed = items[0]?.state === 'failed' ? items[0] : undefined;
  return (
    <div className="lm-stack">
      <Card
        title={t('backups.title')}
        sub={t('backups.sub')}
        aside={
          write && (
            <Button leftSection={<IconDatabase aria-hidden />} loading={busy === 'run'} disabled={running} onClick={() => void run()}>
              {running ? t('backups.running') : t('backups.now')}
            </Button>
          )
        }
      >
        <div className="lm-stack">
          {failed && (
            <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
              <strong>{t('backups.last_failed', { time: f.when(failed.finished_at ?? failed.queued_at) })}</strong> {failed.error}
            </Note>
          )}
          {plan.every_hours === 0 && <Note tone="amber">{t('backups.by_hand_only')}</Note>}
          <KeyValues
            rows={[
              [t('backups.last'), last ? `${f.dayTime(last.started_at ?? last.queued_at)} · ${last.size_bytes === null ? t('state.unknown') : f.bytes(last.size_bytes)}` : t('state.never')],
              [t('backups.next'), plan.next_at ? <Due key="due" at={plan.next_at} /> : t('backups.not_by_clock')],
              [t('backups.plan'), plan.every_hours === 0 ? t('backups.not_by_clock') : t('backups.every', { count: plan.every_hours, n: f.int(plan.every_hours) })],
              [t('backups.kept'), t('backups.keeps', { newest: f.int(plan.keep), months: f.int(plan.keep_months) })],
              [t('backups.folder'), <code key="folder">{plan.folder}</code>],
              [
                t('backups.key'),
                <span key="key">
                  <code>{plan.key_id}</code> <small>{t('backups.key_help')}</small>
                </span>,
              ],
            ]}
          />
        </div>
      </Card>
      <Card flush title={t('backups.list')} className="lm-table-card">
        {items.length === 0 ? (
          <Empty icon={<IconDatabase />} title={t('backups.none')} text={t('backups.none_text')} />
        ) : (
          <table className="lm-table">
            <thead>
              <tr>
                <th scope="col">{t('backups.as_of')}</th>
                <th scope="col">{t('backups.state')}</th>
                <th scope="col" className="lm-wide">
                  {t('backups.who')}
                </th>
                <th scope="col" className="lm-num lm-wide">
                  {t('backups.rows')}
                </th>
                <th scope="col" className="lm-num">
                  {t('backups.size')}
                </th>
                {write && (
                  <th scope="col">
                    <span className="lm-hidden">{t('action.more')}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {items.map((backup) => (
                <tr key={backup.id} className={backup.state === 'removed' ? 'lm-faded' : undefined}>
                  <td>
                    <span className="lm-strong">{f.dayTime(backup.started_at ?? backup.queued_at)}</span>
                    <small className="lm-file">{backup.file ?? ''}</small>
                  </td>
                  <td>
                    <Pill tone={TONE[backup.state]}>{t(`backups.is.${backup.state}`)}</Pill>
                    {backup.error && <small>{backup.error}</small>}
                    {backup.state === 'done' && backup.started_at && backup.finished_at && <small>{t('backups.took', { time: f.duration(Date.parse(backup.finished_at) - Date.parse(backup.started_at)) })}</small>}
                  </td>
                  <td className="lm-wide">{backup.requested_by ? who(backup.requested_by) : t('backups.clock')}</td>
                  <td className="lm-num lm-wide">{f.int(backup.rows)}</td>
                  <td className="lm-num">{backup.size_bytes === null ? '–' : f.bytes(backup.size_bytes)}</td>
                  {write && (
                    <td className="lm-num">
                      {backup.state === 'done' && (
                        <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" loading={busy === backup.id} aria-label={t('backups.fetch', { time: f.dayTime(backup.started_at ?? backup.queued_at) })} onClick={() => void fetchFile(backup)}>
                          <IconDownload aria-hidden />
                        </ActionIcon>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
      {(after !== undefined || next) && (
        <div className="lm-pager">
          <span>{t('audit.newest_first')}</span>
          <div className="lm-actions">
            {after !== undefined && (
              <Button variant="default" size="xs" onClick={() => setAfter(undefined)}>
                {t('customers.first_page')}
              </Button>
            )}
            {next && (
              <Button variant="default" size="xs" onClick={() => setAfter(next)}>
                {t('audit.older')}
              </Button>
            )}
          </div>
        </div>
      )}
      <p className="lm-muted">{t('backups.restore_help')}</p>
    </div>
  );
}

function Due({ at }: { at: string }) {
  const { t } = useTranslation();
  const now = useNow(10_000);
  const left = Date.parse(at) - now;
  return (
    <>
      {f.dayTime(at)} <small>{left > 0 ? t('backups.in', { time: f.duration(left) }) : t('backups.due_now')}</small>
    </>
  );
}
