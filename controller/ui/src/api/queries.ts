// What the pages read, each under one key, and how a change that the server announces makes it be read again.
import { queryOptions, keepPreviousData, QueryClient, type QueryKey } from '@tanstack/react-query';
import { api, Problem } from './client';
import { live, type Changed } from './live';
import type {
  Area,
  Brake,
  BrakeLine,
  Branch,
  Customer,
  CustomerPage,
  Freeze,
  Package,
  Page,
  Payment,
  Pop,
  Proof,
  Quote,
  Rate,
  RawSubscription,
  RouterConf,
  Staff,
  Subscription,
  TimelineItem,
  UsageDays,
} from './types';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => count < 2 && (!(error instanceof Problem) || error.offline || error.status >= 500),
      retryDelay: (count) => Math.min(500 * 2 ** count, 4_000),
    },
  },
});

export interface CustomerFilter {
  q?: string;
  state?: string;
  area_id?: string;
  reseller_id?: string;
  package_id?: string;
  sort?: string;
  limit: number;
  after?: string;
}

/** An ended subscription may have neither line nor router any more: pages read it as closed, with nothing known. */
function whole(raw: RawSubscription): Subscription {
  const steps = { queued_at: null, sent_at: null, applied_at: null, verified_at: null, failed_at: null };
  const wanted = { secret: 'disabled', profile: '', rate: '', session: 'none' };
  const gone = { state: 'queued' as const, open: false, reason: null, generation: '', steps, wanted, observed: null, agent_away: true };
  return { ...raw, line: raw.line ?? gone, router: raw.router ?? { id: '', name: '–', kind: 'routeros' } };
}

// The people in charge of a screen leave it open all day: lists refresh by themselves where no event tells them.
const LIST_MS = 15_000;
const NETWORK_MS = 5_000;

export const q = {
  me: queryOptions({
    queryKey: ['me'],
    queryFn: async ({ signal }) => {
      const answer = await api.everywhere<{ staff: Staff } | Staff>('/me', undefined, signal);
      return 'staff' in answer ? answer.staff : answer;
    },
    staleTime: 5 * 60_000,
  }),
  branches: queryOptions({
    queryKey: ['branches'],
    queryFn: ({ signal }) => api.everywhere<Page<Branch>>('/branches', undefined, signal),
    staleTime: 10 * 60_000,
  }),
  areas: queryOptions({
    queryKey: ['areas'],
    queryFn: ({ signal }) => api.get<Page<Area>>('/areas', undefined, signal),
    staleTime: 60_000,
  }),
  packages: queryOptions({
    queryKey: ['packages'],
    queryFn: ({ signal }) => api.get<Page<Package>>('/packages', undefined, signal),
    staleTime: 60_000,
  }),
  customers: (filter: CustomerFilter) =>
    queryOptions({
      queryKey: ['customers', filter],
      queryFn: ({ signal }) => api.get<CustomerPage>('/customers', { ...filter }, signal),
      placeholderData: keepPreviousData,
      refetchInterval: LIST_MS,
    }),
  customer: (id: string) =>
    queryOptions({
      queryKey: ['customer', id],
      queryFn: ({ signal }) => api.get<Customer>(`/customers/${id}`, undefined, signal),
    }),
  subscriptions: (customerId: string) =>
    queryOptions({
      queryKey: ['subscriptions', customerId],
      queryFn: async ({ signal }) => {
        const page = await api.get<Page<RawSubscription>>('/subscriptions', { customer_id: customerId }, signal);
        return { ...page, items: page.items.map(whole) };
      },
      // While a change is on its way to the router, the steps are read every second: an event may be lost.
      refetchInterval: (query) =>
        query.state.data?.items.some((s) => ['queued', 'sent', 'applied'].includes(s.line.state) && !s.line.agent_away)
          ? 1_000
          : 20_000,
    }),
  timeline: (customerId: string) =>
    queryOptions({
      queryKey: ['timeline', customerId],
      queryFn: ({ signal }) =>
        api.get<{ items: TimelineItem[]; next: string | null }>(`/customers/${customerId}/timeline`, undefined, signal),
    }),
  payments: (customerId: string) =>
    queryOptions({
      queryKey: ['payments', customerId],
      queryFn: ({ signal }) => api.get<Page<Payment>>('/payments', { customer_id: customerId, limit: 100 }, signal),
    }),
  proofs: (subscriptionId: string) =>
    queryOptions({
      queryKey: ['proofs', subscriptionId],
      queryFn: ({ signal }) => api.get<Page<Proof>>(`/subscriptions/${subscriptionId}/proofs`, { limit: 20 }, signal),
    }),
  usage: (subscriptionId: string, from: string, to: string) =>
    queryOptions({
      queryKey: ['usage', subscriptionId, from, to],
      queryFn: ({ signal }) => api.get<UsageDays>(`/subscriptions/${subscriptionId}/usage`, { from, to }, signal),
      refetchInterval: 60_000,
    }),
  rates: (subscriptionId: string) =>
    queryOptions({
      queryKey: ['rates', subscriptionId],
      queryFn: async ({ signal }) => {
        const past = await api.get<{ items: Rate[] }>(`/subscriptions/${subscriptionId}/rates`, undefined, signal);
        live.seed(subscriptionId, past.items);
        return past.items.length;
      },
      staleTime: 60_000,
    }),
  quote: (subscriptionId: string, minor: number) =>
    queryOptions({
      queryKey: ['quote', subscriptionId, minor],
      queryFn: ({ signal }) => api.get<Quote>(`/subscriptions/${subscriptionId}/quote`, { amount_minor: minor }, signal),
      placeholderData: keepPreviousData,
      staleTime: 5_000,
    }),
  pops: queryOptions({
    queryKey: ['pops'],
    queryFn: ({ signal }) => api.get<Page<Pop>>('/pops', undefined, signal),
    refetchInterval: NETWORK_MS,
  }),
  routers: queryOptions({
    queryKey: ['routers'],
    queryFn: ({ signal }) => api.get<Page<RouterConf>>('/routers', { limit: 500 }, signal),
  }),
  brakes: queryOptions({
    queryKey: ['brakes'],
    queryFn: ({ signal }) => api.get<Page<Brake>>('/dunning/brakes', undefined, signal),
    refetchInterval: 30_000,
  }),
  brakeLines: (id: string, limit: number) =>
    queryOptions({
      queryKey: ['brakes', id, 'lines', limit],
      queryFn: ({ signal }) => api.get<Page<BrakeLine>>(`/dunning/brakes/${id}/lines`, { limit }, signal),
      placeholderData: keepPreviousData,
    }),
  freeze: queryOptions({
    queryKey: ['freeze'],
    queryFn: ({ signal }) => api.get<Freeze>('/dunning/freeze', undefined, signal),
    refetchInterval: 30_000,
  }),
};

/** Everything but who I am and which branches there are is read again: for the branch switch. */
export function readAgain(): void {
  void queryClient.resetQueries({ predicate: (query) => query.queryKey[0] !== 'me' && query.queryKey[0] !== 'branches' });
}

/** The queries that a change of this kind makes stale. An unknown kind concerns at most the joined list. */
export function keysOf(kind: string): string[] {
  const noun = kind.split(/[._]/)[0] ?? '';
  switch (noun) {
    case 'subscription':
    case 'line':
    case 'hold':
    case 'proof':
      return ['subscriptions', 'customers', 'timeline', 'proofs'];
    case 'customer':
      return ['customer', 'customers', 'timeline'];
    case 'payment':
    case 'ledger':
      return ['payments', 'customer', 'customers', 'subscriptions', 'timeline', 'quote'];
    case 'area':
      return ['areas', 'customers'];
    case 'package':
      return ['packages', 'customers', 'subscriptions'];
    case 'pop':
    case 'router':
    case 'agent':
      return ['pops', 'routers'];
    case 'usage':
      return ['usage'];
    case 'staff':
    case 'session':
    case 'token':
      return ['staff', 'my'];
    case 'role':
      return ['roles', 'me', 'staff'];
    case 'approval':
      return ['approvals'];
    case 'settings':
      return ['settings', 'branches'];
    case 'notice':
      return ['notices', 'notice-templates', 'notice-channels'];
    case 'branch':
      return ['branches', 'settings', 'me'];
    case 'backup':
      return ['backups'];
    case 'reseller':
      return ['resellers', 'customer', 'customers'];
    case 'brake':
    case 'dunning':
    case 'freeze':
    case 'clock':
      return ['brakes', 'freeze'];
    default:
      return [];
  }
}

// Lists that join many rows are read again at most this often, however many changes come in.
const PACE_MS: Record<string, number> = { customers: 2_500, pops: 1_500, timeline: 500, audit: 3_000 };
const SOON_MS = 60;

/** Listens to the stream and marks queries stale, each at its own pace. Returns the way to stop. */
export function followChanges(): () => void {
  const lastRun = new Map<string, number>();
  const waiting = new Map<string, number>();
  const refresh = (name: string) => {
    if (waiting.has(name)) return;
    const since = Date.now() - (lastRun.get(name) ?? 0);
    const delay = Math.max(SOON_MS, (PACE_MS[name] ?? 0) - since);
    waiting.set(
      name,
      window.setTimeout(() => {
        waiting.delete(name);
        lastRun.set(name, Date.now());
        const key: QueryKey = [name];
        void queryClient.invalidateQueries({ queryKey: key });
      }, delay),
    );
  };
  const all = () => void queryClient.invalidateQueries();
  const offChanged = live.onChanged((change: Changed) => {
    const names = keysOf(change.kind);
    if (names.length === 0) refresh('customers');
    // Whatever people do stands in the record too; only an open page of it reads again.
    refresh('audit');
    for (const name of names) refresh(name);
  });
  const offAgain = live.onAgain(all);
  return () => {
    offChanged();
    offAgain();
    for (const timer of waiting.values()) clearTimeout(timer);
  };
}
