// The decision itself: approving does the act at once, rejecting says why, taking back is for who asked.
import { Textarea } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Approval } from '../../api/access';
import { api, Problem } from '../../api/client';
import { queryClient } from '../../api/queries';
import { useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { said } from '../../components/say';
import { titleOf } from './words';

export type Verdict = 'approve' | 'reject' | 'withdraw';
const LEAST = 3;

export function Decide({ approval, verdict, onClose }: { approval: Approval; verdict: Verdict; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useDraft({ reason: '' }, async (v) => {
    try {
      await api.post(`/approvals/${approval.id}/${verdict}`, { reason: v.reason.trim() });
    } catch (error) {
      // Somebody was quicker: the list behind shows it.
      if (error instanceof Problem && error.status === 409) void queryClient.invalidateQueries({ queryKey: ['approvals'] });
      throw error;
    }
    // The act may have changed anything.
    void queryClient.invalidateQueries();
    said(t(`approvals.done.${verdict}`));
    onClose();
  });
  return (
    <FormSheet
      form={form}
      onClose={onClose}
      size={480}
      title={t(`approvals.${verdict}`)}
      sub={titleOf(t, approval)}
      submit={t(`approvals.${verdict}`)}
      danger={verdict === 'reject'}
      ready={verdict !== 'reject' || form.values.reason.trim().length >= LEAST}
    >
      <p>{t(`approvals.effect.${verdict}`)}</p>
      {verdict !== 'withdraw' && (
        <Textarea
          label={t('brake.reason')}
          description={verdict === 'reject' ? t('approvals.reason_needed') : t('brake.reason_help')}
          required={verdict === 'reject'}
          autosize
          minRows={2}
          maxRows={6}
          data-autofocus
          {...form.bind('reason')}
        />
      )}
    </FormSheet>
  );
}
