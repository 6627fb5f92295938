import { createIndexBuildActivities } from './build';
import { createIndexChangeActivities } from './changes';
import { createIndexParityActivities } from './parity';
import type { IndexDeps } from './version';

/**
 * Everything that workflows may ask about indexes. Nothing is opened before it is needed: a machine
 * without the parts for language models has these too.
 */
export function createIndexActivities(deps: IndexDeps) {
  return {
    ...createIndexBuildActivities(deps),
    ...createIndexChangeActivities(deps),
    ...createIndexParityActivities(deps),
  };
}

export type IndexActivities = ReturnType<typeof createIndexActivities>;
