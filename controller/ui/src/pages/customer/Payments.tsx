// What was paid, by which way and to whom, and what is left as credit.
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { q } from '../../api/queries';
import type { Customer, Subscription } from '../../api/types';
import { Bones, Card, Empty, Failed } from '../../components/ui';
import * as f from '../../shared/format';
import { toRenew } from '../../shared/state';
import { validityText } from '../../shared/validity';
import { IconReceipt } from '../../shared/icons';
import { method } from './Timeline';

export function PaymentsCard({ customer, sub, brief }: { customer: Customer; sub: Subscription | undefined; brief?: boolean }) {
  const { t, i18n } = useTranslation();
  const payments = useQuery(q.payments(customer.id));
  const items = payments.data?.items ?? [];
  const shown = brief ? items.slice(0, 3) : items;
  const credit = customer.credit;
  const renew = sub && credit ? toRenew(sub.package.price.minor, credit.minor) : null;
  return (
    <Card
      flush
      title={brief ? t('payments.money') : t('payments.title')}
      sub={brief && items.length > 3 ? t('payments.last_of', { n: f.int(3), total: f.int(payments.data?.total ?? items.length) }) : undefined}
    >
      {payments.isError && !payments.data ? (
        <Failed error={payments.error} what={t('payments.title')} retry={() => void payments.refetch()} />
      ) : !payments.data ? (
        <Bones rows={3} />
      ) : items.length === 0 ? (
        <Empty icon={<IconReceipt />} title={t('payments.none')} text={t('payments.none_text')} />
      ) : (
        <table className="lm-table lm-flat">
          <thead>
            <tr>
              <th scope="col">{t('payments.receipt')}</th>
              <th scope="col">{t('payments.when')}</th>
              <th scope="col" className="lm-wide">{t('payments.method')}</th>
              {!brief && <th scope="col" className="lm-wide">{t('payments.taken_by')}</th>}
              {!brief && <th scope="col" className="lm-wide">{t('payments.note')}</th>}
              <th scope="col" className="lm-num">{t('payments.amount')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((p) => (
              <tr key={p.id}>
                <td className="lm-strong lm-nowrap">{p.number}</td>
                <td>{f.dayTime(p.at)}</td>
                <td className="lm-wide">{method(p.method, t, (key) => i18n.exists(key))}</td>
                {!brief && <td className="lm-wide">{p.taken_by}</td>}
                {!brief && <td className="lm-wide">{p.note || '–'}</td>}
                <td className="lm-num lm-strong">{f.money(p.amount)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            {credit && (
              <tr>
                <td colSpan={2} className="lm-strong">
                  {t('payments.credit')}
                  {sub && renew !== null && renew > 0 && (
                    <small>{t('payments.to_renew', { amount: f.money({ minor: renew, currency: credit.currency }), period: validityText(t, sub.package) })}</small>
                  )}
                </td>
                <td className="lm-wide" colSpan={brief ? 1 : 3} />
                <td className="lm-num lm-strong">{f.money(credit)}</td>
              </tr>
            )}
          </tfoot>
        </table>
      )}
    </Card>
  );
}
