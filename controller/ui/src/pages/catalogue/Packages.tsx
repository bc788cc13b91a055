// What is sold: speed, price, how long it lasts.
import { NumberInput, Select, Switch, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Package, ValidityUnit } from '../../api/types';
import { fieldError, useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { Pill } from '../../components/ui';
import * as f from '../../shared/format';
import { speedText, validityText } from '../../shared/validity';
import { IconPackage } from '../../shared/icons';
import { Catalogue } from './Catalogue';

export function Packages() {
  const { t } = useTranslation();
  return (
    <Catalogue
      name="packages"
      list={useQuery(q.packages)}
      icon={<IconPackage />}
      head={
        <>
          <th scope="col">{t('packages.name')}</th>
          <th scope="col">{t('packages.speed')}</th>
          <th scope="col" className="lm-wide">{t('packages.lasts')}</th>
          <th scope="col" className="lm-wide">{t('packages.grace')}</th>
          <th scope="col" className="lm-wide">{t('packages.sold')}</th>
          <th scope="col" className="lm-num">{t('packages.price')}</th>
        </>
      }
      rows={(items) => items.map((item) => ({ item, cells: <PackageCells pack={item} />, className: item.active ? undefined : 'lm-faded' }))}
      form={(pack, onClose) => <PackageForm pack={pack} onClose={onClose} />}
    />
  );
}

function PackageCells({ pack: p }: { pack: Package }) {
  const { t } = useTranslation();
  return (
    <>
      <td className="lm-strong">
        {p.name}
        <small className="lm-narrow">{validityText(t, p)}</small>
      </td>
      <td className="lm-nowrap">{speedText(t, p)}</td>
      <td className="lm-wide">{validityText(t, p)}</td>
      <td className="lm-wide">{p.grace_days === null ? t('packages.grace_default') : p.grace_days === 0 ? t('packages.grace_none') : t('validity.day', { count: p.grace_days, n: f.int(p.grace_days) })}</td>
      <td className="lm-wide">{p.active ? <Pill tone="green">{t('packages.active')}</Pill> : <Pill tone="grey">{t('packages.inactive')}</Pill>}</td>
      <td className="lm-num lm-strong">{f.money(p.price)}</td>
    </>
  );
}

const MBPS = 1_000_000;
const num = (value: string | number): number | '' => (typeof value === 'number' ? value : value === '' ? '' : Number(value));

function PackageForm({ pack, onClose }: { pack: Package | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft(
    {
      name: pack?.name ?? '',
      price: (pack ? pack.price.minor / 100 : '') as number | '',
      down: (pack ? pack.down_bps / MBPS : 20) as number | '',
      up: (pack ? pack.up_bps / MBPS : 20) as number | '',
      validity_value: (pack?.validity_value ?? 1) as number | '',
      validity_unit: (pack?.validity_unit ?? 'month') as ValidityUnit,
      grace: (pack?.grace_days ?? '') as number | '',
      active: pack?.active ?? true,
    },
    async (v) => {
      const body = {
        name: v.name.trim(),
        price: { minor: Math.round(Number(v.price) * 100), currency: pack?.price.currency ?? 'BDT' },
        down_bps: Math.round(Number(v.down) * MBPS),
        up_bps: Math.round(Number(v.up) * MBPS),
        validity_value: Number(v.validity_value),
        validity_unit: v.validity_unit,
        grace_days: v.grace === '' ? null : v.grace,
        active: v.active,
      };
      if (pack) await api.patch(`/packages/${pack.id}`, body);
      else await api.post('/packages', body);
      await queryClient.invalidateQueries({ queryKey: ['packages'] });
      said(t('packages.saved', { name: body.name }));
      onClose();
    },
  );
  const v = form.values;
  return (
    <FormSheet
      side
      form={form}
      onClose={onClose}
      title={pack ? t('packages.edit') : t('packages.new')}
      sub={pack?.name}
      submit={pack ? t('action.save') : t('packages.new')}
      ready={v.name.trim() !== '' && v.price !== '' && v.down !== '' && v.up !== '' && v.validity_value !== ''}
    >
      <TextInput label={t('packages.name')} required data-autofocus autoComplete="off" {...form.bind('name')} />
      <NumberInput label={t('packages.price')} required prefix="৳ " thousandSeparator="," thousandsGroupStyle="lakh" decimalScale={2} min={0} hideControls value={v.price} onChange={(value) => form.set('price', num(value))} error={fieldError(form.problem, 'price') ?? fieldError(form.problem, 'minor')} />
      <div className="lm-two">
        <NumberInput label={t('packages.down')} required suffix=" Mb/s" min={0} hideControls value={v.down} onChange={(value) => form.set('down', num(value))} error={fieldError(form.problem, 'down_bps')} />
        <NumberInput label={t('packages.up')} required suffix=" Mb/s" min={0} hideControls value={v.up} onChange={(value) => form.set('up', num(value))} error={fieldError(form.problem, 'up_bps')} />
      </div>
      <div className="lm-two">
        <NumberInput label={t('packages.lasts')} required min={1} max={1000} hideControls allowDecimal={false} value={v.validity_value} onChange={(value) => form.set('validity_value', num(value))} error={fieldError(form.problem, 'validity_value')} />
        <Select
          label={t('packages.unit')}
          allowDeselect={false}
          data={(['minute', 'day', 'month'] as const).map((unit) => ({ value: unit, label: t(`packages.unit_${unit}`) }))}
          value={v.validity_unit}
          onChange={(value) => value && form.set('validity_unit', value as ValidityUnit)}
          error={fieldError(form.problem, 'validity_unit')}
        />
      </div>
      <NumberInput label={t('packages.grace')} description={t('packages.grace_help')} placeholder={t('packages.grace_default')} min={0} max={90} allowDecimal={false} hideControls value={v.grace} onChange={(value) => form.set('grace', num(value))} error={fieldError(form.problem, 'grace_days')} />
      <Switch label={t('packages.active_label')} description={t('packages.active_help')} checked={v.active} onChange={(e) => form.set('active', e.currentTarget.checked)} />
    </FormSheet>
  );
}
