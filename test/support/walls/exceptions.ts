import type { Arrow } from './room-graph';

/**
 * The rooms of a layer import one way. These arrows close circles today; each cut shortens the list,
 * and none may be added.
 */
export const exceptions = {
  domain: [],
  db: [],
  'apps/api': [
    'auth ► access',
    'decision ► lifecycle',
    'decision ► model',
    'route-deps ► auth',
    'route-deps ► model',
    'route-deps ► run',
    'run ► lifecycle',
  ],
} as const satisfies Readonly<Record<string, readonly Arrow[]>>;
