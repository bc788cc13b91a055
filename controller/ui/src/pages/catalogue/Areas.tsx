// Where customers live: a tree of areas.
import { ActionIcon, Button, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Area } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Dialog } from '../../components/Sheet';
import { Bones, Empty, Failed, PageHead, ProblemNote } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconMapPin, IconPencil, IconPlus, IconTrash } from '../../shared/icons';
import { DeleteDialog } from './DeleteDialog';

/** The areas in the order of a tree, each with its depth. One whose parent is missing stands at the top. */
export function asTree(areas: Area[]): { area: Area; depth: number }[] {
  const ids = new Set(areas.map((a) => a.id));
  const children = new Map<string | null, Area[]>();
  for (const area of areas) {
    const parent = area.parent_id !== null && ids.has(area.parent_id) ? area.parent_id : null;
    children.set(parent, [...(children.get(parent) ?? []), area]);
  }
  const out: { area: Area; depth: number }[] = [];
  const walk = (parent: string | null, depth: number) => {
    for (const area of [...(children.get(parent) ?? [])].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))) {
      out.push({ area, depth });
      if (depth < 12) walk(area.id, depth + 1);
    }
  };
  walk(null, 0);
  // Areas in a circle have no top: they are listed all the same.
  const seen = new Set(out.map((row) => row.area.id));
  return [...out, ...areas.filter((a) => !seen.has(a.id)).map((area) => ({ area, depth: 0 }))];
}

export function Areas() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const list = useQuery(q.areas);
  const write = can(me, 'areas:write');
  const [open, setOpen] = useState<Area | 'new' | null>(null);
  const [gone, setGone] = useState<Area | null>(null);
  useEffect(() => {
    document.title = `${t('nav.areas')} · Lastmile`;
  }, [t]);
  const items = asTree(list.data?.items ?? []);
  const add = write && (
    <Button leftSection={<IconPlus aria-hidden />} onClick={() => setOpen('new')}>
      {t('areas.new')}
    </Button>
  );
  return (
    <>
      <PageHead title={t('nav.areas')} sub={t('areas.sub')} actions={items.length > 0 && add} />
      <section className="lm-card lm-flush lm-table-card lm-narrow-card">
        {list.isError && !list.data ? (
          <Failed error={list.error} what={t('nav.areas')} retry={() => void list.refetch()} />
        ) : !list.data ? (
          <Bones rows={6} tall />
        ) : items.length === 0 ? (
          <Empty icon={<IconMapPin />} title={t('areas.none')} text={t('areas.none_text')} action={add} />
        ) : (
          <table className="lm-table lm-flat">
            <thead>
              <tr>
                <th scope="col">{t('areas.name')}</th>
                <th scope="col" className="lm-num">{t('nav.customers')}</th>
                {write && (
                  <th scope="col">
                    <span className="lm-hidden">{t('action.more')}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {items.map(({ area, depth }) => (
                <tr key={area.id}>
                  <td className="lm-strong" style={{ paddingInlineStart: 16 + depth * 22 }}>
                    {area.name}
                  </td>
                  <td className="lm-num">
                    {area.customers > 0 ? (
                      <Link to="/customers" search={{ area: area.id }}>
                        {f.int(area.customers)}
                      </Link>
                    ) : (
                      '–'
                    )}
                  </td>
                  {write && (
                    <td className="lm-num lm-nowrap">
                      <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('areas.edit_name', { name: area.name })} onClick={() => setOpen(area)}>
                        <IconPencil aria-hidden />
                      </ActionIcon>
                      <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('action.delete_name', { name: area.name })} onClick={() => setGone(area)}>
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
      {open && <AreaDialog area={open === 'new' ? undefined : open} areas={list.data?.items ?? []} onClose={() => setOpen(null)} />}
      {gone && <DeleteDialog name={gone.name} path={`/areas/${gone.id}`} query="areas" text={t('areas.delete_text')} onClose={() => setGone(null)} />}
    </>
  );
}

function AreaDialog({ area, areas, onClose }: { area: Area | undefined; areas: Area[]; onClose: () => void }) {
  const { t } = useTranslation();
  const branch = useQuery(q.branches).data?.items[0];
  const form = useDraft({ name: area?.name ?? '', parent_id: area?.parent_id ?? null }, async (v) => {
    const body = { name: v.name.trim(), parent_id: v.parent_id };
    if (area) await api.patch(`/areas/${area.id}`, body);
    else await api.post('/areas', { ...body, ...(branch ? { branch_id: branch.id } : {}) });
    await queryClient.invalidateQueries({ queryKey: ['areas'] });
    said(t('areas.saved', { name: body.name }));
    onClose();
  });
  return (
    <Dialog
      opened
      size={460}
      onClose={onClose}
      title={area ? t('areas.edit') : t('areas.new')}
      onSubmit={(e) => void form.submit(e)}
      foot={
        <>
          <Button variant="default" onClick={onClose}>
            {t('action.cancel')}
          </Button>
          <Button type="submit" loading={form.busy} disabled={form.values.name.trim() === ''}>
            {area ? t('action.save') : t('areas.new')}
          </Button>
        </>
      }
    >
      <TextInput label={t('areas.name')} required data-autofocus autoComplete="off" {...form.bind('name')} />
      <Select
        label={t('areas.parent')}
        placeholder={t('areas.no_parent')}
        data={areas.filter((a) => a.id !== area?.id).map((a) => ({ value: a.id, label: a.name }))}
        searchable
        clearable
        limit={60}
        nothingFoundMessage={t('state.nothing')}
        value={form.values.parent_id}
        onChange={(value) => form.set('parent_id', value)}
        error={fieldError(form.problem, 'parent_id')}
      />
      <ProblemNote problem={form.problem} />
    </Dialog>
  );
}
