import { createIndexBuildActivities } from './build';
import { createIndexChangeActivities } from './changes';
import { createIndexParityActivities } from './parity';
import type { IndexDeps } from './version';

/**
 * All index activities. Parts for language models are opened on first use, so this works on a
 * machine without them.
 */
export function createIndexActivities(deps: IndexDeps) {
  return {
    ...createIndexBuildActivities(deps),
    ...createIndexChangeActivities(deps),
    ...createIndexParityActivities(deps),
  };
}

export type IndexActivities = ReturnType<typeof createIndexActivities>;
