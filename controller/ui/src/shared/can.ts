// What the signed-in person may do. The server decides; the pages only leave out what it would refuse.
import type { Staff } from '../api/types';

export type Permission =
  | 'customers:read'
  | 'customers:write'
  | 'subscriptions:read'
  | 'subscriptions:write'
  | 'subscriptions:password'
  | 'holds:place'
  | 'holds:release'
  | 'payments:read'
  | 'payments:take'
  | 'packages:read'
  | 'packages:write'
  | 'areas:read'
  | 'areas:write'
  | 'branches:read'
  | 'events:read'
  | 'usage:read'
  | 'network:read'
  | 'network:write'
  | 'agents:invite'
  | 'agents:revoke'
  | 'dunning:read'
  | 'dunning:decide';

export function can(staff: Staff | undefined, permission: Permission): boolean {
  if (!staff) return false;
  const area = permission.split(':')[0] ?? '';
  return staff.permissions.some((p) => p === '*' || p === permission || p === `${area}:*`);
}
