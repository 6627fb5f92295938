import type { Arrow } from './room-graph';

/**
 * The rooms of a layer import one way. These arrows close circles today; each cut shortens the list,
 * and none may be added.
 */
export const exceptions = {
  domain: [],
  db: [
    'access ► audit',
    'alias ► index',
    'lifecycle ► alias',
    'lifecycle ► run',
    'model ► alias',
    'notification ► lifecycle',
    'rollout ► alias',
    'rollout ► language',
    'run ► artifact',
    'run ► decision',
    'serving ► rollout',
  ],
  'apps/api': [
    'auth ► access',
    'auth ► tracking',
    'decision ► lifecycle',
    'decision ► model',
    'route-deps ► model',
    'route-deps ► run',
    'run ► lifecycle',
  ],
} as const satisfies Readonly<Record<string, readonly Arrow[]>>;
