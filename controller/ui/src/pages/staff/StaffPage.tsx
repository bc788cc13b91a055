// One person: how it stands with them, what they may do in words, where they are signed in, and what can be done.
import { Button, Menu, ActionIcon } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { qa, type InvitedStaff, type Session, type StaffDetail, type Token } from '../../api/access';
import { api, Problem } from '../../api/client';
import { q, queryClient } from '../../api/queries';
import { complained, said } from '../../components/say';
import { Sessions } from '../../components/Sessions';
import { Ago, Bones, Card, Empty, Failed, KeyValues, Pill, useTitle } from '../../components/ui';
import { can } from '../../shared/can';
import * as f from '../../shared/format';
import { IconChevronRight, IconDots, IconKey, IconMail, IconPencil, IconSearch, IconShieldLock, IconUserCheck, IconUserOff } from '../../shared/icons';
import { roleTitle } from '../../shared/roles';
import { History } from '../audit/History';
import { RevokeToken, TokenTable } from '../profile/Tokens';
import { Deactivate, ResetFactor } from './Deactivate';
import { EditStaff } from './EditStaff';
import { InvitationLink } from './Invite';
import { mayGive } from './PersonFields';
import { statusTone } from './words';

export function StaffPage() {
  const { t } = useTranslation();
  const { id } = useParams({ from: '/shell/staff/$id' });
  const person = useQuery(qa.person(id));
  useTitle(person.data?.name ?? t('nav.staff'));
  if (person.error instanceof Problem && person.error.status === 404) {
    return (
      <Empty
        icon={<IconSearch />}
        title={<h1>{t('staff.missing')}</h1>}
        text={t('staff.missing_text')}
        action={
          <Button component={Link} to="/staff" variant="default" size="xs">
            {t('notfound.to', { page: t('nav.staff') })}
          </Button>
        }
      />
    );
  }
  if (person.isError && !person.data) return <Failed error={person.error} what={t('nav.staff')} retry={() => void person.refetch()} />;
  if (!person.data) return <Bones rows={6} tall />;
  return <Person person={person.data} />;
}

type Asked = 'edit' | 'deactivate' | 'factor';

function Person({ person }: { person: StaffDetail }) {
  const { t } = useTranslation();
  const me = useQuery(q.me).data;
  const roles = useQuery(qa.roles).data?.items;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items;
  const [asked, setAsked] = useState<Asked | null>(null);
  const [link, setLink] = useState<InvitedStaff | null>(null);
  const [busy, setBusy] = useState(false);
  const role = roles?.find((r) => r.name === person.role);
  const own = person.id === me?.id;
  // The server refuses to touch somebody who may do more; so the page does not offer it.
  const write = can(me, 'staff:write') && !own && me !== undefined && role !== undefined && mayGive(me, role);
  const refresh = () => void queryClient.invalidateQueries({ queryKey: ['staff'] });
  const send = async (what: 'invite' | 'reactivate' | 'password-reset') => {
    setBusy(true);
    try {
      const answer = await api.post<InvitedStaff | undefined>(`/staff/${person.id}/${what}`);
      if (answer) setLink(answer);
      else said(t('staff.reset_sent', { name: person.name }));
      refresh();
    } catch (error) {
      complained(error, t('error.unexpected'));
    } finally {
      setBusy(false);
    }
  };
  const names = [person.branch_id, ...person.further_branch_ids].map((id) => branches?.find((b) => b.id === id)?.name ?? '–');
  return (
    <>
      <nav className="lm-crumbs" aria-label={t('nav.crumbs')}>
        <Link to="/staff">{t('nav.staff')}</Link>
        <IconChevronRight aria-hidden />
        <span>{person.username}</span>
      </nav>
      <section className="lm-card lm-flush lm-person">
        <div className="lm-person-head">
          <div>
            <h1>
              {person.name} <Pill tone={statusTone(person.status)}>{t(`staff.state.${person.status}`)}</Pill>
            </h1>
            {person.status === 'invited' && (
              <span className="lm-person-why">{person.invitation_expires_at ? t('staff.invited_until', { time: f.dayTime(person.invitation_expires_at) }) : t('staff.invitation_over')}</span>
            )}
            <p>
              {[person.username, roleTitle(t, person.role, person.role_title), person.email, f.digits(f.phone(person.phone))].filter(Boolean).join(' · ')}
            </p>
          </div>
          {own ? (
            <div className="lm-actions">
              <Button component={Link} to="/profile" variant="default">
                {t('nav.profile')}
              </Button>
            </div>
          ) : (
            write && (
              <div className="lm-actions">
                {person.status === 'invited' && (
                  <Button leftSection={<IconMail aria-hidden />} loading={busy} onClick={() => void send('invite')}>
                    {t('staff.invite_again')}
                  </Button>
                )}
                {person.status === 'inactive' ? (
                  <Button leftSection={<IconUserCheck aria-hidden />} loading={busy} onClick={() => void send('reactivate')}>
                    {t('staff.reactivate')}
                  </Button>
                ) : (
                  <>
                    <Button variant="default" leftSection={<IconPencil aria-hidden />} onClick={() => setAsked('edit')}>
                      {t('action.edit')}
                    </Button>
                    <Menu position="bottom-end" width={250}>
                      <Menu.Target>
                        <ActionIcon variant="default" size={36} aria-label={t('action.more')}>
                          <IconDots aria-hidden />
                        </ActionIcon>
                      </Menu.Target>
                      <Menu.Dropdown>
                        {person.status === 'active' && (
                          <Menu.Item leftSection={<IconKey aria-hidden />} onClick={() => void send('password-reset')}>
                            {t('staff.send_reset')}
                          </Menu.Item>
                        )}
                        {person.second_factor && (
                          <Menu.Item leftSection={<IconShieldLock aria-hidden />} onClick={() => setAsked('factor')}>
                            {t('staff.reset_factor')}
                          </Menu.Item>
                        )}
                        <Menu.Item className="lm-red-text" leftSection={<IconUserOff aria-hidden />} onClick={() => setAsked('deactivate')}>
                          {t('staff.deactivate')}
                        </Menu.Item>
                      </Menu.Dropdown>
                    </Menu>
                  </>
                )}
              </div>
            )
          )}
        </div>
      </section>
      <div className="lm-columns">
        <div className="lm-column">
          <Card title={t('staff.who')}>
            <KeyValues
              rows={[
                [
                  t('staff.role'),
                  <Link key="role" to="/roles/$name" params={{ name: person.role }}>
                    {roleTitle(t, person.role, person.role_title)}
                  </Link>,
                ],
                [t('staff.sees'), t(`reach.${person.scope}`)],
                [t('staff.branch'), names.join(', ')],
                [t('factor.title'), person.second_factor ? t('factor.on') : role?.second_factor ? t('factor.owed') : t('factor.off')],
                [t('profile.language'), person.language === 'bn' ? 'বাংলা' : 'English'],
                [t('staff.last'), <Ago key="last" at={person.last_sign_in_at} />],
                [t('staff.since'), f.day(person.created_at, true)],
              ]}
            />
          </Card>
        </div>
        <div className="lm-column">
          <SessionsOf person={person} write={write} />
          <History kind="staff" id={person.id} />
        </div>
      </div>
      <TokensOf person={person} write={write} />
      {asked === 'edit' && <EditStaff person={person} onClose={() => setAsked(null)} />}
      {asked === 'deactivate' && <Deactivate person={person} onClose={() => setAsked(null)} />}
      {asked === 'factor' && <ResetFactor person={person} onClose={() => setAsked(null)} />}
      {link && <InvitationLink made={link} onClose={() => setLink(null)} />}
    </>
  );
}

function SessionsOf({ person, write }: { person: StaffDetail; write: boolean }) {
  const { t } = useTranslation();
  const sessions = useQuery(qa.sessionsOf(person.id));
  const [busy, setBusy] = useState<string | null>(null);
  const end = async (session: Session | null) => {
    setBusy(session?.id ?? 'all');
    try {
      await api.delete(`/staff/${person.id}/sessions${session ? `/${session.id}` : ''}`);
      said(t('sessions.out', { name: person.name }));
    } catch (error) {
      complained(error, t('error.unexpected'));
    } finally {
      setBusy(null);
      void sessions.refetch();
    }
  };
  const items = sessions.data?.items ?? [];
  return (
    <Card
      title={t('sessions.of')}
      aside={
        write &&
        items.length > 1 && (
          <Button variant="subtle" size="xs" className="lm-danger-quiet" loading={busy === 'all'} onClick={() => void end(null)}>
            {t('sessions.end_all')}
          </Button>
        )
      }
    >
      {sessions.isError && !sessions.data ? (
        <Failed error={sessions.error} what={t('sessions.of')} retry={() => void sessions.refetch()} />
      ) : !sessions.data ? (
        <Bones rows={2} />
      ) : items.length === 0 ? (
        <p className="lm-muted">{t('sessions.nowhere')}</p>
      ) : (
        <Sessions items={items} busy={busy} onEnd={write ? (session) => void end(session) : undefined} />
      )}
    </Card>
  );
}

function TokensOf({ person, write }: { person: StaffDetail; write: boolean }) {
  const { t } = useTranslation();
  const tokens = useQuery(qa.tokensOf(person.id));
  const [gone, setGone] = useState<Token | null>(null);
  if (!tokens.data || tokens.data.items.length === 0) return null;
  return (
    <Card flush className="lm-below" title={t('tokens.title')}>
      <TokenTable items={tokens.data.items} onRevoke={write ? setGone : undefined} />
      {gone && <RevokeToken token={gone} path={`/staff/${person.id}/tokens/${gone.id}`} query={['staff', person.id]} onClose={() => setGone(null)} />}
    </Card>
  );
}
