// The addresses of the console. The address is the state of a list's filters, so that it can be sent to a colleague.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { Problem } from '../api/client';
import { q, queryClient } from '../api/queries';
import type { Permission } from '../shared/can';
import { Crash, Lost, NotFound } from './Fallbacks';
import { homeOf } from './nav';
import { Shell } from './Shell';

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

/** The filters of a list that the address holds, each a text. */
function texts<K extends string>(search: Record<string, unknown>, keys: readonly K[]): { [P in K]?: string } {
  const out: { [P in K]?: string } = {};
  for (const key of keys) {
    const value = text(search[key]);
    if (value !== undefined) out[key] = value;
  }
  return out;
}

const rootRoute = createRootRoute({ notFoundComponent: Lost, errorComponent: Crash });

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: (s: Record<string, unknown>): { next?: string } => {
    const next = text(s['next']);
    // Only our own addresses: a link must not carry somebody away after signing in.
    return next?.startsWith('/') && !next.startsWith('//') && !next.startsWith('/\\') ? { next } : {};
  },
  component: lazyRouteComponent(() => import('../pages/signin/SignIn'), 'SignIn'),
});

const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(q.me);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        throw redirect({ to: '/login', search: location.pathname === '/' ? {} : { next: location.href } });
      }
      throw error;
    }
  },
  component: Shell,
});

const indexRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/',
  beforeLoad: async () => {
    throw redirect({ to: homeOf(await queryClient.ensureQueryData(q.me)), search: {} });
  },
});

export interface CustomersSearch {
  q?: string;
  state?: string;
  area?: string;
  reseller?: string;
  package?: string;
  sort?: string;
  after?: string;
  new?: boolean;
}
const customersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/customers',
  staticData: { needs: 'customers:read' },
  validateSearch: (s: Record<string, unknown>): CustomersSearch => {
    const out: CustomersSearch = {};
    for (const key of ['q', 'state', 'area', 'package', 'reseller', 'sort', 'after'] as const) {
      const value = text(s[key]);
      if (value !== undefined) out[key] = value;
    }
    if (s['new'] === true) out.new = true;
    return out;
  },
  component: lazyRouteComponent(() => import('../pages/customers/Customers'), 'Customers'),
});

export interface CustomerSearch {
  tab?: 'line' | 'payments';
  line?: string;
  pay?: boolean;
}
const customerRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/customers/$id',
  staticData: { needs: 'customers:read' },
  validateSearch: (s: Record<string, unknown>): CustomerSearch => {
    const out: CustomerSearch = {};
    if (s['tab'] === 'line' || s['tab'] === 'payments') out.tab = s['tab'];
    const line = text(s['line']);
    if (line !== undefined) out.line = line;
    if (s['pay'] === true) out.pay = true;
    return out;
  },
  component: lazyRouteComponent(() => import('../pages/customer/CustomerPage'), 'CustomerPage'),
});

const networkRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/network',
  staticData: { needs: 'network:read' },
  component: lazyRouteComponent(() => import('../pages/network/Network'), 'Network'),
});
const packagesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/packages',
  staticData: { needs: 'packages:read' },
  component: lazyRouteComponent(() => import('../pages/catalogue/Packages'), 'Packages'),
});
const areasRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/areas',
  staticData: { needs: 'areas:read' },
  component: lazyRouteComponent(() => import('../pages/catalogue/Areas'), 'Areas'),
});
const dunningRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/dunning',
  staticData: { needs: 'dunning:read' },
  component: lazyRouteComponent(() => import('../pages/dunning/Dunning'), 'Dunning'),
});
const approvalsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/approvals',
  staticData: { needs: 'approvals:read' },
  validateSearch: (s: Record<string, unknown>): { state?: 'decided' } => (s['state'] === 'decided' ? { state: 'decided' } : {}),
  component: lazyRouteComponent(() => import('../pages/approvals/Approvals'), 'Approvals'),
});

export interface StaffSearch {
  q?: string;
  role?: string;
  state?: string;
  after?: string;
  new?: boolean;
}
const staffRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/staff',
  staticData: { needs: 'staff:read' },
  validateSearch: (s: Record<string, unknown>): StaffSearch => {
    const out: StaffSearch = {};
    for (const key of ['q', 'role', 'state', 'after'] as const) {
      const value = text(s[key]);
      if (value !== undefined) out[key] = value;
    }
    if (s['new'] === true) out.new = true;
    return out;
  },
  component: lazyRouteComponent(() => import('../pages/staff/StaffList'), 'StaffList'),
});
const staffMemberRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/staff/$id',
  staticData: { needs: 'staff:read' },
  component: lazyRouteComponent(() => import('../pages/staff/StaffPage'), 'StaffPage'),
});
const rolesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/roles',
  staticData: { needs: 'staff:read' },
  component: lazyRouteComponent(() => import('../pages/roles/Roles'), 'Roles'),
});
const roleRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/roles/$name',
  staticData: { needs: 'staff:read' },
  component: lazyRouteComponent(() => import('../pages/roles/RolePage'), 'RolePage'),
});
const profileRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/profile',
  component: lazyRouteComponent(() => import('../pages/profile/Profile'), 'Profile'),
});
const branchesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/branches',
  staticData: { needs: 'branches:read' },
  component: lazyRouteComponent(() => import('../pages/branches/Branches'), 'Branches'),
});
const branchRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/branches/$id',
  staticData: { needs: 'branches:read' },
  component: lazyRouteComponent(() => import('../pages/branches/BranchPage'), 'BranchPage'),
});
const resellersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/resellers',
  staticData: { needs: 'resellers:read' },
  component: lazyRouteComponent(() => import('../pages/resellers/Resellers'), 'Resellers'),
});
export interface AuditSearch {
  kind?: string;
  actor_kind?: string;
  actor_id?: string;
  subject_kind?: string;
  subject_id?: string;
  customer_id?: string;
  from?: string;
  until?: string;
  after?: string;
}
const auditRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/audit',
  staticData: { needs: 'events:read' },
  validateSearch: (s: Record<string, unknown>): AuditSearch => texts(s, ['kind', 'actor_kind', 'actor_id', 'subject_kind', 'subject_id', 'customer_id', 'from', 'until', 'after']),
  component: lazyRouteComponent(() => import('../pages/audit/Audit'), 'Audit'),
});
export interface OutboxSearch {
  q?: string;
  state?: string;
  channel?: string;
  template?: string;
  customer?: string;
  staff?: string;
  notice?: string;
  after?: string;
}
const outboxRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/outbox',
  staticData: { needs: 'notices:read' },
  validateSearch: (s: Record<string, unknown>): OutboxSearch => texts(s, ['q', 'state', 'channel', 'template', 'customer', 'staff', 'notice', 'after']),
  component: lazyRouteComponent(() => import('../pages/notices/Outbox'), 'Outbox'),
});
const settingsIndexRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/settings',
  beforeLoad: () => {
    throw redirect({ to: '/settings/$section', params: { section: 'company' }, search: {} });
  },
});
const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/settings/$section',
  staticData: { needs: 'settings:read' },
  validateSearch: (s: Record<string, unknown>): { branch?: string; template?: string } => texts(s, ['branch', 'template']),
  component: lazyRouteComponent(() => import('../pages/settings/Settings'), 'Settings'),
});
// Any other address: who is signed in keeps the navigation.
const elsewhereRoute = createRoute({ getParentRoute: () => shellRoute, path: '$', component: NotFound });

const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  validateSearch: (s: Record<string, unknown>): { code?: string } => {
    const code = text(s['code']);
    return code === undefined ? {} : { code };
  },
  component: lazyRouteComponent(() => import('../pages/setup/Setup'), 'Setup'),
});
const invitationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/invitation/$token',
  component: lazyRouteComponent(() => import('../pages/signin/Invitation'), 'Invitation'),
});
const forgottenRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/password-reset',
  component: lazyRouteComponent(() => import('../pages/signin/Forgotten'), 'Forgotten'),
});
const resetRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/password-reset/$token',
  component: lazyRouteComponent(() => import('../pages/signin/NewPassword'), 'NewPassword'),
});

const routeTree = rootRoute.addChildren([
  loginRoute,
  setupRoute,
  invitationRoute,
  forgottenRoute,
  resetRoute,
  shellRoute.addChildren([
    indexRoute,
    customersRoute,
    customerRoute,
    networkRoute,
    packagesRoute,
    areasRoute,
    dunningRoute,
    approvalsRoute,
    staffRoute,
    staffMemberRoute,
    rolesRoute,
    roleRoute,
    profileRoute,
    branchesRoute,
    branchRoute,
    resellersRoute,
    auditRoute,
    outboxRoute,
    settingsIndexRoute,
    settingsRoute,
    elsewhereRoute,
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultErrorComponent: Crash,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    /** What one must be allowed to see the page; without it, everybody who is signed in may. */
    needs?: Permission;
  }
  interface Register {
    router: typeof router;
  }
}
