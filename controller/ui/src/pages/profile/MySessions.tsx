// Where I am signed in, with a way out for each place but this one.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa } from '../../api/access';
import { api } from '../../api/client';
import { complained, said } from '../../components/say';
import { Sessions } from '../../components/Sessions';
import { Bones, Card, Failed } from '../../components/ui';

export function MySessions() {
  const { t } = useTranslation();
  const sessions = useQuery(qa.sessions);
  const [busy, setBusy] = useState<string | null>(null);
  const others = sessions.data?.items.filter((s) => !s.current).length ?? 0;
  const end = async (id: string | null) => {
    setBusy(id ?? 'all');
    try {
      await api.delete(id === null ? '/me/sessions' : `/me/sessions/${id}`);
      said(id === null ? t('sessions.others_ended') : t('sessions.ended'));
    } catch (error) {
      complained(error, t('error.unexpected'));
    } finally {
      setBusy(null);
      void sessions.refetch();
    }
  };
  return (
    <Card
      title={t('sessions.title')}
      aside={
        others > 0 && (
          <Button variant="subtle" size="xs" className="lm-danger-quiet" loading={busy === 'all'} onClick={() => void end(null)}>
            {t('sessions.end_others')}
          </Button>
        )
      }
    >
      {sessions.isError && !sessions.data ? (
        <Failed error={sessions.error} what={t('sessions.title')} retry={() => void sessions.refetch()} />
      ) : !sessions.data ? (
        <Bones rows={2} />
      ) : (
        <Sessions items={sessions.data.items} busy={busy} onEnd={(session) => void end(session.id)} />
      )}
    </Card>
  );
}
