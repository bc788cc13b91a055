// Deleting what may be in use: the server refuses with a reason, which is shown here and changes nothing.
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client';
import { queryClient } from '../../api/queries';
import { useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';

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
    <FormSheet
      form={form}
      onClose={onClose}
      size={460}
      title={t('action.delete_name', { name })}
      keep={refused ? t('action.close') : t('action.keep')}
      submit={refused ? undefined : t('action.delete')}
      danger
      keepFirst
    >
      {!form.problem && <p>{text}</p>}
    </FormSheet>
  );
}
