// What the signed-in person may do. The server decides; the pages only leave out what it would refuse.
import type { Staff } from '../api/types';

export type Permission =
  | 'customers:read'
  | 'customers:write'
  | 'lines:write'
  | 'holds:write'
  | 'payments:take'
  | 'payments:read'
  | 'packages:write'
  | 'areas:write'
  | 'network:read'
  | 'network:write'
  | 'dunning:read'
  | 'dunning:approve';

export function can(staff: Staff | undefined, permission: Permission): boolean {
  if (!staff) return false;
  const area = permission.split(':')[0] ?? '';
  return staff.permissions.some((p) => p === '*' || p === permission || p === `${area}:*`);
}
