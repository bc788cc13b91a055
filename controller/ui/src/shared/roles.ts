// Roles in words and as a table: what the role editor shows, how one permission needs another, and what a change of a
// role means for the people who have it. Pure, so that it can be tested without a page.
import type { TFunction } from 'i18next';
import type { RoleScope } from '../api/types';
import type { Permission } from './can';

/** The roles that come with Lastmile are called in the reader's language, unless the office has named them anew. */
const TITLES = {
  owner: 'Owner',
  branch_manager: 'Branch manager',
  accountant: 'Accountant',
  cashier: 'Cashier',
  noc: 'Network engineer',
  support: 'Support',
  technician: 'Technician',
  reseller: 'Reseller',
  reseller_staff: "Reseller's staff",
  auditor: 'Auditor (reads only)',
} as const;

export function roleTitle(t: TFunction, name: string, title: string): string {
  const own = name as keyof typeof TITLES;
  return TITLES[own] === title ? t(`role.${own}`) : title;
}

export const COLUMNS = ['see', 'change', 'act', 'decide', 'remove', 'export'] as const;
export type Column = (typeof COLUMNS)[number];
export interface MatrixRow {
  /** Of its words: `perm.customers`. */
  key: string;
  cells: Partial<Record<Column, Permission>>;
}
export interface MatrixGroup {
  key: 'customers' | 'money' | 'network' | 'office';
  rows: MatrixRow[];
}

/** Every permission in its place: what as rows, the kind of act as columns. */
export const MATRIX: MatrixGroup[] = [
  {
    key: 'customers',
    rows: [
      { key: 'customers', cells: { see: 'customers:read', change: 'customers:write' } },
      { key: 'assign', cells: { act: 'customers:assign' } },
      { key: 'move', cells: { act: 'customers:move' } },
      { key: 'lines', cells: { see: 'subscriptions:read', change: 'subscriptions:write' } },
      { key: 'holds', cells: { act: 'holds:place', remove: 'holds:release' } },
      { key: 'password', cells: { see: 'subscriptions:password' } },
      { key: 'usage', cells: { see: 'usage:read' } },
    ],
  },
  {
    key: 'money',
    rows: [
      { key: 'payments', cells: { see: 'payments:read', act: 'payments:take' } },
      { key: 'backdate', cells: { act: 'subscriptions:backdate' } },
      { key: 'packages', cells: { see: 'packages:read', change: 'packages:write' } },
      { key: 'dunning', cells: { see: 'dunning:read', decide: 'dunning:decide' } },
      { key: 'approvals', cells: { see: 'approvals:read', decide: 'approvals:decide' } },
      { key: 'ledger', cells: { see: 'ledger:read' } },
    ],
  },
  {
    key: 'network',
    rows: [
      { key: 'network', cells: { see: 'network:read', change: 'network:write' } },
      { key: 'agents', cells: { act: 'agents:invite', remove: 'agents:revoke' } },
    ],
  },
  {
    key: 'office',
    rows: [
      { key: 'areas', cells: { see: 'areas:read', change: 'areas:write' } },
      { key: 'branches', cells: { see: 'branches:read', change: 'branches:write' } },
      { key: 'resellers', cells: { see: 'resellers:read', change: 'resellers:write' } },
      { key: 'staff', cells: { see: 'staff:read', change: 'staff:write' } },
      { key: 'roles', cells: { change: 'roles:write' } },
      { key: 'notices', cells: { see: 'notices:read', change: 'notices:write' } },
      { key: 'settings', cells: { see: 'settings:read', change: 'settings:write' } },
      { key: 'audit', cells: { see: 'events:read', remove: 'events:erase', export: 'events:export' } },
      { key: 'backups', cells: { see: 'backups:read', change: 'backups:write' } },
    ],
  },
];

export const PLACED: Permission[] = MATRIX.flatMap((group) => group.rows.flatMap((row) => Object.values(row.cells)));

/** What must be seen before something can be done with it: without it, the pages would have nothing to click on. */
const NEEDS: Partial<Record<Permission, Permission>> = {
  'customers:assign': 'customers:read',
  'customers:move': 'customers:read',
  'subscriptions:read': 'customers:read',
  'holds:place': 'subscriptions:read',
  'holds:release': 'subscriptions:read',
  'subscriptions:password': 'subscriptions:read',
  'subscriptions:backdate': 'subscriptions:read',
  'usage:read': 'subscriptions:read',
  'payments:read': 'customers:read',
  'payments:take': 'subscriptions:read',
  'agents:invite': 'network:read',
  'agents:revoke': 'network:read',
  'roles:write': 'staff:read',
  'events:erase': 'events:read',
  'events:export': 'events:read',
};

function needOf(permission: string): string | undefined {
  const named = NEEDS[permission as Permission];
  if (named) return named;
  const [resource, action] = permission.split(':');
  const read = `${resource}:read`;
  return action !== 'read' && PLACED.includes(read as Permission) ? read : undefined;
}

/** The permissions after one is given or taken: what it needs comes with it, what needs it goes with it. */
export function toggled(held: ReadonlySet<string>, permission: string): Set<string> {
  const next = new Set(held);
  if (next.has(permission)) {
    // Whatever stood on it goes with it, and what stood on that.
    const gone = [permission];
    for (let one = gone.pop(); one !== undefined; one = gone.pop()) {
      next.delete(one);
      for (const other of next) if (needOf(other) === one) gone.push(other);
    }
  } else {
    for (let wanted: string | undefined = permission; wanted !== undefined; wanted = needOf(wanted)) next.add(wanted);
  }
  return next;
}

export interface RoleDraft {
  title: string;
  permissions: ReadonlySet<string>;
  scope: RoleScope;
  second_factor: boolean;
}
export interface Change {
  permission: string;
  given: boolean;
}

export function changesOf(before: RoleDraft, after: RoleDraft): Change[] {
  const given = [...after.permissions].filter((p) => !before.permissions.has(p)).map((permission) => ({ permission, given: true }));
  const taken = [...before.permissions].filter((p) => !after.permissions.has(p)).map((permission) => ({ permission, given: false }));
  return [...given, ...taken].sort((a, b) => order(a.permission) - order(b.permission));
}

function order(permission: string): number {
  const at = PLACED.indexOf(permission as Permission);
  return at < 0 ? PLACED.length : at;
}

/** How many single changes stand between two drafts. */
export function countChanges(before: RoleDraft, after: RoleDraft): number {
  return (
    changesOf(before, after).length +
    (before.scope !== after.scope ? 1 : 0) +
    (before.second_factor !== after.second_factor ? 1 : 0) +
    (before.title.trim() !== after.title.trim() ? 1 : 0)
  );
}

/** Permissions whose gift is worth a sentence, because money, lines or other people's rights hang on them. */
export const GRAVE = [
  'roles:write',
  'staff:write',
  'events:erase',
  'settings:write',
  'backups:write',
  'agents:revoke',
  'dunning:decide',
  'approvals:decide',
  'subscriptions:backdate',
  'subscriptions:password',
  'holds:place',
  'holds:release',
  'payments:take',
  'customers:move',
] as const satisfies readonly Permission[];
export type Grave = (typeof GRAVE)[number];

export type Consequence =
  | { key: 'everything' | 'wider' | 'narrower' | 'factor' | 'no_factor' | 'blind' }
  | { key: 'may' | 'may_not'; permission: Grave };

const REACH: Record<RoleScope, number> = { all: 3, branches: 2, reseller: 1, assigned: 0 };

/** What a change means, the gravest first. */
export function consequences(before: RoleDraft, after: RoleDraft): Consequence[] {
  const out: Consequence[] = [];
  const was = (p: string) => before.permissions.has('*') || before.permissions.has(p);
  const is = (p: string) => after.permissions.has('*') || after.permissions.has(p);
  if (after.permissions.has('*') && !before.permissions.has('*')) out.push({ key: 'everything' });
  if (REACH[after.scope] > REACH[before.scope]) out.push({ key: 'wider' });
  if (REACH[after.scope] < REACH[before.scope]) out.push({ key: 'narrower' });
  if (after.second_factor && !before.second_factor) out.push({ key: 'factor' });
  if (!after.second_factor && before.second_factor) out.push({ key: 'no_factor' });
  if (!after.permissions.has('*')) {
    for (const permission of GRAVE) if (is(permission) && !was(permission)) out.push({ key: 'may', permission });
  }
  for (const permission of GRAVE) if (was(permission) && !is(permission)) out.push({ key: 'may_not', permission });
  if (after.permissions.size === 0 && before.permissions.size > 0) out.push({ key: 'blind' });
  return out;
}
