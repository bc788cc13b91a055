// The office behind the network: settings, messages, the record of what happened, backups, branches and resellers.
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api } from './client';
import type { Branch, Money, Page } from './types';

export interface Setting {
  key: string;
  kind: string;
  most: number | null;
  least: number | null;
  unit: string | null;
  choices: string[];
  value: unknown;
  inherited: unknown;
  own: boolean;
  per_branch: boolean;
  differs_in: string[];
  changed_at: string | null;
}
export interface SettingsSection {
  name: string;
  settings: Setting[];
}
export interface Settings {
  sections: SettingsSection[];
}

export interface AuditChange {
  field: string;
  before: unknown;
  after: unknown;
}
export interface AuditEntry {
  id: string;
  at: string;
  kind: string;
  actor: { kind: string; id: string | null; name: string; from: string };
  subject_kind: string;
  subject_id: string;
  branch_id: string;
  customer_id: string | null;
  data: Record<string, unknown>;
  sealed: boolean;
  erased: boolean;
  changes: AuditChange[];
}
export interface AuditFilter {
  kind?: string;
  actor_kind?: string;
  actor_id?: string;
  subject_kind?: string;
  subject_id?: string;
  customer_id?: string;
  from?: string;
  until?: string;
  limit?: number;
  after?: string;
}
export interface AuditSeal {
  head: { seal: number; mac: string; sealed_at: string } | null;
  unsealed: number;
  unsealed_since: string | null;
}

export type NoticeChannel = 'email' | 'sms';
export type NoticeState = 'queued' | 'sending' | 'sent' | 'delivered' | 'failed' | 'unknown' | 'cancelled';
export type NoticeLanguage = 'en' | 'bn';
export interface Notice {
  id: string;
  branch_id: string;
  customer_id: string | null;
  staff_id: string | null;
  template: string;
  language: NoticeLanguage;
  channel: NoticeChannel;
  recipient_name: string;
  address: string;
  subject: string;
  body: string;
  parts: number;
  state: NoticeState;
  reason: string | null;
  detail: string | null;
  attempts: number;
  created_at: string;
  due_at: string;
  expires_at: string;
  sent_at: string | null;
  ended_at: string | null;
  provider: string | null;
  provider_id: string | null;
  can_retry: boolean;
  can_cancel: boolean;
}
export interface NoticePage extends Page<Notice> {
  counts: { state: NoticeState; messages: number; parts: number }[];
}
export interface NoticeFilter {
  state?: string;
  channel?: string;
  template?: string;
  customer_id?: string;
  staff_id?: string;
  search?: string;
  limit?: number;
  after?: string;
}
export interface NoticeText {
  language: NoticeLanguage;
  channel: NoticeChannel;
  subject: string;
  body: string;
  is_default: boolean;
  updated_at: string | null;
  updated_by: string | null;
}
export interface NoticeVariable {
  name: string;
  meaning: string;
  sample: string;
  secret: boolean;
  always: boolean;
}
export interface NoticeTemplate {
  template: string;
  about: string;
  enabled: boolean;
  switchable: boolean;
  channels: NoticeChannel[];
  is_default: boolean;
  variables: NoticeVariable[];
  needs: string[];
  texts: NoticeText[];
}
export interface NoticePreview {
  subject: string;
  body: string;
  errors: { field: string; message: string }[];
  sms: { alphabet: 'gsm7' | 'ucs2'; costly: string[]; units: number; parts: number; left: number; cost_of_1000: Money | null } | null;
}

interface ChannelCommon {
  enabled: boolean;
  secrets: { name: string; set: boolean }[];
  per_minute: number;
  status: { waiting: number; trouble: string | null; trouble_at: string | null; paused_until: string | null };
  updated_at: string | null;
  updated_by: string | null;
}
export interface EmailSettings {
  host: string;
  port: number;
  tls: 'starttls' | 'tls' | 'none';
  allow_open: boolean;
  ca_pem: string | null;
  username: string | null;
  from_address: string;
  from_name: string;
  reply_to: string | null;
}
export interface SmsField {
  name: string;
  value: string;
}
export interface SmsSettings {
  provider: string;
  method: 'get' | 'post';
  url: string;
  allow_http: boolean;
  body: 'query' | 'form' | 'json';
  fields: SmsField[];
  headers: SmsField[];
  sender: string;
  number: 'digits' | 'plus' | 'national';
  answer: { code: string; reason: string | null; accepted: string[]; later: string[]; down: string[]; id: string | null; detail: string | null };
  deduplicates: boolean;
  reports: { id: string; state: string; delivered: string[]; failed: string[] } | null;
}
export interface EmailChannel extends ChannelCommon {
  settings: EmailSettings | null;
}
export interface SmsChannel extends ChannelCommon {
  settings: SmsSettings | null;
  price_per_1000: Money;
  report_path: string | null;
}
export interface NoticeChannels {
  email: EmailChannel;
  sms: SmsChannel;
  sms_presets: SmsSettings[];
}
export interface ChannelTest {
  outcome: 'accepted' | 'refused' | 'later' | 'down' | 'unclear';
  detail: string | null;
  provider_id: string | null;
}

export interface Backup {
  id: string;
  state: 'queued' | 'running' | 'done' | 'failed' | 'removed';
  queued_at: string;
  started_at: string | null;
  finished_at: string | null;
  requested_by: string | null;
  rows: number;
  tables: number | null;
  size_bytes: number | null;
  file: string | null;
  error: string | null;
}
export interface Backups extends Page<Backup> {
  plan: { every_hours: number; keep: number; keep_months: number; folder: string; key_id: string; next_at: string | null };
}

export type WeekDay = 'sat' | 'sun' | 'mon' | 'tue' | 'wed' | 'thu' | 'fri';
export const WEEK: WeekDay[] = ['sat', 'sun', 'mon', 'tue', 'wed', 'thu', 'fri'];
export interface Holiday {
  day: string;
  name: string;
}
export interface BranchAccount {
  id: string;
  kind: 'bank' | 'gateway';
  name: string;
  number: string;
  note: string;
  active: boolean;
}
export interface Office extends Branch {
  time_zone: string;
  currency: string;
  address: string;
  phone: string;
  manager: { id: string; name: string } | null;
  days_off: WeekDay[];
  invoice_prefix: string;
  fiscal_year_month: number;
  customers: number;
  staff: number;
  pops: number;
  routers: number;
  created_at: string;
}
export interface OfficeDetail extends Office {
  holidays: Holiday[];
  accounts: BranchAccount[];
}

export interface Reseller {
  id: string;
  branch_id: string;
  name: string;
  phone: string;
  active: boolean;
  customers: number;
  created_at: string;
}
export interface Viewer {
  id: string;
  name: string;
}
/** Who looks after a customer beside its branch. */
export interface Viewers {
  reseller?: Viewer | null;
  assigned_to?: Viewer[];
}
export interface MovePreview {
  from: Viewer;
  to: Viewer;
  credit: Money;
  subscriptions: { id: string; number: string; package: string; package_id: string | null; router_id: string | null }[];
  loses: Viewers;
  blocked: string | null;
}

// A message on its way, or a backup that is being written, is looked at again by itself.
const OUTBOX_MS = 15_000;
const BACKUP_RUNNING_MS = 1_000;
const BACKUP_MS = 30_000;

export const qo = {
  settings: (branch: string | null) =>
    queryOptions({
      queryKey: ['settings', branch ?? 'all'],
      queryFn: ({ signal }) => api.everywhere<Settings>('/settings', { branch_id: branch }, signal),
      staleTime: 30_000,
    }),
  audit: (filter: AuditFilter) =>
    queryOptions({
      queryKey: ['audit', filter],
      queryFn: ({ signal }) => api.get<Page<AuditEntry>>('/audit', { ...filter }, signal),
      placeholderData: keepPreviousData,
    }),
  seal: queryOptions({
    queryKey: ['audit-seal'],
    queryFn: ({ signal }) => api.everywhere<AuditSeal>('/audit/seal', undefined, signal),
    refetchInterval: 30_000,
  }),
  notices: (filter: NoticeFilter) =>
    queryOptions({
      queryKey: ['notices', filter],
      queryFn: ({ signal }) => api.get<NoticePage>('/notices', { ...filter }, signal),
      placeholderData: keepPreviousData,
      refetchInterval: OUTBOX_MS,
    }),
  notice: (id: string) =>
    queryOptions({
      queryKey: ['notices', 'one', id],
      queryFn: ({ signal }) => api.get<Notice>(`/notices/${id}`, undefined, signal),
      refetchInterval: (query) => (query.state.data && ['queued', 'sending'].includes(query.state.data.state) ? 2_000 : false),
    }),
  templates: queryOptions({
    queryKey: ['notice-templates'],
    queryFn: ({ signal }) => api.get<Page<NoticeTemplate>>('/notice-templates', undefined, signal),
    staleTime: 60_000,
  }),
  channels: queryOptions({
    queryKey: ['notice-channels'],
    queryFn: ({ signal }) => api.everywhere<NoticeChannels>('/notice-channels', undefined, signal),
  }),
  backups: (after: string | undefined) =>
    queryOptions({
      queryKey: ['backups', after ?? ''],
      queryFn: ({ signal }) => api.everywhere<Backups>('/backups', { limit: 50, after }, signal),
      placeholderData: keepPreviousData,
      refetchInterval: (query) => (query.state.data?.items.some((b) => b.state === 'queued' || b.state === 'running') ? BACKUP_RUNNING_MS : BACKUP_MS),
    }),
  resellers: queryOptions({
    queryKey: ['resellers'],
    queryFn: ({ signal }) => api.get<Page<Reseller>>('/resellers', undefined, signal),
    staleTime: 30_000,
  }),
  move: (customer: string, branch: string) =>
    queryOptions({
      queryKey: ['move', customer, branch],
      queryFn: ({ signal }) => api.everywhere<MovePreview>(`/customers/${customer}/move`, { branch_id: branch }, signal),
      staleTime: 0,
      retry: false,
    }),
  offices: queryOptions({
    queryKey: ['branches', 'full'],
    queryFn: ({ signal }) => api.everywhere<Page<Office>>('/branches', undefined, signal),
    staleTime: 30_000,
  }),
  office: (id: string) =>
    queryOptions({
      queryKey: ['branches', 'one', id],
      queryFn: ({ signal }) => api.everywhere<OfficeDetail>(`/branches/${id}`, undefined, signal),
    }),
};
