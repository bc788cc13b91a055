// One event in full: what changed field by field, what else it says, from where, whether it lies under a seal.
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { AuditEntry } from '../../api/office';
import * as f from '../../shared/format';
import { rest, useAuditWords } from './words';

export function Changes({ entry }: { entry: AuditEntry }) {
  const { t } = useTranslation();
  const words = useAuditWords();
  if (entry.changes.length === 0) return null;
  return (
    <table className="lm-diff">
      <thead>
        <tr>
          <th scope="col">{t('audit.what')}</th>
          <th scope="col">{t('audit.before')}</th>
          <th scope="col">{t('audit.after')}</th>
        </tr>
      </thead>
      <tbody>
        {entry.changes.map((change) => (
          <tr key={change.field}>
            <th scope="row">{words.field(change.field)}</th>
            <td className="lm-before">{words.value(change.field, change.before)}</td>
            <td className="lm-after">{words.value(change.field, change.after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Entry({ entry, branch }: { entry: AuditEntry; branch: string | undefined }) {
  const { t } = useTranslation();
  const words = useAuditWords();
  const facts = rest(entry);
  return (
    <div className="lm-entry">
      <Changes entry={entry} />
      <dl className="lm-kv">
        {facts.map(([key, value]) => (
          <div key={key}>
            <dt>{words.field(key)}</dt>
            <dd>{words.value(key, value)}</dd>
          </div>
        ))}
        <div>
          <dt>{t('audit.from')}</dt>
          <dd>{entry.actor.from || t('audit.nothing')}</dd>
        </div>
        <div>
          <dt>{t('audit.when')}</dt>
          <dd>
            <time dateTime={entry.at}>{f.dayTime(entry.at, 'hundredth')}</time> · {f.timeZone()}
          </dd>
        </div>
        {branch && (
          <div>
            <dt>{t('audit.branch')}</dt>
            <dd>{branch}</dd>
          </div>
        )}
        <div>
          <dt>{t('audit.number')}</dt>
          <dd>
            <code>{entry.id}</code>
          </dd>
        </div>
      </dl>
      <p className="lm-entry-foot">
        {entry.erased ? t('audit.was_erased') : entry.sealed ? t('audit.is_sealed') : t('audit.not_sealed')}{' '}
        <Link className="lm-link" to="/audit" search={{ subject_kind: entry.subject_kind, subject_id: entry.subject_id }}>
          {t('audit.all_of_it')}
        </Link>
        {entry.customer_id && (
          <>
            {' · '}
            <Link className="lm-link" to="/customers/$id" params={{ id: entry.customer_id }} search={{}}>
              {t('audit.to_customer')}
            </Link>
          </>
        )}
      </p>
    </div>
  );
}
