// The state of the line on its way to the router, and what the router itself says of it.
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { q } from '../../api/queries';
import type { Observed, Subscription } from '../../api/types';
import { LineSteps } from '../../components/Steps';
import { Card, Note, Pill } from '../../components/ui';
import * as f from '../../shared/format';
import { lineWord, toRenew } from '../../shared/state';
import { parseRate, rateText } from '../../shared/validity';
import { IconCheck, IconX } from '../../shared/icons';

export function LinePill({ sub }: { sub: Subscription }) {
  const { t } = useTranslation();
  const { word, tone } = lineWord(sub.line);
  return (
    <span data-testid="line-pill">
      <Pill tone={tone}>{t(`line.${word}`)}</Pill>
    </span>
  );
}

export function LineCard({ sub, full }: { sub: Subscription; full?: boolean }) {
  const { t } = useTranslation();
  return (
    <Card
      title={t('line.title')}
      sub={full ? t('line.wanted_sub', { state: sub.line.open ? t('line.open') : t('line.held'), speed: rateText(t, sub.line.wanted.rate) }) : t('line.why_sub')}
      aside={<LinePill sub={sub} />}
    >
      <LineSteps line={sub.line} />
      {full ? <Said sub={sub} /> : null}
      <LineNote sub={sub} />
    </Card>
  );
}

function LineNote({ sub }: { sub: Subscription }) {
  const { t } = useTranslation();
  const customer = useQuery(q.customer(sub.customer_id)).data;
  const line = sub.line;
  if (sub.state === 'ended') return <Note>{t('line.note.ended')}</Note>;
  if (line.state === 'failed') return <Note tone="red">{line.reason ?? t('line.note.failed')}</Note>;
  if (line.state === 'queued' && line.agent_away)
    return <Note tone="amber">{t(line.open ? 'line.note.away_open' : 'line.note.away_held', { pop: sub.pop.name })}</Note>;
  if (line.state === 'queued' || line.state === 'sent') return <Note tone="blue">{t('line.note.sent', { pop: sub.pop.name })}</Note>;
  if (line.state === 'applied') return <Note tone="blue">{t('line.note.applied', { router: sub.router.name })}</Note>;
  if (!line.open) {
    const others = sub.holds.filter((h) => h.reason !== 'nonpayment');
    const unpaid = sub.holds.some((h) => h.reason === 'nonpayment');
    if (others.length > 0)
      return <Note>{t('line.note.staff_hold', { reasons: others.map((h) => t(`hold.reason.${h.reason}`)).join(', ') })}</Note>;
    if (unpaid && customer) {
      const amount = { minor: toRenew(sub.package.price.minor, customer.credit?.minor ?? 0), currency: sub.package.price.currency };
      return (
        <Note>
          {t('line.note.pay_opens', { amount: f.money(amount) })} {t('line.note.release_asks')}
        </Note>
      );
    }
  }
  if (line.open && line.observed)
    return (
      <Note tone="green" icon={<IconCheck aria-hidden />}>
        {t('line.note.read_back', { router: sub.router.name, time: f.when(line.observed.read_at, 'second') })}
      </Note>
    );
  return null;
}

interface Compared {
  label: string;
  wanted: ReactNode;
  said: ReactNode;
  ok: boolean;
}

/** Rates are compared as numbers: "20M/20M" and "20000000/20000000" are one speed. */
export function sameRate(a: string, b: string): boolean {
  const [x, y] = [parseRate(a), parseRate(b)];
  return x && y ? x.down_bps === y.down_bps && x.up_bps === y.up_bps : a === b;
}

/** Wanted and said, in the words of the reader: the router's "disabled" is said as such. */
export function compare(sub: Subscription, o: Observed, t: TFunction): Compared[] {
  const w = sub.line.wanted;
  const pppoe = sub.access.kind === 'pppoe';
  const session = o.sessions[0];
  // A speed is not torn from its unit where the cell breaks.
  const speed = (rate: string) => rateText(t, rate).replaceAll(' ', '\u00a0');
  const secretWord = (closed: boolean) => (pppoe ? (closed ? t('line.disabled') : t('line.enabled')) : closed ? t('line.blocked') : t('line.passes'));
  const rows: Compared[] = [
    {
      label: pppoe ? t('line.secret') : t('line.forwarding'),
      wanted: secretWord(!sub.line.open),
      said: o.present ? secretWord(o.closed) : t('line.absent'),
      ok: o.present && o.closed === !sub.line.open,
    },
  ];
  if (w.profile || o.profile)
    rows.push({
      label: t('line.profile'),
      wanted: [w.profile, w.rate && speed(w.rate)].filter(Boolean).join(' · '),
      said: [o.profile, o.rate && speed(o.rate)].filter(Boolean).join(' · ') || '–',
      ok: (!w.profile || w.profile === o.profile) && (!w.rate || !o.rate || sameRate(w.rate, o.rate)),
    });
  rows.push({
    label: pppoe ? t('line.session') : t('line.interface'),
    wanted: sub.line.open ? t('line.session_allowed') : t('line.session_none'),
    said: session
      ? [t('line.session_up', { time: f.duration(session.uptime_seconds * 1000) }), session.address].filter(Boolean).join(', ')
      : t(sub.line.open ? 'line.session_not_then' : 'line.session_none'),
    ok: sub.line.open || !pppoe || session === undefined,
  });
  if (session?.mac) rows.push({ label: t('line.mac'), wanted: '–', said: session.mac, ok: true });
  return rows;
}

function Said({ sub }: { sub: Subscription }) {
  const { t } = useTranslation();
  const o = sub.line.observed;
  if (!o)
    return (
      <div className="lm-said-none">
        <strong>{t('line.said')}</strong> <span>{t('line.not_read')}</span>
      </div>
    );
  return (
    <>
      <p className="lm-said-head">
        <strong>{t('line.said')}</strong> {t('line.read_at', { time: f.when(o.read_at, 'second') })}
      </p>
      <table className="lm-said-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="lm-hidden">{t('line.what')}</span>
            </th>
            <th scope="col">{t('line.wanted')}</th>
            <th scope="col">{t('line.router_said', { router: sub.router.name })}</th>
          </tr>
        </thead>
        <tbody>
          {compare(sub, o, t).map((row) => (
            <tr key={row.label} className={row.ok ? undefined : 'lm-differs'}>
              <th scope="row">{row.label}</th>
              <td>{row.wanted}</td>
              <td>
                {row.ok ? <IconCheck aria-label={t('line.agrees')} className="lm-ok" /> : <IconX aria-label={t('line.differs')} className="lm-bad" />}
                <b>{row.said}</b>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="lm-generation">{t('line.generation', { generation: f.digits(sub.line.generation) })}</p>
    </>
  );
}
