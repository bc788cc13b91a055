// The frame of every page: navigation, search, live connection, language and scheme, and what the brake has to say.
import { ActionIcon, Button, Drawer, Menu, Tooltip, useMantineColorScheme } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useMatches, useNavigate, useRouterState } from '@tanstack/react-router';
import clsx from 'clsx';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client';
import { live, useLink } from '../api/live';
import { qa } from '../api/access';
import { followChanges, q, queryClient } from '../api/queries';
import { BrakeBanner } from '../pages/dunning/BrakeBanner';
import { Pill } from '../components/ui';
import { can } from '../shared/can';
import * as f from '../shared/format';
import { currentLang, switchLang } from '../shared/i18n';
import { IconCheck, IconDeviceDesktop, IconLogout, IconMenu2, IconMoon, IconSearch, IconSun, IconUserCircle } from '../shared/icons';
import { roleTitle } from '../shared/roles';
import { BranchSwitch, useWorkBranch } from './BranchSwitch';
import { Forbidden } from './Fallbacks';
import { homeOf, NAV_GROUPS, navFor, type NavEntry } from './nav';

const Palette = lazy(() => import('./Palette').then((m) => ({ default: m.Palette })));

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" className="lm-logo" aria-hidden>
      <rect width="32" height="32" rx="8" />
      <g fill="none" strokeWidth="2.6" strokeLinecap="round">
        <path d="M8 21.5A13.5 13.5 0 0 1 21.5 8" opacity=".55" />
        <path d="M13 21.5a8.5 8.5 0 0 1 8.5-8.5" />
      </g>
      <circle cx="20.6" cy="20.6" r="3.1" />
    </svg>
  );
}

function Nav({ onGo }: { onGo?: () => void }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const brakes = useQuery({ ...q.brakes, enabled: can(me, 'dunning:read') }).data;
  const pops = useQuery({ ...q.pops, enabled: can(me, 'network:read'), refetchInterval: 30_000 }).data;
  const waiting = useQuery({ ...qa.approvals('pending'), enabled: can(me, 'approvals:decide') }).data;
  const badges: Partial<Record<NavEntry['key'], number>> = {
    network: pops?.items.filter((p) => p.state === 'no_contact' || p.state === 'trouble').length ?? 0,
    dunning: brakes?.items.filter((b) => b.state === 'asking').length ?? 0,
    approvals: waiting?.items.filter((a) => a.requested_by.id !== me?.id).length ?? 0,
  };
  const shown = navFor(me);
  return (
    <nav className="lm-nav" aria-label={t('nav.label')}>
      {NAV_GROUPS.map((group) => ({ group, entries: shown.filter((entry) => entry.group === group) }))
        .filter(({ entries }) => entries.length > 0)
        .map(({ group, entries }) => (
          <div key={group}>
            <span className="lm-nav-group">{t(`nav.${group}`)}</span>
            {entries.map(({ key, to, icon: Icon }) => (
              <Link key={key} to={to} className="lm-nav-item" activeProps={{ className: 'lm-on' }} {...(onGo ? { onClick: onGo } : {})}>
                <Icon aria-hidden />
                <span>{t(`nav.${key}`)}</span>
                {(badges[key] ?? 0) > 0 && <b>{f.int(badges[key] ?? 0)}</b>}
              </Link>
            ))}
          </div>
        ))}
    </nav>
  );
}

function LiveMark() {
  const { t } = useTranslation();
  const link = useLink();
  const [shown, setShown] = useState(false);
  // A reopened stream is away for a moment: only a break that lasts is worth a word.
  useEffect(() => {
    if (link !== 'reconnecting') {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), 1_500);
    return () => clearTimeout(timer);
  }, [link]);
  return (
    <span className="lm-live" role="status">
      {shown ? (
        <Tooltip label={t('live.reconnecting_help')}>
          <span>
            <Pill tone="amber">{t('live.reconnecting')}</Pill>
          </span>
        </Tooltip>
      ) : link === 'live' ? (
        <span className="lm-live-ok">
          <span className="lm-dot lm-green" aria-hidden />
          {t('live.live')}
        </span>
      ) : null}
    </span>
  );
}

function SchemeMenu() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const options = [
    { key: 'light' as const, icon: <IconSun aria-hidden /> },
    { key: 'dark' as const, icon: <IconMoon aria-hidden /> },
    { key: 'auto' as const, icon: <IconDeviceDesktop aria-hidden /> },
  ];
  return (
    <Menu position="bottom-end" width={170}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={36} aria-label={t('scheme.label')} className="lm-quiet">
          <IconSun className="lm-only-dark" aria-hidden />
          <IconMoon className="lm-only-light" aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {options.map((o) => (
          <Menu.Item
            key={o.key}
            leftSection={o.icon}
            rightSection={colorScheme === o.key ? <IconCheck aria-label={t('scheme.chosen')} /> : null}
            onClick={() => setColorScheme(o.key)}
          >
            {t(`scheme.${o.key}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function LangButton() {
  const other = currentLang() === 'bn' ? 'en' : 'bn';
  return (
    <Button
      variant="subtle"
      color="gray"
      className="lm-quiet lm-lang"
      lang={other}
      onClick={() => void switchLang(other)}
    >
      {other === 'bn' ? 'বাংলা' : 'English'}
    </Button>
  );
}

function UserMenu() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const navigate = useNavigate();
  const out = async () => {
    try {
      await api.post('/logout');
    } finally {
      live.stop();
      queryClient.clear();
      await navigate({ to: '/login', search: {} });
    }
  };
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <button type="button" className="lm-avatar" aria-label={t('user.menu', { name: me?.name ?? '' })}>
          {f.initials(me?.name ?? '?')}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <div className="lm-menu-head">
          <strong>{me?.name}</strong>
          <small>
            {me?.username} · {me ? roleTitle(t, me.role, me.role_title ?? me.role) : ''}
          </small>
        </div>
        <Menu.Divider />
        <Menu.Item component={Link} to="/profile" leftSection={<IconUserCircle aria-hidden />}>
          {t('nav.profile')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout aria-hidden />} onClick={() => void out()}>
          {t('user.sign_out')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Shell() {
  const { t, i18n } = useTranslation();
  const [nav, setNav] = useState(false);
  const [palette, setPalette] = useState(false);
  const navigate = useNavigate();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const me = useQuery(q.me).data;
  const needs = useMatches({ select: (matches) => matches[matches.length - 1]?.staticData.needs });
  const zone = useWorkBranch()?.time_zone;
  if (zone) f.setZone(zone);

  useEffect(() => {
    live.start();
    const stop = followChanges();
    return stop;
  }, []);
  useEffect(() => {
    setNav(false);
    // Each page asks anew who this is: what it shows may be at hand already, and an ended session must be out, and a
    // changed role count, on the next click.
    void queryClient.invalidateQueries({ queryKey: q.me.queryKey });
  }, [path]);
  useHotkeys([
    ['mod+K', () => setPalette(true)],
    ['/', () => setPalette(true)],
    ['c', () => can(me, 'customers:write') && void navigate({ to: '/customers', search: { new: true } })],
  ]);

  return (
    <div className="lm-shell" key={i18n.language}>
      <a className="lm-skip" href="#main">
        {t('nav.skip')}
      </a>
      <aside className="lm-side">
        <div>
          <Link to={homeOf(me)} className="lm-brand">
            <Logo /> Lastmile
          </Link>
          <Nav />
        </div>
      </aside>
      <div className="lm-frame">
        <header className="lm-top">
          <ActionIcon variant="subtle" color="gray" size={40} className="lm-quiet lm-burger" aria-label={t('nav.open')} onClick={() => setNav(true)}>
            <IconMenu2 aria-hidden />
          </ActionIcon>
          <button type="button" className="lm-search" aria-label={t('palette.placeholder')} onClick={() => setPalette(true)}>
            <IconSearch aria-hidden />
            <span>{t('palette.placeholder')}</span>
            <kbd>Ctrl K</kbd>
          </button>
          <div className="lm-top-end">
            <LiveMark />
            <BranchSwitch />
            <LangButton />
            <SchemeMenu />
            <UserMenu />
          </div>
        </header>
        <BrakeBanner hidden={path === '/dunning'} />
        <main id="main" className={clsx('lm-main')} tabIndex={-1}>
          {needs === undefined || !me || can(me, needs) ? <Outlet /> : <Forbidden needs={needs} />}
        </main>
      </div>
      <Drawer.Root opened={nav} onClose={() => setNav(false)} position="left" size={260}>
        <Drawer.Overlay backgroundOpacity={0.45} />
        <Drawer.Content>
          <div className="lm-sheet-head">
            <Drawer.Title>Lastmile</Drawer.Title>
            <Drawer.CloseButton aria-label={t('action.close')} />
          </div>
          <div className="lm-drawer-nav">
            <Nav onGo={() => setNav(false)} />
          </div>
        </Drawer.Content>
      </Drawer.Root>
      {palette && (
        <Suspense fallback={null}>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      )}
    </div>
  );
}
