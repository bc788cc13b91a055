// The addresses of the console. The address is the state of a list's filters, so that it can be sent to a colleague.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { Problem } from '../api/client';
import { q, queryClient } from '../api/queries';
import { Crash, NotFound } from './Fallbacks';
import { Shell } from './Shell';

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

const rootRoute = createRootRoute({ notFoundComponent: NotFound, errorComponent: Crash });

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: (s: Record<string, unknown>): { next?: string } => {
    const next = text(s['next']);
    // Only our own addresses: a link must not carry somebody away after signing in.
    return next?.startsWith('/') && !next.startsWith('//') && !next.startsWith('/\\') ? { next } : {};
  },
  component: lazyRouteComponent(() => import('../pages/SignIn'), 'SignIn'),
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
  beforeLoad: () => {
    throw redirect({ to: '/customers', search: {} });
  },
});

export interface CustomersSearch {
  q?: string;
  state?: string;
  area?: string;
  package?: string;
  sort?: string;
  after?: string;
  new?: boolean;
}
const customersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/customers',
  validateSearch: (s: Record<string, unknown>): CustomersSearch => {
    const out: CustomersSearch = {};
    for (const key of ['q', 'state', 'area', 'package', 'sort', 'after'] as const) {
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
  component: lazyRouteComponent(() => import('../pages/network/Network'), 'Network'),
});
const packagesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/packages',
  component: lazyRouteComponent(() => import('../pages/catalogue/Packages'), 'Packages'),
});
const areasRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/areas',
  component: lazyRouteComponent(() => import('../pages/catalogue/Areas'), 'Areas'),
});
const dunningRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/dunning',
  component: lazyRouteComponent(() => import('../pages/dunning/Dunning'), 'Dunning'),
});

const routeTree = rootRoute.addChildren([
  loginRoute,
  shellRoute.addChildren([
    indexRoute,
    customersRoute,
    customerRoute,
    networkRoute,
    packagesRoute,
    areasRoute,
    dunningRoute,
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultErrorComponent: Crash,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
