// The table of the role editor. A cell is a switch: off a dash, on how far it reaches. What one does not have oneself
// cannot be given, and says so.
import clsx from 'clsx';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import type { Staff } from '../../api/types';
import { IconLock } from '../../shared/icons';
import { COLUMNS, MATRIX, PLACED, type Column, type RoleDraft } from '../../shared/roles';
import { Reach } from './Reach';

/** "Payments", "take". A permission of a later version than these pages is called by its own word. */
export function permissionWords(t: TFunction, permission: string): { what: string; how: string } {
  for (const group of MATRIX) {
    for (const row of group.rows) {
      for (const [column, own] of Object.entries(row.cells)) {
        if (own === permission) return { what: t(`perm.${row.key}` as 'perm.customers'), how: t(`may.${column as Column}`) };
      }
    }
  }
  return { what: permission, how: '' };
}

interface Props {
  before: RoleDraft;
  draft: RoleDraft;
  me: Staff | undefined;
  write: boolean;
  known: string[];
  onToggle: (permission: string) => void;
}

export function Matrix({ before, draft, me, write, known, onToggle }: Props) {
  const { t, i18n } = useTranslation();
  const further = known.filter((p) => !PLACED.includes(p as (typeof PLACED)[number]));
  const cell = (permission: string, what: string, how: string) => (
    <Cell
      key={permission}
      name={how === '' ? what : `${what}, ${how}`}
      on={draft.permissions.has('*') || draft.permissions.has(permission)}
      changed={(draft.permissions.has('*') || draft.permissions.has(permission)) !== (before.permissions.has('*') || before.permissions.has(permission))}
      two={permission === 'approvals:decide' || permission === 'dunning:decide' || permission === 'subscriptions:backdate'}
      scope={draft.scope}
      off={!write || draft.permissions.has('*')}
      notMine={me !== undefined && !me.permissions.includes('*') && !me.permissions.includes(permission)}
      onToggle={() => onToggle(permission)}
    />
  );
  return (
    <div className="lm-matrix-scroll" tabIndex={0} role="region" aria-label={t('roles.table')}>
      <table className="lm-table lm-matrix">
        <thead>
          <tr>
            <th scope="col">{t('roles.table_may')}</th>
            {COLUMNS.map((column) => (
              <th key={column} scope="col">
                {t(`may.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        {MATRIX.map((group) => (
          <tbody key={group.key}>
            <tr className="lm-matrix-group">
              <th scope="rowgroup" colSpan={COLUMNS.length + 1}>
                {t(`perm.group.${group.key}`)}
              </th>
            </tr>
            {group.rows.map((row) => {
              const what = t(`perm.${row.key}` as 'perm.customers');
              const note = `perm.note.${row.key}`;
              return (
                <tr key={row.key}>
                  <th scope="row">
                    {what}
                    {i18n.exists(note) && <small> · {t(note as 'perm.note.password')}</small>}
                  </th>
                  {COLUMNS.map((column) => {
                    const permission = row.cells[column];
                    return (
                      <td key={column} data-label={t(`may.${column}`)} className={clsx(permission === undefined && 'lm-no-cell')}>
                        {permission === undefined ? null : cell(permission, what, t(`may.${column}`))}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        ))}
        {further.length > 0 && (
          <tbody>
            <tr className="lm-matrix-group">
              <th scope="rowgroup" colSpan={COLUMNS.length + 1}>
                {t('perm.group.further')}
              </th>
            </tr>
            {further.map((permission) => (
              <tr key={permission}>
                <th scope="row">
                  <code>{permission}</code>
                </th>
                <td colSpan={COLUMNS.length}>{cell(permission, permission, '')}</td>
              </tr>
            ))}
          </tbody>
        )}
      </table>
    </div>
  );
}

function Cell({ name, on, changed, two, scope, off, notMine, onToggle }: { name: string; on: boolean; changed: boolean; two: boolean; scope: RoleDraft['scope']; off: boolean; notMine: boolean; onToggle: () => void }) {
  const { t } = useTranslation();
  const shown = !on ? (
    <span className="lm-dash" aria-hidden>
      –
    </span>
  ) : two ? (
    <span className="lm-pill lm-plain lm-amber">
      <IconLock aria-hidden /> {t('reach.short.not_own')}
    </span>
  ) : (
    <Reach scope={scope} />
  );
  return (
    <button
      type="button"
      role="checkbox"
      aria-checked={on}
      aria-label={name}
      className={clsx('lm-cell', changed && 'lm-changed')}
      disabled={off || notMine}
      title={notMine && !off ? t('roles.not_mine') : undefined}
      onClick={onToggle}
    >
      {shown}
    </button>
  );
}
