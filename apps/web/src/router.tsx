/** The address of each page. apps/api/pages/route.ts serves the first part of each path. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { HomePage } from './home/page';
import { BrokenPage } from './shell/broken';
import { NotFound } from './shell/not-found';
import { Shell } from './shell/shell';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const page = <Path extends string>(path: Path, component: ReturnType<typeof lazyRouteComponent>) =>
  createRoute({ getParentRoute: () => root, path, component });

/** A text of the address; anything else counts as missing. */
const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

const home = createRoute({ getParentRoute: () => root, path: '/', component: HomePage });
const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  component: lazyRouteComponent(() => import('./shell/signed-in'), 'SignedInPage'),
});
const runs = createRoute({
  getParentRoute: () => root,
  path: '/runs',
  validateSearch: (search: Record<string, unknown>) => ({
    lifecycle: text(search['lifecycle']),
    status: text(search['status']),
  }),
  component: lazyRouteComponent(() => import('./run/list'), 'RunsPage'),
});
const model = createRoute({
  getParentRoute: () => root,
  path: '/models/$model',
  component: lazyRouteComponent(() => import('./model/page'), 'ModelPage'),
});
const versions = createRoute({
  getParentRoute: () => root,
  path: '/models/$model/compare',
  validateSearch: (search: Record<string, unknown>) => ({
    versions: text(search['versions']) ?? '',
  }),
  component: lazyRouteComponent(() => import('./model/compare'), 'ComparePage'),
});
const dataset = createRoute({
  getParentRoute: () => root,
  path: '/data/$dataset',
  validateSearch: (search: Record<string, unknown>) => ({
    from: text(search['from']),
    to: text(search['to']),
  }),
  component: lazyRouteComponent(() => import('./data/dataset'), 'DatasetPage'),
});

const routes = root.addChildren([
  home,
  signIn,
  runs,
  page(
    '/runs/$run',
    lazyRouteComponent(() => import('./run/page'), 'RunPage'),
  ),
  page(
    '/models',
    lazyRouteComponent(() => import('./model/list'), 'ModelsPage'),
  ),
  model,
  versions,
  page(
    '/models/$model/versions/$version',
    lazyRouteComponent(() => import('./model/why'), 'WhyPage'),
  ),
  page(
    '/models/$model/rollout',
    lazyRouteComponent(() => import('./rollout/page'), 'RolloutPage'),
  ),
  page(
    '/models/$model/try',
    lazyRouteComponent(() => import('./model/try'), 'TryPage'),
  ),
  page(
    '/data',
    lazyRouteComponent(() => import('./data/list'), 'DataPage'),
  ),
  dataset,
  page(
    '/language',
    lazyRouteComponent(() => import('./language/page'), 'LanguagePage'),
  ),
  page(
    '/language/prompts/$prompt',
    lazyRouteComponent(() => import('./language/prompt'), 'PromptPage'),
  ),
  page(
    '/monitoring',
    lazyRouteComponent(() => import('./monitoring/page'), 'MonitoringPage'),
  ),
  page(
    '/monitoring/$model',
    lazyRouteComponent(() => import('./monitoring/model'), 'MonitorPage'),
  ),
  page(
    '/operations',
    lazyRouteComponent(() => import('./operations/page'), 'OperationsPage'),
  ),
]);

export const router = createRouter({
  routeTree: routes,
  defaultPreload: 'intent',
  defaultErrorComponent: BrokenPage,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
