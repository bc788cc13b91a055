// What is shown where no page is: an unknown address, a page that the role does not include, and a page that broke.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { Empty, Failed, useTitle } from '../components/ui';
import type { Permission } from '../shared/can';
import { IconLock, IconSearch } from '../shared/icons';
import { roleTitle } from '../shared/roles';
import { homeOf, navFor } from './nav';

/** An unknown address, inside the frame: the navigation stays, and the way back is a page that one may see. */
export function NotFound() {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const home = navFor(me)[0];
  useTitle(t('notfound.title'));
  return (
    <div className="lm-alone">
      <Empty
        icon={<IconSearch />}
        title={<h1>{t('notfound.title')}</h1>}
        text={t('notfound.text')}
        action={
          <Button component={Link} to={homeOf(me)} variant="default" size="xs">
            {home ? t('notfound.to', { page: t(`nav.${home.key}`) }) : t('nav.profile')}
          </Button>
        }
      />
    </div>
  );
}

/** A page that the role does not include: says which permission is missing, and of whom to ask it. */
export function Forbidden({ needs }: { needs: Permission }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const home = navFor(me)[0];
  useTitle(t('forbidden.title'));
  return (
    <div className="lm-alone">
      <Empty
        icon={<IconLock />}
        title={<h1>{t('forbidden.title')}</h1>}
        text={
          <>
            {t('forbidden.text', { role: me ? roleTitle(t, me.role, me.role_title ?? me.role) : '' })} <code>{needs}</code>
          </>
        }
        action={
          <Button component={Link} to={homeOf(me)} variant="default" size="xs">
            {home ? t('notfound.to', { page: t(`nav.${home.key}`) }) : t('nav.profile')}
          </Button>
        }
      />
    </div>
  );
}

/** Where nobody is signed in and nothing is known: the address leads nowhere. */
export function Lost() {
  const { t } = useTranslation();
  return (
    <main className="lm-alone">
      <Empty
        icon={<IconSearch />}
        title={<h1>{t('notfound.title')}</h1>}
        text={t('notfound.text')}
        action={
          <Button component={Link} to="/" variant="default" size="xs">
            {t('notfound.start')}
          </Button>
        }
      />
    </main>
  );
}

export function Crash({ error, reset }: { error: unknown; reset: () => void }) {
  const { t } = useTranslation();
  const router = useRouter();
  return (
    <main className="lm-alone">
      <h1 className="lm-hidden">Lastmile</h1>
      <Failed
        error={error}
        what={t('error.this_page')}
        retry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </main>
  );
}
