// Take a payment: the amount is filled in, the right side says what it pays and what happens next, the button says
// the amount. Afterwards the receipt, beside the line on its way: verified is claimed only once the router was read.
import { Button, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, newKey, Problem } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import type { Customer, Payment, Subscription } from '../../api/types';
import { fieldError } from '../../components/form';
import { Dialog } from '../../components/Sheet';
import { LineSteps } from '../../components/Steps';
import { KeyValues, Note, ProblemNote, useNow } from '../../components/ui';
import * as f from '../../shared/format';
import { currentLang } from '../../shared/i18n';
import { toRenew } from '../../shared/state';
import { validityText } from '../../shared/validity';
import { takaInWords } from '../../shared/words';
import { IconAlertTriangle, IconCash, IconCircleCheck, IconPrinter, IconRouter } from '../../shared/icons';

const LARGEST_MINOR = 100_000_000_00;

/** "1,600", "১৬০০.৫০" or "1600" as minor units; null when it is no amount. */
export function parseAmount(text: string): number | null {
  const latin = text
    .replace(/[০-৯]/g, (d) => String('০১২৩৪৫৬৭৮৯'.indexOf(d)))
    .replace(/[,\s৳]/g, '');
  const m = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(latin);
  if (!m) return null;
  const minor = Number(m[1]) * 100 + Number((m[2] ?? '').padEnd(2, '0'));
  return minor > 0 && minor <= LARGEST_MINOR ? minor : null;
}

export function amountText(minor: number): string {
  return f.money({ minor, currency: '' }).trim();
}

/** A payment and how the line stood when it was taken: the page behind moves on. */
interface Taken {
  payment: Payment;
  wasHeld: boolean;
}

export function TakePayment({ customer, sub, onClose }: { customer: Customer; sub: Subscription; onClose: () => void }) {
  const [taken, setTaken] = useState<Taken | null>(null);
  return taken ? (
    <Receipt customer={customer} sub={sub} taken={taken} onClose={onClose} />
  ) : (
    <PaymentForm customer={customer} sub={sub} onClose={onClose} onTaken={setTaken} />
  );
}

function PaymentForm({ customer, sub, onClose, onTaken }: { customer: Customer; sub: Subscription; onClose: () => void; onTaken: (taken: Taken) => void }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const currency = sub.package.price.currency;
  const price = sub.package.price.minor;
  const due = toRenew(price, customer.credit?.minor ?? 0) || price;
  const [text, setText] = useState(amountText(due));
  const [note, setNote] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  // Made once for the form: whatever happens on the way, this payment is posted once.
  const [key, setKey] = useState(newKey);
  const sending = useRef(false);
  const input = useRef<HTMLInputElement>(null);

  const minor = parseAmount(text);
  const [asked] = useDebouncedValue(minor, 120);
  const quote = useQuery({ ...q.quote(sub.id, asked ?? 0), enabled: asked !== null });
  const what = asked === minor && minor !== null ? quote.data : undefined;
  const choices = [1, 2, 3].map((n) => ({ n, minor: due + (n - 1) * price })).filter((c) => c.minor > 0);
  const held = sub.holds.length > 0;

  useEffect(() => {
    input.current?.select();
  }, []);

  const take = async (event: React.FormEvent) => {
    event.preventDefault();
    if (minor === null || sending.current) return;
    sending.current = true;
    setBusy(true);
    setProblem(null);
    const wasHeld = sub.holds.length > 0;
    try {
      const payment = await api.post<Payment>(
        '/payments',
        { subscription_id: sub.id, amount: { minor, currency }, method: 'cash', note },
        key,
      );
      for (const name of ['subscriptions', 'customer', 'payments', 'timeline']) {
        void queryClient.invalidateQueries({ queryKey: [name, customer.id] });
      }
      onTaken({ payment, wasHeld });
    } catch (error) {
      const p = error instanceof Problem ? error : new Problem(-1, '', '');
      setProblem(p);
      // Refused with a reason: not taken, so the corrected one is another payment. No answer: the same key again.
      if (!p.offline && p.status > 0 && p.status < 500) setKey(newKey());
    } finally {
      sending.current = false;
      setBusy(false);
    }
  };

  const button = minor === null ? t('payment.take') : t('payment.take_amount', { amount: f.money({ minor, currency }) });
  return (
    <Dialog
      opened
      size={860}
      onClose={onClose}
      title={t('payment.title')}
      sub={[customer.name, customer.number, f.digits(f.phone(customer.phone))].join(' · ')}
      onSubmit={(e) => void take(e)}
      footNote={t('payment.taken_by', { name: me?.name ?? '' })}
      foot={
        <>
          <Button variant="default" onClick={onClose}>
            {t('action.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={minor === null} rightSection={<kbd>Enter</kbd>}>
            {button}
          </Button>
        </>
      }
    >
      <div className="lm-pay">
        <div className="lm-pay-left">
          <div className="lm-label-row">
            <label htmlFor="pay-amount">{t('payment.amount')}</label>
            <small>{t('payment.price', { amount: f.money(sub.package.price), period: validityText(t, sub.package) })}</small>
          </div>
          <div className={clsx('lm-amount', minor === null && 'lm-wrong')}>
            <span aria-hidden>{currency === 'BDT' ? '৳' : currency}</span>
            <input
              id="pay-amount"
              ref={input}
              data-autofocus
              inputMode="decimal"
              autoComplete="off"
              value={text}
              onChange={(e) => setText(e.currentTarget.value)}
              aria-invalid={minor === null}
              aria-describedby="pay-amount-help"
            />
            <small id="pay-amount-help">
              {minor === null ? t('payment.not_an_amount') : minor === due ? t('payment.all_due') : ''}
            </small>
          </div>
          {problem?.field('amount') && <p className="lm-field-error">{fieldError(problem, 'amount')}</p>}
          <div className="lm-chips">
            {choices.map((c) => (
              <button key={c.n} type="button" className={clsx('lm-chip', minor === c.minor && 'lm-on')} aria-pressed={minor === c.minor} onClick={() => setText(amountText(c.minor))}>
                {t('payment.times', { period: validityText(t, { ...sub.package, validity_value: sub.package.validity_value * c.n }), amount: f.money({ minor: c.minor, currency }) })}
              </button>
            ))}
          </div>
          <span className="lm-label">{t('payment.method')}</span>
          <div className="lm-methods">
            <div className="lm-method lm-on">
              <IconCash aria-hidden />
              {t('method.cash')}
            </div>
          </div>
          <Textarea label={t('payment.note')} placeholder={t('payment.note_help')} autosize minRows={2} maxRows={4} value={note} onChange={(e) => setNote(e.currentTarget.value)} />
          <ProblemNote problem={problem} />
        </div>
        <div className="lm-pay-right" aria-live="polite">
          <h3>{t('payment.what_pays')}</h3>
          {what && minor !== null ? (
            <>
              <Sums sub={sub} credit={customer.credit?.minor ?? 0} minor={minor} validities={what.validities} left={what.credit_after.minor} currency={currency} />
              <h3>{t('payment.what_next')}</h3>
              <KeyValues
                rows={[
                  [
                    t('payment.line'),
                    what.opens && held ? (
                      <span className="lm-green-text">{t('payment.opens')}</span>
                    ) : sub.holds.some((h) => h.reason !== 'nonpayment') ? (
                      <span className="lm-amber-text">{t('payment.hold_stays', { reasons: sub.holds.filter((h) => h.reason !== 'nonpayment').map((h) => t(`hold.reason.${h.reason}`)).join(', ') })}</span>
                    ) : held ? (
                      <span className="lm-red-text">{t('payment.stays_held', { amount: f.money({ minor: due, currency }) })}</span>
                    ) : what.validities === 0 ? (
                      t('payment.only_credit')
                    ) : (
                      t('payment.stays_open')
                    ),
                  ],
                  [t('payment.paid_until'), what.paid_until ? f.dayTime(what.paid_until, Date.parse(what.paid_until) - Date.now() < 3_600_000 ? 'second' : 'minute') : t('customer.unknown')],
                  [t('payment.goes_to'), t('payment.drawer', { name: me?.name ?? '' })],
                ]}
              />
            </>
          ) : quote.isError ? (
            <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
              {t('payment.no_quote')}
            </Note>
          ) : (
            <p className="lm-muted">{minor === null ? t('payment.enter_amount') : t('state.loading')}</p>
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** Both sides of the sum: what comes in and what was left, what it buys and what stays. They add up. */
function Sums({ sub, credit, minor, validities, left, currency }: { sub: Subscription; credit: number; minor: number; validities: number; left: number; currency: string }) {
  const { t } = useTranslation();
  const m = (value: number) => f.money({ minor: value, currency });
  return (
    <table className="lm-sums">
      <tbody>
        <tr>
          <td>{t('payment.this')}</td>
          <td>{m(minor)}</td>
        </tr>
        {credit !== 0 && (
          <tr>
            <td>{t('payment.credit_before')}</td>
            <td>{m(credit)}</td>
          </tr>
        )}
        <tr>
          <td>
            {sub.package.name}
            <small>
              {validities > 0
                ? t('payment.validities', { period: validityText(t, { ...sub.package, validity_value: sub.package.validity_value * validities }) })
                : t('payment.not_enough', { amount: m(Math.max(0, sub.package.price.minor - credit - minor)) })}
            </small>
          </td>
          <td>{m(-validities * sub.package.price.minor)}</td>
        </tr>
        <tr className="lm-total">
          <td>{t('payment.left')}</td>
          <td>{m(left)}</td>
        </tr>
      </tbody>
    </table>
  );
}

function Receipt({ customer, sub: known, taken, onClose }: { customer: Customer; sub: Subscription; taken: Taken; onClose: () => void }) {
  const { payment, wasHeld } = taken;
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const branch = useQuery(q.branches).data?.items.find((b) => b.id === customer.branch_id);
  const subs = useQuery(q.subscriptions(customer.id));
  const now = useNow(200);
  const [started] = useState(() => Date.now());
  const sub = subs.data?.items.find((s) => s.id === known.id) ?? known;
  // What was read before the payment says nothing about what the payment did.
  const fresh = subs.dataUpdatedAt >= started;
  const at = payment.at;
  const line = sub.line;
  const opening = fresh && wasHeld && line.open;
  const open = opening && line.state === 'verified';
  const until = payment.paid_until;
  const credit = payment.credit;
  const bangla = currentLang() === 'bn';

  return (
    <Dialog
      opened
      size={860}
      onClose={onClose}
      title={
        <span className="lm-taken">
          <IconCircleCheck aria-hidden className="lm-ok" /> {t('receipt.taken', { amount: f.money(payment.amount) })}
        </span>
      }
      sub={`${customer.name} · ${customer.number}`}
      footNote={t('receipt.mistake')}
      foot={
        <Button onClick={onClose} data-autofocus>
          {t('action.done')}
        </Button>
      }
    >
      <div className="lm-pay">
        <div className="lm-pay-left" data-testid="receipt-line">
          {wasHeld && !fresh ? (
            <p className="lm-muted">{t('state.loading')}</p>
          ) : opening ? (
            <>
              <div className="lm-label-row">
                <strong>{open ? t('receipt.line_open') : line.state === 'failed' ? t('receipt.line_failed') : t('receipt.line_opening')}</strong>
                <small>
                  {open && line.steps.verified_at
                    ? f.offset(at, line.steps.verified_at)
                    : line.state === 'failed'
                      ? ''
                      : t('receipt.so_far', { time: f.duration(now - started) })}
                </small>
              </div>
              <LineSteps line={line} />
              {open ? (
                <Note tone="green" icon={<IconCircleCheck aria-hidden />}>
                  {t('receipt.verified', { router: sub.router.name })}
                </Note>
              ) : line.state === 'failed' ? (
                <Note tone="red" icon={<IconAlertTriangle aria-hidden />}>
                  {line.reason ?? t('line.note.failed')} {t('receipt.money_safe')}
                </Note>
              ) : line.agent_away ? (
                <Note tone="amber">{t('line.note.away_open', { pop: sub.pop.name })}</Note>
              ) : (
                <Note tone="blue" icon={<IconRouter aria-hidden />}>
                  {line.state === 'applied' ? t('receipt.has_change', { router: sub.router.name }) : t('receipt.on_way', { router: sub.router.name })}
                </Note>
              )}
            </>
          ) : wasHeld ? (
            <Note tone="amber" icon={<IconAlertTriangle aria-hidden />}>
              {sub.holds.some((h) => h.reason !== 'nonpayment')
                ? t('receipt.still_held', { reasons: sub.holds.map((h) => t(`hold.reason.${h.reason}`)).join(', ') })
                : t('receipt.still_unpaid')}
            </Note>
          ) : (
            <Note tone="green" icon={<IconCircleCheck aria-hidden />}>
              {t('receipt.was_open')}
            </Note>
          )}
          <KeyValues
            rows={[
              [t('payment.paid_until'), until ? f.dayTime(until, 'second') : t('customer.unknown')],
              [t('payment.left'), f.money(credit)],
            ]}
          />
          <Button variant="default" leftSection={<IconPrinter aria-hidden />} onClick={() => window.print()}>
            {t('receipt.print')}
          </Button>
        </div>
        <div className="lm-pay-right lm-paper-side">
          <div className="lm-paper">
            <h3>Lastmile</h3>
            <p>{branch?.name}</p>
            <hr />
            <dl>
              <div>
                <dt>{t('receipt.receipt')}</dt>
                <dd>
                  <b>{payment.number}</b>
                </dd>
              </div>
              <div>
                <dt>{t('receipt.date')}</dt>
                <dd>{f.dayTime(at)}</dd>
              </div>
              <div>
                <dt>{t('receipt.customer')}</dt>
                <dd>
                  {customer.number}
                  <br />
                  {customer.name}
                </dd>
              </div>
              <div>
                <dt>{t('customer.package')}</dt>
                <dd>{sub.package.name}</dd>
              </div>
            </dl>
            <hr />
            <dl>
              <div className="lm-paper-sum">
                <dt>{t('receipt.paid')}</dt>
                <dd>{f.money(payment.amount, true)}</dd>
              </div>
              <div>
                <dt>{t('payment.method')}</dt>
                <dd>{t('method.cash')}</dd>
              </div>
              <div>
                <dt>{t('payment.left')}</dt>
                <dd>{f.money(credit, true)}</dd>
              </div>
              {until && (
                <div>
                  <dt>{t('payment.paid_until')}</dt>
                  <dd>{f.dayTime(until)}</dd>
                </div>
              )}
            </dl>
            <hr />
            <p className="lm-paper-words">
              {payment.amount.currency === 'BDT' && (
                <>
                  <span lang="bn">{takaInWords(payment.amount.minor, true)}</span>
                  {!bangla && <span>{takaInWords(payment.amount.minor, false)}</span>}
                </>
              )}
              <span>{t('receipt.thanks', { name: me?.name ?? '' })}</span>
            </p>
          </div>
        </div>
      </div>
    </Dialog>
  );
}
