// One customer: who, in which state and why, what helps; then what happened, the line, the money.
import { Button, Menu, ActionIcon } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../../api/client';
import { useLink, useRates } from '../../api/live';
import { q } from '../../api/queries';
import type { Customer, Hold, Money, Subscription } from '../../api/types';
import { SubPill } from '../../components/SubPill';
import { Bones, Card, Empty, Failed, KeyValues, Pill, Spark } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { toRenew } from '../../shared/state';
import { speedText, validityText } from '../../shared/validity';
import { IconCash, IconChevronRight, IconClock, IconDots, IconHandStop, IconLockOpen, IconPencil, IconPlugConnected, IconPlugX, IconUserSearch } from '../../shared/icons';
import { History } from '../audit/History';
import { Care } from './Care';
import { EndDialog, HoldDialog, ReleaseDialog } from './HoldDialogs';
import { LineCard } from './LineCard';
import { LiveRate } from './LiveRate';
import { PaymentsCard } from './Payments';
import { AccessCard, HoldsCard, ProofsCard } from './LineDetails';
import { Timeline } from './Timeline';
import { UsageCard } from './UsageCard';

const TakePayment = lazy(() => import('./TakePayment').then((m) => ({ default: m.TakePayment })));
const EditCustomer = lazy(() => import('./EditCustomer').then((m) => ({ default: m.EditCustomer })));
const EditLine = lazy(() => import('./EditLine').then((m) => ({ default: m.EditLine })));
const PaidUntil = lazy(() => import('./PaidUntil').then((m) => ({ default: m.PaidUntil })));
const NewCustomer = lazy(() => import('../customers/NewCustomer').then((m) => ({ default: m.NewCustomer })));

type Open = 'hold' | 'release' | 'end' | 'edit' | 'edit-line' | 'add-line' | 'paid-until' | null;
const FRESH_MS = 180_000;
const NO_MONEY: Money = { minor: 0, currency: 'BDT' };

export function CustomerPage() {
  const { t } = useTranslation();
  const { id } = useParams({ from: '/shell/customers/$id' });
  const search = useSearch({ from: '/shell/customers/$id' });
  const navigate = useNavigate({ from: '/customers/$id' });
  const me = useQuery(q.me).data;
  const customer = useQuery(q.customer(id));
  const subs = useQuery(q.subscriptions(id));
  const [open, setOpen] = useState<Open>(null);

  const name = customer.data?.name;
  useEffect(() => {
    if (name) document.title = `${name} · Lastmile`;
  }, [name]);

  if (customer.isError && !customer.data) {
    return customer.error instanceof Problem && customer.error.status === 404 ? (
      <Empty
        icon={<IconUserSearch />}
        title={<h1>{t('customer.missing')}</h1>}
        text={t('customer.missing_text')}
        action={
          <Button component={Link} to="/customers" variant="default" size="xs">
            {t('notfound.to', { page: t('nav.customers') })}
          </Button>
        }
      />
    ) : (
      <Failed error={customer.error} what={t('customer.what')} retry={() => void customer.refetch()} />
    );
  }
  if (!customer.data) return <Bones rows={8} tall />;

  const c = customer.data;
  const lines = subs.data?.items ?? [];
  const sub = lines.find((s) => s.id === search.line) ?? lines.find((s) => s.state !== 'ended') ?? lines[0];
  const tab = search.tab ?? 'overview';
  const close = () => setOpen(null);
  const pay = (on: boolean) =>
    void navigate({
      search: (old) => {
        const { pay: _, ...rest } = old;
        return on ? { ...rest, pay: true } : rest;
      },
      replace: !on,
    });

  return (
    <>
      <nav className="lm-crumbs" aria-label={t('nav.crumbs')}>
        <Link to="/customers" search={{}}>
          {t('nav.customers')}
        </Link>
        <IconChevronRight aria-hidden />
        {c.area && (
          <>
            <Link to="/customers" search={{ area: c.area.id }}>
              {c.area.name}
            </Link>
            <IconChevronRight aria-hidden />
          </>
        )}
        <span>{c.number}</span>
      </nav>
      <Header customer={c} sub={sub} loading={!subs.data && !subs.isError} setOpen={setOpen} pay={() => pay(true)} />
      {lines.length > 1 && (
        <div className="lm-chips" role="group" aria-label={t('customer.lines')}>
          {lines.map((s) => (
            <button key={s.id} type="button" className={clsx('lm-chip', s === sub && 'lm-on')} aria-pressed={s === sub} onClick={() => void navigate({ search: (old) => ({ ...old, line: s.id }) })}>
              {s.access.username ?? s.access.address} · {s.package.name}
              {s.state === 'ended' && ` · ${t('substate.ended')}`}
            </button>
          ))}
        </div>
      )}
      <div className="lm-tabs" role="tablist" aria-label={t('customer.tabs')}>
        {(['overview', 'line', 'payments'] as const).map((key) => (
          <button
            key={key}
            type="button"
            role="tab"
            aria-selected={tab === key}
            className={clsx(tab === key && 'lm-on')}
            onClick={() =>
              void navigate({
                search: ({ tab: _, ...old }) => (key === 'overview' ? old : { ...old, tab: key }),
                replace: true,
              })
            }
          >
            {t(`customer.tab.${key}`)}
          </button>
        ))}
      </div>
      {subs.isError && !subs.data ? (
        <Card>
          <Failed error={subs.error} what={t('customer.lines')} retry={() => void subs.refetch()} />
        </Card>
      ) : (
        <div className="lm-columns" key={`${tab}-${sub?.id ?? ''}`}>
          {tab === 'overview' && (
            <>
              <div className="lm-column">
                {sub ? <LineCard sub={sub} /> : <NoLine loading={!subs.data} add={can(me, 'subscriptions:write') ? () => setOpen('add-line') : undefined} />}
                <PaymentsCard customer={c} sub={sub} brief />
                {sub && <UsageCard sub={sub} />}
              </div>
              <div className="lm-column">
                <Timeline customerId={c.id} sub={sub} />
                <Card
                  title={t('customer.who')}
                  aside={
                    can(me, 'customers:write') && (
                      <Button variant="subtle" size="xs" leftSection={<IconPencil aria-hidden />} onClick={() => setOpen('edit')}>
                        {t('action.edit')}
                      </Button>
                    )
                  }
                >
                  <KeyValues
                    rows={[
                      [t('field.phone'), f.digits(f.phone(c.phone))],
                      [t('field.area'), c.area?.name ?? '–'],
                      [t('field.address'), c.address || '–'],
                      [t('field.notes'), c.notes || '–'],
                    ]}
                  />
                </Card>
                <Care customer={c} />
                <History customer={c.id} />
              </div>
            </>
          )}
          {tab === 'line' &&
            (sub ? (
              <>
                <LineCard sub={sub} full />
                <LiveRate sub={sub} />
                <UsageCard sub={sub} />
                <AccessCard sub={sub} edit={can(me, 'subscriptions:write') && sub.state !== 'ended' ? () => setOpen('edit-line') : undefined} />
                <ProofsCard sub={sub} />
                <HoldsCard sub={sub} release={can(me, 'holds:release') ? () => setOpen('release') : undefined} />
              </>
            ) : (
              <NoLine loading={!subs.data} add={can(me, 'subscriptions:write') ? () => setOpen('add-line') : undefined} />
            ))}
          {tab === 'payments' && (
            <div className="lm-span">
              <PaymentsCard customer={c} sub={sub} />
            </div>
          )}
        </div>
      )}
      <Suspense fallback={null}>
        {search.pay && sub && <TakePayment customer={c} sub={sub} onClose={() => pay(false)} />}
        {open === 'edit' && <EditCustomer customer={c} onClose={close} />}
        {open === 'paid-until' && sub && <PaidUntil sub={sub} onClose={close} />}
        {open === 'edit-line' && sub && <EditLine sub={sub} onClose={close} />}
        {open === 'add-line' && <NewCustomer customer={c} onClose={close} />}
      </Suspense>
      {sub && open === 'hold' && <HoldDialog customer={c} sub={sub} onClose={close} />}
      {sub && open === 'release' && <ReleaseDialog customer={c} sub={sub} onClose={close} onPay={() => { close(); pay(true); }} />}
      {sub && open === 'end' && <EndDialog customer={c} sub={sub} onClose={close} />}
    </>
  );
}

function NoLine({ loading, add }: { loading: boolean; add: (() => void) | undefined }) {
  const { t } = useTranslation();
  if (loading)
    return (
      <Card>
        <Bones rows={4} />
      </Card>
    );
  return (
    <Card>
      <Empty
        icon={<IconPlugX />}
        title={t('customer.no_line')}
        text={t('customer.no_line_text')}
        action={
          add && (
            <Button size="xs" leftSection={<IconPlugConnected aria-hidden />} onClick={add}>
              {t('customer.add_line')}
            </Button>
          )
        }
      />
    </Card>
  );
}

/** Why the line is in its state, and since when, in one phrase. */
function Why({ sub }: { sub: Subscription }) {
  const { t } = useTranslation();
  const first: Hold | undefined = sub.holds[0];
  if (first) {
    const reasons = sub.holds.map((h) => t(`hold.reason.${h.reason}`)).join(' + ');
    return <>{t('customer.held_since', { reason: reasons, time: f.when(first.placed_at) })}</>;
  }
  if (sub.state === 'grace' && sub.grace_until) return <>{t('customer.grace_until', { time: f.dayTime(sub.grace_until) })}</>;
  if (sub.state === 'expired' && sub.paid_until) return <>{t('customer.expired_since', { time: f.when(sub.paid_until) })}</>;
  if (sub.state === 'ended') return <>{t('customer.ended')}</>;
  if (sub.line.state === 'verified' && sub.line.open && sub.line.steps.verified_at)
    return <>{t('customer.open_since', { time: f.when(sub.line.steps.verified_at, 'second') })}</>;
  if (sub.line.state === 'failed') return <>{t('customer.not_true')}</>;
  return <>{t('customer.on_its_way')}</>;
}

function Header({
  customer: c,
  sub,
  loading,
  setOpen,
  pay,
}: {
  customer: Customer;
  sub: Subscription | undefined;
  loading: boolean;
  setOpen: (open: Open) => void;
  pay: () => void;
}) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const rates = useRates(sub && sub.state !== 'ended' ? sub.id : undefined);
  useQuery({ ...q.rates(sub?.id ?? ''), enabled: sub !== undefined && sub.state !== 'ended' });
  const stale = useLink() === 'reconnecting';
  const held = (sub?.holds.length ?? 0) > 0;
  const unpaid = sub !== undefined && (sub.holds.some((h) => h.reason === 'nonpayment') || sub.state === 'expired' || sub.state === 'grace');
  const living = sub !== undefined && sub.state !== 'ended';
  const mayHold = can(me, 'holds:place') && living;
  const mayPay = can(me, 'payments:take') && living;
  const mayRelease = can(me, 'holds:release') && living;
  const credit = c.credit ?? NO_MONEY;
  const last = rates?.[rates.length - 1];
  // A reading of some minutes ago says nothing about now.
  const newest = last ?? sub?.live ?? null;
  const fresh = newest && Date.now() - Date.parse(newest.at) < FRESH_MS && !sub?.line.agent_away ? newest : null;
  // The router was read after that and had no session: that is the newer word.
  const seen = sub?.line.observed;
  const gone = fresh?.online === true && seen != null && seen.sessions.length === 0 && !sub?.line.open && seen.read_at >= fresh.at;
  const live = gone && seen ? { ...fresh, online: false, at: seen.read_at } : fresh;
  const renew = sub ? toRenew(sub.package.price.minor, credit.minor) : 0;
  const currency = sub?.package.price.currency ?? credit.currency;

  const facts: [string, ReactNode, ReactNode, string?][] = sub
    ? [
        [
          t('customer.due'),
          f.money({ minor: unpaid ? renew : 0, currency }),
          unpaid
            ? t('customer.due_to_renew', { period: validityText(t, sub.package) })
            : credit.minor > 0
              ? t('customer.credit_left', { amount: f.money(credit) })
              : sub.paid_until
                ? t(f.daysUntil(sub.paid_until) === 0 ? 'customer.next_bill_today' : 'customer.next_bill', { time: soon(sub.paid_until) ? f.when(sub.paid_until) : f.day(sub.paid_until), amount: f.money({ minor: renew, currency }) })
                : t('customer.no_date'),
          unpaid ? 'lm-red-text' : '',
        ],
        [
          t('customer.live_rate'),
          live === null ? (
            <span className="lm-muted">{t('state.unknown')}</span>
          ) : live.online ? (
            <>
              <span data-testid="live-rate">{f.bps(live.down_bps)}</span>
              <Spark values={(rates ?? []).slice(-40).map((r) => r.down_bps)} />
            </>
          ) : (
            <span className="lm-muted">{t('state.offline')}</span>
          ),
          live === null
            ? sub.line.agent_away
              ? t('customer.agent_away')
              : t('customer.no_reading')
            : live.online
              ? t('customer.and_up', { rate: f.bps(live.up_bps), time: f.clock(live.at, 'second') })
              : t('customer.seen_at', { time: f.clock(live.at, 'second') }),
          stale ? 'lm-stale-fact' : '',
        ],
        [
          t('customer.paid_until'),
          sub.paid_until === null ? <span className="lm-muted">{t('customer.unknown')}</span> : <Until at={sub.paid_until} />,
          sub.paid_until === null ? t('customer.unknown_never_holds') : <DaysLeft at={sub.paid_until} />,
        ],
        [t('customer.package'), sub.package.name, t('customer.price_per', { price: f.money(sub.package.price), period: validityText(t, sub.package), speed: speedText(t, sub.package) })],
        [t('customer.line'), sub.router.name, `POP ${sub.pop.name} · ${sub.access.username ?? sub.access.address ?? ''}`],
      ]
    : [];

  return (
    <section className="lm-card lm-flush lm-person">
      <div className="lm-person-head">
        <div>
          <h1>
            <span>{c.name}</span> {sub ? <SubPill state={sub.state} graceUntil={sub.grace_until} /> : !loading && <Pill tone="grey">{t('substate.none')}</Pill>}
          </h1>
          {sub && (
            <p className="lm-person-why">
              <Why sub={sub} />
            </p>
          )}
          <p>
            {[c.number, f.digits(f.phone(c.phone)), c.address || c.area?.name, c.created_at && t('customer.since', { time: f.day(c.created_at) })]
              .filter(Boolean)
              .join(' · ')}
          </p>
        </div>
        <div className="lm-actions">
          {mayPay && (
            <Button variant={unpaid ? 'filled' : 'default'} leftSection={<IconCash aria-hidden />} onClick={pay}>
              {t('action.take_payment')}
            </Button>
          )}
          {mayRelease && held && (
            <Button variant="default" leftSection={<IconLockOpen aria-hidden />} onClick={() => setOpen('release')}>
              {t('action.release')}
            </Button>
          )}
          {mayHold && !held && (
            <Button variant="default" leftSection={<IconHandStop aria-hidden />} onClick={() => setOpen('hold')}>
              {t('action.hold')}
            </Button>
          )}
          <Menu position="bottom-end" width={220}>
            <Menu.Target>
              <ActionIcon variant="default" size={36} aria-label={t('action.more')}>
                <IconDots aria-hidden />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              {can(me, 'customers:write') && (
                <Menu.Item leftSection={<IconPencil aria-hidden />} onClick={() => setOpen('edit')}>
                  {t('customer.edit')}
                </Menu.Item>
              )}
              {mayHold && held && (
                <Menu.Item leftSection={<IconHandStop aria-hidden />} onClick={() => setOpen('hold')}>
                  {t('customer.another_hold')}
                </Menu.Item>
              )}
              {can(me, 'subscriptions:write') && (
                <Menu.Item leftSection={<IconPlugConnected aria-hidden />} onClick={() => setOpen('add-line')}>
                  {t('customer.add_line')}
                </Menu.Item>
              )}
              {can(me, 'subscriptions:backdate') && sub && sub.state !== 'ended' && (
                <Menu.Item leftSection={<IconClock aria-hidden />} onClick={() => setOpen('paid-until')}>
                  {t('paiduntil.title')}
                </Menu.Item>
              )}
              {can(me, 'subscriptions:write') && sub && sub.state !== 'ended' && (
                <>
                  <Menu.Divider />
                  <Menu.Item className="lm-red-text" leftSection={<IconPlugX aria-hidden />} onClick={() => setOpen('end')}>
                    {t('customer.end_line')}
                  </Menu.Item>
                </>
              )}
            </Menu.Dropdown>
          </Menu>
        </div>
      </div>
      {facts.length > 0 && (
        <div className="lm-facts">
          {facts.map(([label, value, sub2, tone]) => (
            <div key={label}>
              <span>{label}</span>
              <strong className={tone}>{value}</strong>
              <small>{sub2}</small>
            </div>
          ))}
        </div>
      )}
    </section>
  );
}

const SOON_MS = 36 * 3_600_000;
const soon = (at: string) => Math.abs(Date.parse(at) - Date.now()) < SOON_MS;

function Until({ at }: { at: string }) {
  // A package of minutes needs the clock, one of a month the day.
  return <>{soon(at) ? f.when(at, 'second') : f.day(at)}</>;
}

function DaysLeft({ at }: { at: string }) {
  const { t } = useTranslation();
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  const ms = Date.parse(at) - Date.now();
  const days = f.daysUntil(at);
  if (soon(at)) return <>{ms > 0 ? t('time.left', { time: f.duration(ms) }) : t('time.passed', { time: f.duration(-ms) })}</>;
  return <>{days > 0 ? t('time.days_left', { count: days, n: f.int(days) }) : t('time.days_ago', { count: -days, n: f.int(-days) })}</>;
}
