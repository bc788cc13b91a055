// Deleting what may be in use: the server refuses with a reason, which is shown here and changes nothing.
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { queryClient } from '../../api/queries';
import { useDraft } from '../../components/form';
import { said } from '../../components/say';
import { Dialog } from '../../components/Sheet';
import { ProblemNote } from '../../components/ui';

export function DeleteDialog({ name, path, query, text, onClose }: { name: string; path: string; query: string; text: string; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft({}, async () => {
    await api.delete(path);
    await queryClient.invalidateQueries({ queryKey: [query] });
    said(t('action.deleted', { name }));
    onClose();
  });
  const refused = form.problem?.status === 409;
  return (
    <Dialog
      opened
      size={460}
      onClose={onClose}
      title={t('action.delete_name', { name })}
      onSubmit={(e) => void form.submit(e)}
      foot={
        refused ? (
          <Button variant="default" onClick={onClose}>
            {t('action.close')}
          </Button>
        ) : (
          <>
            <Button variant="default" onClick={onClose} data-autofocus>
              {t('action.keep')}
            </Button>
            <Button type="submit" className="lm-danger" loading={form.busy}>
              {t('action.delete')}
            </Button>
          </>
        )
      }
    >
      {!form.problem && <p>{text}</p>}
      <ProblemNote problem={form.problem} />
    </Dialog>
  );
}
