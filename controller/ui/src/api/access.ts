// Who may do what: the shapes of sign-in, staff, roles and approvals, and what the pages read of them.
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api } from './client';
import type { Page, RoleScope, Staff } from './types';

export interface Enrolment {
  secret: string;
  uri: string;
  qr: { size: number; path: string };
}
/** Either `staff` is signed in, or `second_factor` says what is owed. */
export interface SignInAnswer {
  staff?: Staff;
  second_factor?: 'totp' | 'enrol';
  challenge?: string;
  enrolment?: Enrolment;
  recovery_codes?: string[];
}
export interface LinkView {
  name: string;
  username: string;
  role_title: string;
  language: string;
  second_factor_required: boolean;
  expires_at: string;
}
export interface SecondFactor {
  enrolled: boolean;
  enrolled_at: string | null;
  required: boolean;
  recovery_codes_left: number;
}
export interface Session {
  id: string;
  current: boolean;
  created_at: string;
  last_seen_at: string;
  expires_at: string;
  address: string;
  user_agent: string;
}
export interface Token {
  id: string;
  name: string;
  permissions: string[] | null;
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

export type StaffStatus = 'invited' | 'active' | 'inactive';
export interface StaffMember {
  id: string;
  branch_id: string;
  further_branch_ids: string[];
  reseller_id: string | null;
  username: string;
  name: string;
  role: string;
  role_title: string;
  scope: RoleScope;
  phone: string;
  email: string;
  language: string;
  status: StaffStatus;
  active: boolean;
  second_factor: boolean;
  created_at: string;
  last_sign_in_at: string | null;
}
export type StaffDetail = StaffMember & { invitation_expires_at: string | null };
export interface InvitedStaff {
  staff: StaffMember;
  invitation: { link: string; expires_at: string };
}
export interface StaffFilter {
  search?: string;
  role?: string;
  status?: string;
  limit: number;
  after?: string;
}

export interface Role {
  name: string;
  title: string;
  permissions: string[];
  scope: RoleScope;
  second_factor: boolean;
  built_in: boolean;
  edited: boolean;
  people: number;
}

export type ApprovalState = 'pending' | 'approved' | 'rejected' | 'withdrawn' | 'expired';
export interface Approval {
  id: string;
  kind: string;
  branch_id: string;
  customer_id: string | null;
  subject_kind: string;
  subject_id: string;
  data: unknown;
  reason: string;
  state: ApprovalState;
  requested_by: { id: string; name: string };
  requested_at: string;
  expires_at: string;
  decided_by: { id: string; name: string } | null;
  decided_at: string | null;
  decision: string | null;
}

export const qa = {
  totp: queryOptions({
    queryKey: ['my', 'totp'],
    queryFn: ({ signal }) => api.everywhere<SecondFactor>('/me/totp', undefined, signal),
  }),
  sessions: queryOptions({
    queryKey: ['my', 'sessions'],
    queryFn: ({ signal }) => api.everywhere<Page<Session>>('/me/sessions', undefined, signal),
  }),
  tokens: queryOptions({
    queryKey: ['my', 'tokens'],
    queryFn: ({ signal }) => api.everywhere<Page<Token>>('/me/tokens', undefined, signal),
  }),
  staff: (filter: StaffFilter) =>
    queryOptions({
      queryKey: ['staff', 'list', filter],
      queryFn: ({ signal }) => api.get<Page<StaffMember>>('/staff', { ...filter }, signal),
      placeholderData: keepPreviousData,
    }),
  // One person, and what is theirs, is the same whichever branch the switch stands on.
  person: (id: string) =>
    queryOptions({
      queryKey: ['staff', id],
      queryFn: ({ signal }) => api.everywhere<StaffDetail>(`/staff/${id}`, undefined, signal),
    }),
  sessionsOf: (id: string) =>
    queryOptions({
      queryKey: ['staff', id, 'sessions'],
      queryFn: ({ signal }) => api.everywhere<Page<Session>>(`/staff/${id}/sessions`, undefined, signal),
      refetchInterval: 15_000,
    }),
  tokensOf: (id: string) =>
    queryOptions({
      queryKey: ['staff', id, 'tokens'],
      queryFn: ({ signal }) => api.everywhere<Page<Token>>(`/staff/${id}/tokens`, undefined, signal),
    }),
  roles: queryOptions({
    queryKey: ['roles'],
    queryFn: ({ signal }) => api.everywhere<Page<Role>>('/roles', undefined, signal),
    staleTime: 60_000,
  }),
  permissions: queryOptions({
    queryKey: ['permissions'],
    queryFn: ({ signal }) => api.everywhere<Page<{ name: string }>>('/permissions', undefined, signal),
    staleTime: 10 * 60_000,
  }),
  approvals: (state: ApprovalState | 'all') =>
    queryOptions({
      queryKey: ['approvals', state],
      queryFn: ({ signal }) => api.get<Page<Approval>>('/approvals', { state, limit: 100 }, signal),
      refetchInterval: 30_000,
    }),
};
