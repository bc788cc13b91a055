// Inviting somebody: they get a link by e-mail or short message; it is shown here too, for handing over by hand.
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { InvitedStaff } from '../../api/access';
import { api } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import { useDraft } from '../../components/form';
import { FormSheet } from '../../components/FormSheet';
import { Dialog } from '../../components/Sheet';
import { Copy, Note } from '../../components/ui';
import { useWorkBranch } from '../../console/BranchSwitch';
import * as f from '../../shared/format';
import { IconMail } from '../../shared/icons';
import { PersonFields } from './PersonFields';
import { suggestedName } from './words';

export function Invite({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const me = useQuery(q.me).data;
  const work = useWorkBranch();
  const [done, setDone] = useState<InvitedStaff | null>(null);
  const form = useDraft(
    { name: '', username: '', email: '', phone: '', language: 'bn', role: null as string | null, branch_id: work?.id ?? me?.branch_id ?? null, further_branch_ids: [] as string[], reseller_id: null as string | null },
    async (v) => {
      const made = await api.post<InvitedStaff>(
        '/staff',
        {
          name: v.name.trim(),
          username: username.trim(),
          email: v.email.trim(),
          phone: v.phone.replace(/\s/g, ''),
          language: v.language,
          role: v.role,
          branch_id: v.branch_id,
          further_branch_ids: v.further_branch_ids,
          ...(v.reseller_id === null ? {} : { reseller_id: v.reseller_id }),
        },
      );
      void queryClient.invalidateQueries({ queryKey: ['staff'] });
      setDone(made);
    },
  );
  const v = form.values;
  // As long as nobody has typed another, the sign-in name follows the name.
  const username = v.username === '' ? suggestedName(v.name) : v.username;
  if (done) {
    return <InvitationLink made={done} onClose={() => void navigate({ to: '/staff/$id', params: { id: done.staff.id } })} />;
  }
  return (
    <FormSheet side form={form} onClose={onClose} title={t('staff.invite')} submit={t('staff.send')} ready={v.name.trim() !== '' && username !== '' && v.role !== null}>
      <div className="lm-two">
        <TextInput label={t('field.name')} required data-autofocus autoComplete="off" {...form.bind('name')} />
        <TextInput label={t('signin.username')} required autoComplete="off" autoCapitalize="none" spellCheck={false} {...form.bind('username')} value={username} />
      </div>
      <PersonFields form={form} />
      <Note tone="blue" icon={<IconMail aria-hidden />}>
        {v.email.trim() !== '' || v.phone.trim() !== '' ? t('staff.goes_to', { to: v.email.trim() || v.phone.trim() }) : t('staff.goes_nowhere')}
      </Note>
    </FormSheet>
  );
}

export function InvitationLink({ made, onClose }: { made: InvitedStaff; onClose: () => void }) {
  const { t } = useTranslation();
  const to = made.staff.email || f.digits(f.phone(made.staff.phone));
  return (
    <Dialog opened onClose={onClose} title={t('staff.invited', { name: made.staff.name })} size={560} foot={<Button onClick={onClose}>{t('action.done')}</Button>}>
      <p>{to ? t('staff.invited_to', { to }) : t('staff.invited_by_hand')}</p>
      <div className="lm-command">
        <code data-testid="invitation-link">{made.invitation.link}</code>
        <Copy value={made.invitation.link} label={t('action.copy')} />
      </div>
      <p className="lm-muted">{t('staff.link_rule', { time: f.dayTime(made.invitation.expires_at) })}</p>
    </Dialog>
  );
}
