// What is shown where no page is: an unknown address, and a page that broke.
import { Button } from '@mantine/core';
import { Link, useRouter } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Empty, Failed } from '../components/ui';
import { IconSearch } from '../shared/icons';

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="lm-alone">
      <Empty
        icon={<IconSearch />}
        title={<h1>{t('notfound.title')}</h1>}
        text={t('notfound.text')}
        action={
          <Button component={Link} to="/customers" variant="default" size="xs">
            {t('notfound.back')}
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
