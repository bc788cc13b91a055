// What was done to one thing, by whom, newest first: for the pages of customers, staff, branches.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qo, type AuditFilter } from '../../api/office';
import { q } from '../../api/queries';
import { Bones, Card, Empty, Failed } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconHistory } from '../../shared/icons';
import { Changes } from './Entry';
import { eventTone, useAuditWords } from './words';

const FIRST = 8;

/** Either of one thing (kind and id) or of everything about one customer. */
export function History({ kind, id, customer }: { kind?: string; id?: string; customer?: string }) {
  const { t } = useTranslation();
  const words = useAuditWords();
  const me = useQuery(q.me).data;
  const [open, setOpen] = useState<string | null>(null);
  const of: AuditFilter = customer ? { customer_id: customer } : { ...(kind ? { subject_kind: kind } : {}), ...(id ? { subject_id: id } : {}) };
  const may = can(me, 'events:read');
  const list = useQuery({ ...qo.audit({ ...of, limit: FIRST }), enabled: may });
  if (!may) return null;
  const items = list.data?.items ?? [];
  return (
    <Card
      title={t('history.title')}
      className="lm-history-card"
      aside={
        items.length > 0 && (
          <Link to="/audit" search={of}>
            {t('history.all')}
          </Link>
        )
      }
    >
      {list.isError && !list.data ? (
        <Failed error={list.error} what={t('history.title')} retry={() => void list.refetch()} />
      ) : !list.data ? (
        <Bones rows={4} />
      ) : items.length === 0 ? (
        <Empty icon={<IconHistory />} title={t('history.none')} />
      ) : (
        <ol className="lm-history">
          {items.map((entry) => (
            <li key={entry.id}>
              <span className={`lm-dot lm-${eventTone(entry.kind)}`} aria-hidden />
              <div>
                {entry.changes.length > 0 ? (
                  <button type="button" className="lm-bare lm-name" aria-expanded={open === entry.id} onClick={() => setOpen(open === entry.id ? null : entry.id)}>
                    {words.kind(entry.kind)}
                  </button>
                ) : (
                  <strong>{words.kind(entry.kind)}</strong>
                )}
                <small>
                  {words.actor(entry)}
                  {entry.actor.from && ` · ${entry.actor.from}`}
                  {entry.changes.length > 0 && ` · ${entry.changes.slice(0, 3).map((c) => words.field(c.field)).join(', ')}`}
                </small>
                {open === entry.id && <Changes entry={entry} />}
              </div>
              <time dateTime={entry.at} title={f.dayTime(entry.at, 'second')}>
                {f.when(entry.at)}
              </time>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
