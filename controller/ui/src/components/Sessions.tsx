// Web sessions, one's own or somebody's: where from, with what, since when, and a way to end each.
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Session } from '../api/access';
import * as f from '../shared/format';
import { deviceOf } from '../shared/device';
import { IconDeviceDesktop, IconDeviceMobile } from '../shared/icons';
import { Ago, Pill } from './ui';

export function Sessions({ items, onEnd, busy }: { items: Session[]; onEnd?: ((session: Session) => void) | undefined; busy?: string | null }) {
  const { t } = useTranslation();
  return (
    <ul className="lm-sessions">
      {items.map((session) => {
        const device = deviceOf(session.user_agent);
        const name = [device.browser, device.system].filter(Boolean).join(', ') || t('sessions.unknown');
        return (
          <li key={session.id}>
            <span className="lm-event-icon" aria-hidden>
              {device.phone ? <IconDeviceMobile /> : <IconDeviceDesktop />}
            </span>
            <div>
              <strong>
                {name} {session.current && <Pill tone="green">{t('sessions.this')}</Pill>}
              </strong>
              <small>
                {session.address} · {t('sessions.since', { time: f.when(session.created_at) })} · {t('sessions.seen')} <Ago at={session.last_seen_at} />
              </small>
            </div>
            {onEnd && !session.current && (
              <Button variant="subtle" size="xs" className="lm-danger-quiet" loading={busy === session.id} onClick={() => onEnd(session)} aria-label={t('sessions.end_name', { name })}>
                {t('sessions.end')}
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
