// What areas and packages have in common: a list that is added to, changed in place and deleted from, with the ways out
// when it is empty or does not come.
import { ActionIcon, Button } from '@mantine/core';
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../../api/queries';
import { Bones, Empty, Failed, PageHead } from '../../components/ui';
import { can } from '../../shared/can';
import { IconPencil, IconPlus, IconTrash } from '../../shared/icons';
import { DeleteDialog } from './DeleteDialog';

export interface Listed {
  id: string;
  name: string;
}

interface Props<T extends Listed> {
  /** The page's name: of its words, its route in the interface, its query and its permission. */
  name: 'areas' | 'packages';
  list: UseQueryResult<{ items: T[] }>;
  icon: ReactNode;
  /** The header cells, without the one of the buttons. */
  head: ReactNode;
  /** One row each in the order to be shown, without the cell of the buttons. */
  rows: (items: T[]) => { item: T; cells: ReactNode; className?: string | undefined }[];
  form: (item: T | undefined, onClose: () => void) => ReactNode;
  cardClass?: string;
  tableClass?: string;
}

export function Catalogue<T extends Listed>({ name, list, icon, head, rows, form, cardClass = '', tableClass = '' }: Props<T>) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const write = can(me, `${name}:write`);
  const [open, setOpen] = useState<T | 'new' | null>(null);
  const [gone, setGone] = useState<T | null>(null);
  useEffect(() => {
    document.title = `${t(`nav.${name}`)} · Lastmile`;
  }, [name, t]);
  const items = list.data?.items ?? [];
  const add = write && (
    <Button leftSection={<IconPlus aria-hidden />} onClick={() => setOpen('new')}>
      {t(`${name}.new`)}
    </Button>
  );
  return (
    <>
      <PageHead title={t(`nav.${name}`)} sub={t(`${name}.sub`)} actions={items.length > 0 && add} />
      <section className={`lm-card lm-flush lm-table-card ${cardClass}`}>
        {list.isError && !list.data ? (
          <Failed error={list.error} what={t(`nav.${name}`)} retry={() => void list.refetch()} />
        ) : !list.data ? (
          <Bones rows={6} tall />
        ) : items.length === 0 ? (
          <Empty icon={icon} title={t(`${name}.none`)} text={t(`${name}.none_text`)} action={add} />
        ) : (
          <table className={`lm-table ${tableClass}`}>
            <thead>
              <tr>
                {head}
                {write && (
                  <th scope="col">
                    <span className="lm-hidden">{t('action.more')}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {rows(items).map(({ item, cells, className }) => (
                <tr key={item.id} className={className}>
                  {cells}
                  {write && (
                    <td className="lm-num lm-nowrap">
                      <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t(`${name}.edit_name`, { name: item.name })} onClick={() => setOpen(item)}>
                        <IconPencil aria-hidden />
                      </ActionIcon>
                      <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('action.delete_name', { name: item.name })} onClick={() => setGone(item)}>
                        <IconTrash aria-hidden />
                      </ActionIcon>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {open && form(open === 'new' ? undefined : open, () => setOpen(null))}
      {gone && <DeleteDialog name={gone.name} path={`/${name}/${gone.id}`} query={name} text={t(`${name}.delete_text`)} onClose={() => setGone(null)} />}
    </>
  );
}
