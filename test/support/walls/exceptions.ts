import type { Arrow } from './room-graph';

/**
 * The rooms of a layer import one way. These arrows close circles today; each cut shortens the list,
 * and none may be added.
 */
export const exceptions = {
  domain: [
    'budget ► language',
    'dataset ► lifecycle',
    'decision ► lifecycle',
    'document ► dataset',
    'evaluation ► decision',
    'evaluation ► rollout',
    'incident ► serving',
    'language ► project',
    'language ► prompt-search',
    'lifecycle ► language',
    'lifecycle ► monitoring',
    'lifecycle ► project',
    'lifecycle ► retraining',
    'lifecycle ► rollout',
    'lifecycle ► run',
    'model ► dataset',
    'model ► lifecycle',
    'model ► rollout',
    'prompt ► language',
    'retraining ► monitoring',
    'rollout ► language',
    'safety ► language',
  ],
  db: [
    'access ► audit',
    'alias ► index',
    'model ► alias',
    'notification ► lifecycle',
    'rollout ► alias',
    'rollout ► language',
    'run ► artifact',
    'run ► decision',
    'run ► lifecycle',
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
