// Where customers live: a tree of areas.
import { Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Area } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { useWorkBranch } from '../../console/BranchSwitch';
import { said } from '../../components/say';
import * as f from '../../shared/format';
import { IconMapPin } from '../../shared/icons';
import { Catalogue } from './Catalogue';

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
  const list = useQuery(q.areas);
  return (
    <Catalogue
      name="areas"
      list={list}
      icon={<IconMapPin />}
      cardClass="lm-narrow-card"
      tableClass="lm-flat"
      head={
        <>
          <th scope="col">{t('areas.name')}</th>
          <th scope="col" className="lm-num">{t('nav.customers')}</th>
        </>
      }
      rows={(items) => asTree(items).map(({ area, depth }) => ({ item: area, cells: <AreaCells area={area} depth={depth} /> }))}
      form={(area, onClose) => <AreaDialog area={area} areas={list.data?.items ?? []} onClose={onClose} />}
    />
  );
}

function AreaCells({ area, depth }: { area: Area; depth: number }) {
  return (
    <>
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
    </>
  );
}

function AreaDialog({ area, areas, onClose }: { area: Area | undefined; areas: Area[]; onClose: () => void }) {
  const { t } = useTranslation();
  const branch = useWorkBranch();
  const form = useDraft({ name: area?.name ?? '', parent_id: area?.parent_id ?? null }, async (v) => {
    const body = { name: v.name.trim(), parent_id: v.parent_id };
    if (area) await api.patch(`/areas/${area.id}`, body);
    else await api.post('/areas', { ...body, ...(branch ? { branch_id: branch.id } : {}) });
    await queryClient.invalidateQueries({ queryKey: ['areas'] });
    said(t('areas.saved', { name: body.name }));
    onClose();
  });
  return (
    <FormSheet form={form} onClose={onClose} size={460} title={area ? t('areas.edit') : t('areas.new')} submit={area ? t('action.save') : t('areas.new')} ready={form.values.name.trim() !== ''}>
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
    </FormSheet>
  );
}
