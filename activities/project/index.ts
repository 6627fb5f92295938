import { createStageMapActivities } from './map';
import { createProjectStageActivities, createStageRunner } from './stage';
import type { ProjectStageDeps } from './stage-context';

export type ProjectActivities = ReturnType<typeof createProjectActivities>;

/** The activities on the queue of a project. */
export function createProjectActivities(deps: ProjectStageDeps) {
  const runner = createStageRunner(deps);
  return {
    ...createProjectStageActivities(deps, runner),
    ...createStageMapActivities(deps, runner),
  };
}
