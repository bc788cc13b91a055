// The branch switch of the frame: one control for every list, figure and report.
import { Button, Menu } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { q, readAgain } from '../api/queries';
import type { Branch } from '../api/types';
import { chooseBranch, useBranch, validBranch } from '../shared/branch';
import { can } from '../shared/can';
import { IconBuildingStore, IconCheck, IconChevronDown } from '../shared/icons';

/** The branch that is worked in: the chosen one, else one's own. New things are made there. */
export function useWorkBranch(): Branch | undefined {
  const chosen = useBranch();
  const me = useQuery(q.me).data;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items;
  return branches?.find((b) => b.id === chosen) ?? branches?.find((b) => b.id === me?.branch_id) ?? branches?.[0];
}

export function BranchSwitch() {
  const { t } = useTranslation();
  const chosen = useBranch();
  const me = useQuery(q.me).data;
  const branches = useQuery({ ...q.branches, enabled: can(me, 'branches:read') }).data?.items;
  const choose = (id: string | null) => {
    if (id === chosen) return;
    chooseBranch(id);
    readAgain();
  };
  // The kept choice may be of somebody else at this computer, or of a branch that is gone: nothing would be found.
  useEffect(() => {
    if (branches && validBranch(chosen, branches) !== chosen) {
      chooseBranch(null);
      readAgain();
    }
  }, [branches, chosen]);
  if (!branches || branches.length < 2) return null;
  const name = branches.find((b) => b.id === chosen)?.name ?? t('branch.all');
  return (
    <Menu position="bottom-end" width={230} withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          className="lm-quiet lm-branch"
          aria-label={t('branch.switch', { name })}
          data-narrowed={chosen !== null || undefined}
          leftSection={<IconBuildingStore aria-hidden />}
          rightSection={<IconChevronDown aria-hidden />}
        >
          {name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown className="lm-branch-menu">
        <Menu.Item rightSection={chosen === null ? <IconCheck aria-label={t('scheme.chosen')} /> : null} onClick={() => choose(null)}>
          {t('branch.all')}
        </Menu.Item>
        <Menu.Divider />
        {branches.map((b) => (
          <Menu.Item key={b.id} rightSection={chosen === b.id ? <IconCheck aria-label={t('scheme.chosen')} /> : null} onClick={() => choose(b.id)}>
            {b.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
