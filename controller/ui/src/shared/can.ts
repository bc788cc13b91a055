// What the signed-in person may do. The server decides; the pages only leave out what it would refuse.
import type { Staff } from '../api/types';

export type Permission =
  | 'agents:invite'
  | 'agents:revoke'
  | 'approvals:decide'
  | 'approvals:read'
  | 'areas:read'
  | 'areas:write'
  | 'backups:read'
  | 'backups:write'
  | 'branches:read'
  | 'branches:write'
  | 'customers:assign'
  | 'customers:move'
  | 'customers:read'
  | 'customers:write'
  | 'dunning:decide'
  | 'dunning:read'
  | 'events:erase'
  | 'events:export'
  | 'events:read'
  | 'holds:place'
  | 'holds:release'
  | 'ledger:read'
  | 'network:read'
  | 'network:write'
  | 'notices:read'
  | 'notices:write'
  | 'packages:read'
  | 'packages:write'
  | 'payments:read'
  | 'payments:take'
  | 'resellers:read'
  | 'resellers:write'
  | 'roles:write'
  | 'settings:read'
  | 'settings:write'
  | 'staff:read'
  | 'staff:write'
  | 'subscriptions:backdate'
  | 'subscriptions:password'
  | 'subscriptions:read'
  | 'subscriptions:write'
  | 'usage:read';

export function can(staff: Pick<Staff, 'permissions'> | undefined, permission: Permission): boolean {
  if (!staff) return false;
  const area = permission.split(':')[0] ?? '';
  return staff.permissions.some((p) => p === '*' || p === permission || p === `${area}:*`);
}
