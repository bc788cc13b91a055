// Search and jump: customers by name, phone, number or PPPoE user, and the pages. Arrows, Enter, Escape.
import { Modal } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import clsx from 'clsx';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { can } from '../shared/can';
import * as f from '../shared/format';
import { IconSearch, IconUserCircle, IconUserPlus, IconUsers } from '../shared/icons';
import { navFor } from './nav';

interface Entry {
  key: string;
  icon: ReactNode;
  label: string;
  sub?: string;
  go: () => void;
}

export function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [asked] = useDebouncedValue(text.trim(), 140);
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const me = useQuery(q.me).data;
  const found = useQuery({ ...q.customers({ q: asked, limit: 7 }), enabled: asked.length >= 2 && can(me, 'customers:read'), refetchInterval: false });

  const entries = useMemo(() => {
    const go = (run: () => unknown) => () => {
      onClose();
      void run();
    };
    const pages: Entry[] = navFor(me).map(({ key, to, icon: Icon }) => ({
      key,
      icon: <Icon aria-hidden />,
      label: t(`nav.${key}`),
      go: go(() => navigate({ to })),
    }));
    const add = (key: string, icon: ReactNode, label: string, run: () => unknown) => pages.push({ key, icon, label, go: go(run) });
    if (can(me, 'customers:read')) add('held', <IconUsers />, t('palette.held'), () => navigate({ to: '/customers', search: { state: 'held' } }));
    if (can(me, 'customers:write')) add('new', <IconUserPlus />, t('customers.new'), () => navigate({ to: '/customers', search: { new: true } }));
    if (can(me, 'staff:write')) add('invite', <IconUserPlus />, t('staff.invite'), () => navigate({ to: '/staff', search: { new: true } }));
    add('profile', <IconUserCircle />, t('nav.profile'), () => navigate({ to: '/profile' }));
    const needle = text.trim().toLowerCase();
    const matching = pages.filter((p) => p.label.toLowerCase().includes(needle));
    const people: Entry[] =
      asked.length >= 2 && needle.length >= 2
        ? (found.data?.items ?? []).map((c) => ({
            key: c.id,
            icon: <span className="lm-mini">{f.initials(c.name)}</span>,
            label: c.name,
            sub: [c.number, f.digits(f.phone(c.phone)), c.subscription?.username].filter(Boolean).join(' · '),
            go: go(() => navigate({ to: '/customers/$id', params: { id: c.id }, search: {} })),
          }))
        : [];
    return [...people, ...matching];
  }, [asked, found.data, me, navigate, onClose, t, text]);

  useEffect(() => setAt(0), [asked, text]);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at]);

  const keys = (event: React.KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt((i) => Math.min(i + 1, entries.length - 1));
    else if (event.key === 'ArrowUp') setAt((i) => Math.max(i - 1, 0));
    else if (event.key === 'Enter') entries[at]?.go();
    else return;
    event.preventDefault();
  };

  return (
    <Modal.Root opened onClose={onClose} size={600} yOffset={80} className="lm-palette">
      <Modal.Overlay backgroundOpacity={0.45} />
      <Modal.Content>
        <Modal.Title className="lm-hidden">{t('palette.title')}</Modal.Title>
        <div className="lm-palette-input">
          <IconSearch aria-hidden />
          <input
            data-autofocus
            value={text}
            onChange={(e) => setText(e.currentTarget.value)}
            onKeyDown={keys}
            placeholder={t('palette.help')}
            role="combobox"
            aria-expanded={entries.length > 0}
            aria-controls="palette-list"
            aria-activedescendant={entries[at] ? `palette-${entries[at].key}` : undefined}
            aria-label={t('palette.title')}
            autoComplete="off"
          />
        </div>
        <div className="lm-palette-list" role="listbox" id="palette-list" aria-label={t('palette.results')} ref={list}>
          {entries.map((entry, i) => (
            <div
              key={entry.key}
              id={`palette-${entry.key}`}
              role="option"
              aria-selected={i === at}
              className={clsx('lm-palette-item', i === at && 'lm-on')}
              onMouseMove={() => setAt(i)}
              onClick={entry.go}
            >
              {entry.icon}
              <span>{entry.label}</span>
              {entry.sub && <small>{entry.sub}</small>}
            </div>
          ))}
        </div>
        {entries.length === 0 && <p className="lm-palette-none">{found.isFetching ? t('state.loading') : t('palette.none')}</p>}
      </Modal.Content>
    </Modal.Root>
  );
}
