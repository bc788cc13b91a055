// The shapes of the REST contract that the pages use.

export interface Money {
  minor: number;
  currency: string;
}
export interface Page<T> {
  items: T[];
  next: string | null;
  total?: number;
}
export interface Ref {
  id: string;
  name: string;
}
export interface Staff {
  id: string;
  username: string;
  name: string;
  role: string;
  role_title?: string;
  scope?: RoleScope;
  branch_id?: string;
  further_branch_ids?: string[];
  permissions: string[];
  phone?: string;
  email?: string;
  language?: string;
  second_factor?: boolean;
  second_factor_required?: boolean;
}
export type RoleScope = 'all' | 'branches' | 'reseller' | 'assigned';
export interface Branch {
  id: string;
  name: string;
  time_zone?: string;
  currency?: string;
}
export interface Area {
  id: string;
  name: string;
  parent_id: string | null;
  branch_id: string;
  customers: number;
}
export type ValidityUnit = 'minute' | 'day' | 'month';
export interface Package {
  id: string;
  name: string;
  price: Money;
  down_bps: number;
  up_bps: number;
  validity_value: number;
  validity_unit: ValidityUnit;
  grace_days: number | null;
  active: boolean;
  branch_id?: string;
  subscriptions?: number;
}

export type SubState = 'active' | 'grace' | 'expired' | 'held' | 'ended';
export type LineStep = 'queued' | 'sent' | 'applied' | 'verified' | 'failed';
export type HoldReason = 'nonpayment' | 'staff' | 'abuse' | 'legal' | 'pause';
export type ListState = 'all' | 'active' | 'held' | 'expired' | 'failed' | 'no_line';

export interface CustomerRow {
  id: string;
  number: string;
  name: string;
  phone: string;
  area: Ref | null;
  subscription: {
    id: string;
    package_name: string;
    username: string;
    paid_until: string | null;
    state: SubState;
    line_state: LineStep | null;
    open: boolean;
    online: boolean | null;
    down_bps: number | null;
    up_bps: number | null;
  } | null;
  credit: Money;
}
export interface CustomerPage extends Page<CustomerRow> {
  total: number;
  counts: Record<ListState, number>;
}
export interface Customer {
  id: string;
  number: string;
  name: string;
  phone: string;
  area: Ref | null;
  area_id?: string | null;
  address: string;
  notes: string;
  branch_id?: string;
  credit?: Money;
  created_at?: string;
  reseller?: Ref | null;
  assigned_to?: Ref[];
}
export interface SessionSeen {
  address: string;
  mac: string;
  uptime_seconds: number;
}
export interface Observed {
  present: boolean;
  closed: boolean;
  profile: string;
  rate: string;
  sessions: SessionSeen[];
  read_at: string;
}
export interface Wanted {
  secret: string;
  profile: string;
  rate: string;
  session: string;
}
export interface LineState {
  state: LineStep;
  open: boolean;
  reason: string | null;
  generation: string;
  steps: {
    queued_at: string | null;
    sent_at: string | null;
    applied_at: string | null;
    verified_at: string | null;
    failed_at: string | null;
  };
  wanted: Wanted;
  observed: Observed | null;
  agent_away: boolean;
}
export interface Hold {
  id: string;
  reason: HoldReason;
  note: string;
  placed_by: string;
  placed_at: string;
}
export interface Live {
  online: boolean;
  down_bps: number;
  up_bps: number;
  at: string;
}
export interface Access {
  kind: 'pppoe' | 'static';
  username?: string;
  address?: string;
  interface?: string;
}
export interface Subscription {
  id: string;
  number?: string;
  customer_id: string;
  package: Package;
  router: { id: string; name: string; kind: RouterKind };
  pop: Ref;
  access: Access;
  paid_until: string | null;
  grace_until: string | null;
  state: SubState;
  holds: Hold[];
  line: LineState;
  live: Live | null;
}
/** As it comes: an ended one may have neither line nor router any more. */
export type RawSubscription = Omit<Subscription, 'line' | 'router'> & {
  line?: LineState | null;
  router?: Subscription['router'] | null;
};
export interface Quote {
  paid_until: string | null;
  credit_after: Money;
  opens: boolean;
  reason: string | null;
  validities: number;
}
export interface Payment {
  id: string;
  number: string;
  amount: Money;
  method: string;
  at: string;
  note: string;
  taken_by: string;
  subscription_id: string;
  paid_until: string | null;
  credit: Money;
  opens: boolean;
}
export interface Proof {
  id?: string;
  at: string;
  outcome: 'applied' | 'verified' | 'failed' | 'removed';
  generation: string;
  open?: boolean;
  reason: string | null;
  observed: Observed | null;
}
export interface UsageDays {
  items: { date: string; down_octets: number; up_octets: number }[];
  down_octets: number;
  up_octets: number;
  gaps: { from: string; to: string; cause: string; down_octets: number | null; up_octets: number | null }[];
}
export interface Rate {
  at: string;
  down_bps: number;
  up_bps: number;
  online: boolean;
}
export interface TimelineItem {
  at: string;
  kind: string;
  title_key?: string;
  data: Record<string, unknown>;
  actor: string | { name: string; kind?: string } | null;
}

export type RouterKind = 'routeros' | 'linux';
export type PopState = 'healthy' | 'catching_up' | 'no_contact' | 'never' | 'trouble';
export interface AgentInfo {
  id: string;
  name: string;
  version: string | null;
  state: string;
  connected: boolean;
  last_contact_at: string | null;
  revoked_at: string | null;
}
export interface RouterInfo {
  id: string;
  name: string;
  kind: RouterKind;
  host: string;
  port: number;
  state: string;
  detail: string | null;
  identity: string | null;
  board: string | null;
  version: string | null;
  cpu_percent: number | null;
  uptime_seconds: number | null;
  last_poll_at: string | null;
  poll_took_ms: number | null;
  online: number | null;
  foreign: number | null;
  down_bps: number | null;
  up_bps: number | null;
}
export interface Pop {
  id: string;
  name: string;
  branch_id: string;
  state: PopState;
  last_contact_at: string | null;
  agents: AgentInfo[];
  spool: {
    chunks: number;
    records: number;
    oldest_at: string | null;
    bytes: number;
    cap_bytes: number;
    dropped: number;
  } | null;
  online: number | null;
  held: number;
  lines: number;
  verified: number;
  down_bps: number | null;
  up_bps: number | null;
  frozen: string | boolean | null;
  routers: RouterInfo[];
}
export interface RouterConf {
  id: string;
  pop_id: string;
  name: string;
  kind: RouterKind;
  host: string;
  port: number;
  username: string;
  line_rate_bps: number | null;
  enforce: boolean;
  poll_seconds: number;
}
export interface Invite {
  id: string;
  command: string;
  token: string;
  expires_at: string;
}
export interface InviteState {
  state: 'waiting' | 'joined' | 'expired';
  agent_id?: string | null;
}
export interface Brake {
  id: string;
  branch_id: string;
  state: 'asking' | 'approved' | 'done' | 'dismissed' | 'superseded' | 'resolved';
  active_lines: number;
  limit: number;
  held_before: number;
  wanted: number;
  listed: number;
  done: number;
  created_at: string;
  decided_at: string | null;
  decided_by: string | null;
  reason: string | null;
}
export interface BrakeLine {
  subscription_id: string;
  number: string;
  customer_id: string;
  customer_name: string;
  paid_until: string;
  done_at: string | null;
}
export interface Freeze {
  frozen: boolean;
  cause: 'jumped' | 'behind_last_tick' | 'far_after_last_tick' | null;
  detail: string | null;
  off_by_ms: number | null;
  since: string | null;
}
