import type { Arrow } from './room-graph';

/**
 * The rooms of a layer import one way. These arrows close circles today; each cut shortens the list,
 * and none may be added.
 */
export const exceptions = {
  domain: [
    'budget ► lifecycle',
    'dataset ► lifecycle',
    'dataset ► training',
    'decision ► lifecycle',
    'document ► dataset',
    'evaluation ► decision',
    'evaluation ► rollout',
    'index ► lifecycle',
    'language ► lifecycle',
    'lifecycle ► run',
    'prompt ► language',
    'prompt ► lifecycle',
    'prompt-search ► lifecycle',
    'provider ► lifecycle',
    'rollout ► lifecycle',
    'safety ► language',
    'safety ► lifecycle',
  ],
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
    'decision ► model',
    'lifecycle ► model',
    'route-deps ► model',
    'route-deps ► run',
    'run ► lifecycle',
  ],
} as const satisfies Readonly<Record<string, readonly Arrow[]>>;
