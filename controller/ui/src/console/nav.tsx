// The pages of the console in the order of the navigation, each with what one must be allowed to see it. The
// navigation, the palette and the first page after signing in are all made from this one list.
import type { ComponentType } from 'react';
import type { Staff } from '../api/types';
import { can, type Permission } from '../shared/can';
import { IconBriefcase, IconBuilding, IconHandStop, IconHistory, IconSend, IconSettings, IconMapPin, IconPackage, IconServer2, IconShieldCheck, IconUserCheck, IconUsers, IconUsersGroup } from '../shared/icons';

export type NavGroup = 'operate' | 'money' | 'setup';
export interface NavEntry {
  /** Of its words: `nav.customers`. */
  key: 'customers' | 'network' | 'packages' | 'dunning' | 'approvals' | 'areas' | 'staff' | 'roles' | 'outbox' | 'branches' | 'resellers' | 'audit' | 'settings';
  to: string;
  group: NavGroup;
  icon: ComponentType<{ 'aria-hidden'?: boolean }>;
  needs: Permission;
}

export const NAV_GROUPS: NavGroup[] = ['operate', 'money', 'setup'];

export const NAV: NavEntry[] = [
  { key: 'customers', to: '/customers', group: 'operate', icon: IconUsers, needs: 'customers:read' },
  { key: 'network', to: '/network', group: 'operate', icon: IconServer2, needs: 'network:read' },
  { key: 'outbox', to: '/outbox', group: 'operate', icon: IconSend, needs: 'notices:read' },
  { key: 'packages', to: '/packages', group: 'money', icon: IconPackage, needs: 'packages:read' },
  { key: 'dunning', to: '/dunning', group: 'money', icon: IconHandStop, needs: 'dunning:read' },
  { key: 'approvals', to: '/approvals', group: 'money', icon: IconUserCheck, needs: 'approvals:read' },
  { key: 'areas', to: '/areas', group: 'setup', icon: IconMapPin, needs: 'areas:read' },
  { key: 'staff', to: '/staff', group: 'setup', icon: IconUsersGroup, needs: 'staff:read' },
  { key: 'roles', to: '/roles', group: 'setup', icon: IconShieldCheck, needs: 'staff:read' },
  { key: 'branches', to: '/branches', group: 'setup', icon: IconBuilding, needs: 'branches:read' },
  { key: 'resellers', to: '/resellers', group: 'setup', icon: IconBriefcase, needs: 'resellers:read' },
  { key: 'audit', to: '/audit', group: 'setup', icon: IconHistory, needs: 'events:read' },
  { key: 'settings', to: '/settings', group: 'setup', icon: IconSettings, needs: 'settings:read' },
];

/** What somebody may see of it. */
export function navFor(me: Staff | undefined): NavEntry[] {
  return NAV.filter((entry) => can(me, entry.needs));
}

/** Where somebody starts: the first page that they may see; their own profile is always one. */
export function homeOf(me: Staff | undefined): string {
  return navFor(me)[0]?.to ?? '/profile';
}
