// The network: every POP with its agents and routers, the worst first and unfolded, the healthy folded. What is not
// known is called unknown, never zero.
import { ActionIcon, Button, Menu } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { Fragment, useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLink } from '../../api/live';
import { q } from '../../api/queries';
import type { AgentInfo, Pop, RouterInfo } from '../../api/types';
import { Ago, Bones, Empty, Failed, PageHead, Pill } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { byTrouble, popTone, routerTone } from '../../shared/state';
import { IconChevronDown, IconChevronRight, IconDots, IconPencil, IconPlus, IconRouter, IconServer2, IconTrash, IconUserPlus } from '../../shared/icons';
import { InviteDialog } from './InviteDialog';
import { PopDialog, RemoveRouterDialog, RevokeDialog } from './NetworkDialogs';
import { RouterForm } from './RouterForm';

type Open =
  | { what: 'invite'; pop?: Pop }
  | { what: 'pop'; pop?: Pop }
  | { what: 'router'; pop: Pop; router?: RouterInfo }
  | { what: 'remove-router'; router: RouterInfo }
  | { what: 'revoke'; pop: Pop; agent: AgentInfo }
  | null;

export function Network() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const pops = useQuery(q.pops);
  const stale = useLink() === 'reconnecting';
  const [open, setOpen] = useState<Open>(null);
  const [folds, setFolds] = useState<Record<string, boolean>>({});
  const write = can(me, 'network:write');
  const invite = can(me, 'agents:invite');
  useEffect(() => {
    document.title = `${t('nav.network')} · Lastmile`;
  }, [t]);

  const items = [...(pops.data?.items ?? [])].sort(byTrouble);
  const agents = items.flatMap((p) => p.agents.filter((a) => a.revoked_at === null));
  const routers = items.reduce((n, p) => n + p.routers.length, 0);
  const close = () => setOpen(null);

  return (
    <>
      <PageHead
        title={t('nav.network')}
        sub={
          pops.data
            ? [
                t('network.pops', { count: items.length, n: f.int(items.length) }),
                t('network.agents', { count: agents.length, n: f.int(agents.length) }),
                t('network.routers', { count: routers, n: f.int(routers) }),
                t('network.zone', { zone: f.timeZone() }),
              ].join(' · ')
            : ' '
        }
        actions={
          (write || invite) && (
            <>
              {write && items.length > 0 && (
                <Button variant="default" leftSection={<IconPlus aria-hidden />} onClick={() => setOpen({ what: 'pop' })}>
                  {t('network.add_pop')}
                </Button>
              )}
              {invite && items.length > 0 && (
                <Button leftSection={<IconUserPlus aria-hidden />} onClick={() => setOpen({ what: 'invite' })}>
                  {t('network.invite')}
                </Button>
              )}
            </>
          )
        }
      />
      {pops.isError && !pops.data ? (
        <section className="lm-card">
          <Failed error={pops.error} what={t('nav.network')} retry={() => void pops.refetch()} />
        </section>
      ) : !pops.data ? (
        <section className="lm-card">
          <Bones rows={7} tall />
        </section>
      ) : items.length === 0 ? (
        <section className="lm-card">
          <Empty
            icon={<IconServer2 />}
            title={t('network.none')}
            text={t('network.none_text')}
            action={
              write && (
                <Button size="xs" onClick={() => setOpen({ what: 'pop' })}>
                  {t('network.add_pop')}
                </Button>
              )
            }
          />
        </section>
      ) : (
        <>
          <Summary pops={items} />
          <section className={clsx('lm-card lm-flush lm-table-card', (stale || pops.isError) && 'lm-stale')}>
            <table className="lm-table lm-pops">
              <thead>
                <tr>
                  <th scope="col">POP</th>
                  <th scope="col">{t('network.state')}</th>
                  <th scope="col" className="lm-wide">{t('network.contact')}</th>
                  <th scope="col" className="lm-wide">{t('network.spool')}</th>
                  <th scope="col" className="lm-num lm-wide">{t('network.online')}</th>
                  <th scope="col" className="lm-num lm-wide">{t('network.held')}</th>
                  <th scope="col" className="lm-num lm-wider">{t('network.verified')}</th>
                  <th scope="col" className="lm-num lm-wide">{t('network.rate')}</th>
                  <th scope="col" className="lm-wider">{t('network.agent')}</th>
                  {write && (
                    <th scope="col">
                      <span className="lm-hidden">{t('action.more')}</span>
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {items.map((pop) => {
                  const trouble = pop.state !== 'healthy' || pop.routers.some((r) => ['red', 'amber'].includes(routerTone(r.state)));
                  const shown = folds[pop.id] ?? (trouble || items.length <= 2);
                  return (
                    <Fragment key={pop.id}>
                      <PopRow pop={pop} shown={shown} fold={() => setFolds({ ...folds, [pop.id]: !shown })} write={write} setOpen={setOpen} />
                      {shown && <PopDetail pop={pop} write={write} setOpen={setOpen} />}
                    </Fragment>
                  );
                })}
              </tbody>
            </table>
          </section>
        </>
      )}
      {open?.what === 'invite' && <InviteDialog pops={items} first={open.pop} onClose={close} />}
      {open?.what === 'pop' && <PopDialog pop={open.pop} onClose={close} />}
      {open?.what === 'router' && <RouterForm pop={open.pop} router={open.router} onClose={close} />}
      {open?.what === 'remove-router' && <RemoveRouterDialog router={open.router} onClose={close} />}
      {open?.what === 'revoke' && <RevokeDialog pop={open.pop} agent={open.agent} onClose={close} />}
    </>
  );
}

function Summary({ pops }: { pops: Pop[] }) {
  const { t } = useTranslation();
  const withAgents = pops.filter((p) => p.agents.some((a) => a.revoked_at === null));
  const connected = withAgents.filter((p) => p.state !== 'no_contact' && p.state !== 'never');
  const silent = withAgents.filter((p) => p.state === 'no_contact');
  const lines = pops.reduce((n, p) => n + p.lines, 0);
  const verified = pops.reduce((n, p) => n + p.verified, 0);
  const spools = pops.flatMap((p) => (p.spool ? [p.spool] : []));
  const waiting = spools.reduce((n, s) => n + s.records, 0);
  const dropped = spools.reduce((n, s) => n + s.dropped, 0);
  const oldest = spools.map((s) => s.oldest_at).filter((at) => at !== null).sort()[0];
  const known = pops.filter((p) => p.down_bps !== null);
  const online = pops.filter((p) => p.online !== null);
  const cards: [string, ReactNode, ReactNode, string][] = [
    [
      t('network.card.contact'),
      t('network.card.of', { n: f.int(connected.length), total: f.int(withAgents.length) }),
      silent.length > 0
        ? t('network.card.silent', { count: silent.length, name: silent[0]?.name ?? '', n: f.int(silent.length) })
        : withAgents.length === 0
          ? t('network.card.no_agents')
          : t('network.card.all_here'),
      silent.length > 0 ? 'lm-red-text' : withAgents.length === 0 ? '' : 'lm-green-text',
    ],
    [
      t('network.card.verified'),
      lines === 0 ? '–' : `${f.decimal(Math.floor((verified / lines) * 10_000) / 100, verified === lines ? 0 : 2)}%`,
      lines === 0 ? t('network.card.no_lines') : verified === lines ? t('network.card.all_proved', { total: f.int(lines) }) : t('network.card.not_proved', { n: f.int(lines - verified), total: f.int(lines) }),
      lines > 0 && verified === lines ? 'lm-green-text' : lines === 0 ? '' : 'lm-amber-text',
    ],
    [
      t('network.card.spool'),
      spools.length === 0 ? t('state.unknown') : f.int(waiting),
      spools.length === 0
        ? t('network.card.spool_unknown')
        : dropped > 0
          ? t('network.card.dropped', { n: f.int(dropped) })
          : oldest && Date.now() - Date.parse(oldest) > 120_000
            ? t('network.card.oldest', { time: f.duration(Date.now() - Date.parse(oldest)) })
            : t('network.card.nothing_lost'),
      dropped > 0 ? 'lm-red-text' : oldest && Date.now() - Date.parse(oldest) > 120_000 ? 'lm-amber-text' : spools.length > 0 ? 'lm-green-text' : '',
    ],
    [
      t('network.card.throughput'),
      known.length === 0 ? t('state.unknown') : f.bps(known.reduce((n, p) => n + (p.down_bps ?? 0), 0)),
      online.length === 0
        ? t('network.card.online_unknown')
        : known.length < pops.length
          ? t('network.card.online_partly', { count: pops.length - known.length, n: f.int(online.reduce((n, p) => n + (p.online ?? 0), 0)), silent: f.int(pops.length - known.length) })
          : t('network.card.online', { n: f.int(online.reduce((n, p) => n + (p.online ?? 0), 0)) }),
      '',
    ],
  ];
  return (
    <div className="lm-cards">
      {cards.map(([label, value, sub, tone]) => (
        <section className="lm-card lm-figure" key={label}>
          <span>{label}</span>
          <strong>{value}</strong>
          <small className={tone}>{sub}</small>
        </section>
      ))}
    </div>
  );
}

function PopRow({ pop, shown, fold, write, setOpen }: { pop: Pop; shown: boolean; fold: () => void; write: boolean; setOpen: (open: Open) => void }) {
  const { t } = useTranslation();
  const bad = pop.state === 'no_contact' || pop.state === 'trouble';
  const agent = pop.agents.find((a) => a.revoked_at === null);
  return (
    <tr className={clsx(bad && 'lm-row-bad')}>
      <td>
        <button type="button" className="lm-fold" aria-expanded={shown} onClick={fold}>
          {shown ? <IconChevronDown aria-hidden /> : <IconChevronRight aria-hidden />}
          {pop.name}
        </button>
      </td>
      <td>
        <Pill tone={popTone(pop.state)} hollow={pop.state === 'never'}>
          {t(`popstate.${pop.state}`)}
        </Pill>
        {pop.frozen ? <small className="lm-amber-text">{t('network.frozen')}</small> : null}
        <small className="lm-narrow">
          <Ago at={pop.last_contact_at} />
          {pop.down_bps !== null && ` · ${f.bps(pop.down_bps)}`}
        </small>
      </td>
      <td className="lm-wide">
        <Ago at={pop.last_contact_at} className={pop.state === 'no_contact' ? 'lm-red-text lm-strong' : undefined} />
      </td>
      <td className="lm-wide">
        <Spool pop={pop} />
      </td>
      <td className="lm-num lm-wide">{pop.online === null ? <Unknown /> : f.int(pop.online)}</td>
      <td className="lm-num lm-wide">{f.int(pop.held)}</td>
      <td className="lm-num lm-wider">{pop.lines === 0 ? '–' : t('network.card.of', { n: f.int(pop.verified), total: f.int(pop.lines) })}</td>
      <td className="lm-num lm-wide">{pop.down_bps === null ? <Unknown /> : f.bps(pop.down_bps)}</td>
      <td className="lm-wider lm-muted">{agent ? f.digits(agent.version ?? '–') : '–'}</td>
      {write && (
        <td className="lm-num">
          <Menu position="bottom-end" width={210}>
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('network.more_of', { name: pop.name })}>
                <IconDots aria-hidden />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconUserPlus aria-hidden />} onClick={() => setOpen({ what: 'invite', pop })}>
                {t('network.invite')}
              </Menu.Item>
              <Menu.Item leftSection={<IconRouter aria-hidden />} onClick={() => setOpen({ what: 'router', pop })}>
                {t('network.add_router')}
              </Menu.Item>
              <Menu.Item leftSection={<IconPencil aria-hidden />} onClick={() => setOpen({ what: 'pop', pop })}>
                {t('network.rename')}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </td>
      )}
    </tr>
  );
}

function Unknown() {
  const { t } = useTranslation();
  return (
    <span className="lm-muted" title={t('state.unknown')} aria-label={t('state.unknown')}>
      –
    </span>
  );
}

function Spool({ pop }: { pop: Pop }) {
  const { t } = useTranslation();
  const s = pop.spool;
  if (!s)
    return (
      <span className="lm-spool">
        <i className="lm-spool-unknown" aria-hidden /> {t('state.unknown')}
      </span>
    );
  const share = s.cap_bytes > 0 ? Math.min(1, s.bytes / s.cap_bytes) : 0;
  const age = s.oldest_at ? Date.now() - Date.parse(s.oldest_at) : 0;
  const slow = age > 120_000 || s.dropped > 0;
  return (
    <span className="lm-spool">
      <i className="lm-spool-bar" aria-hidden>
        <i className={slow ? 'lm-amber' : undefined} style={{ width: `${Math.max(2, share * 100)}%` }} />
      </i>
      {f.int(s.records)}
      <small className={s.dropped > 0 ? 'lm-red-text' : undefined}>
        {s.dropped > 0 ? t('network.card.dropped', { n: f.int(s.dropped) }) : s.records > 0 && s.oldest_at ? t('network.oldest', { time: f.duration(age) }) : ''}
      </small>
    </span>
  );
}

function PopDetail({ pop, write, setOpen }: { pop: Pop; write: boolean; setOpen: (open: Open) => void }) {
  const { t, i18n } = useTranslation();
  const me = useQuery(q.me).data;
  const agents = pop.agents.filter((a) => a.revoked_at === null);
  const silent = pop.state === 'no_contact' || pop.state === 'never';
  return (
    <tr className="lm-detail">
      <td colSpan={write ? 10 : 9}>
        {pop.frozen && (
          <p className="lm-detail-line lm-amber-text">
            {typeof pop.frozen === 'string' ? t('network.frozen_why', { why: pop.frozen }) : t('network.frozen_text')}
          </p>
        )}
        {pop.state === 'no_contact' && <p className="lm-detail-line">{t('network.silent_text')}</p>}
        <ul className="lm-devices">
          {agents.map((agent) => (
            <li key={agent.id}>
              <span className="lm-device-name">
                <span className={clsx('lm-dot', agent.connected ? 'lm-green' : 'lm-red')} aria-hidden />
                <b>{agent.name}</b>
                <small>{t('network.agent')}</small>
              </span>
              <span>{agent.version ? t('network.version', { version: f.digits(agent.version) }) : '–'}</span>
              <span>{agent.connected ? t('network.connected') : t('network.not_connected')}</span>
              <span className="lm-device-fact">
                <Ago at={agent.last_contact_at} />
              </span>
              {can(me, 'agents:revoke') && (
                <span className="lm-device-actions">
                  <Button variant="subtle" size="xs" className="lm-danger-quiet" onClick={() => setOpen({ what: 'revoke', pop, agent })}>
                    {t('network.revoke')}
                  </Button>
                </span>
              )}
            </li>
          ))}
          {pop.routers.map((router) => {
            const tone = silent ? 'grey' : routerTone(router.state);
            const stateKey = `routerstate.${router.state}`;
            return (
              <li key={router.id}>
                <span className="lm-device-name">
                  <span className={clsx('lm-dot', `lm-${tone}`, tone === 'grey' && 'lm-hollow')} aria-hidden />
                  <b>{router.name}</b>
                  <small>{i18n.exists(stateKey) && !silent ? t(stateKey as 'routerstate.ok') : silent ? t('state.unknown') : router.state.replaceAll('_', ' ')}</small>
                </span>
                <span>
                  {[router.board, router.version && (router.kind === 'routeros' ? `RouterOS ${router.version}` : `Linux ${router.version}`)].filter(Boolean).join(', ') ||
                    (router.kind === 'linux' ? 'Linux' : 'RouterOS')}
                </span>
                <span>
                  {router.last_poll_at ? (
                    <>
                      {t('network.polled')} <Ago at={router.last_poll_at} />
                      {router.poll_took_ms !== null && !silent && <small>{t('network.took', { ms: f.int(router.poll_took_ms) })}</small>}
                    </>
                  ) : (
                    t('network.never_polled')
                  )}
                </span>
                <span className={clsx('lm-device-fact', tone === 'red' && 'lm-red-text', tone === 'amber' && 'lm-amber-text')}>{fact(router)}</span>
                {write && (
                  <span className="lm-device-actions">
                    <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('network.edit_router', { name: router.name })} onClick={() => setOpen({ what: 'router', pop, router })}>
                      <IconPencil aria-hidden />
                    </ActionIcon>
                    <ActionIcon variant="subtle" color="gray" size={28} className="lm-quiet" aria-label={t('network.remove_router', { name: router.name })} onClick={() => setOpen({ what: 'remove-router', router })}>
                      <IconTrash aria-hidden />
                    </ActionIcon>
                  </span>
                )}
              </li>
            );
          })}
        </ul>
        {write && (agents.length === 0 || pop.routers.length === 0) && (
          <p className="lm-detail-line">
            {agents.length === 0 ? t('network.no_agent') : t('network.no_router')}{' '}
            <button type="button" className="lm-link" onClick={() => setOpen(agents.length === 0 ? { what: 'invite', pop } : { what: 'router', pop })}>
              {agents.length === 0 ? t('network.invite') : t('network.add_router')}
            </button>
          </p>
        )}
      </td>
    </tr>
  );

  /** The one fact that matters: trouble first, then what is carried. */
  function fact(router: RouterInfo): string {
    if (router.detail) return router.detail;
    if (silent) return t('network.last_wanted');
    const parts: string[] = [];
    if (router.cpu_percent !== null) parts.push(t('network.cpu', { n: f.int(router.cpu_percent) }));
    if (router.online !== null) parts.push(t('network.online_n', { n: f.int(router.online) }));
    if (router.foreign !== null && router.foreign > 0) parts.push(t('network.foreign', { count: router.foreign, n: f.int(router.foreign) }));
    if (router.uptime_seconds !== null) parts.push(t('network.up', { time: f.duration(router.uptime_seconds * 1000) }));
    return parts.join(' · ') || `${router.host}:${router.port}`;
  }
}
