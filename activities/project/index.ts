import { createProjectStageActivities } from './stage';
import type { ProjectStageDeps } from './stage-context';

export type ProjectActivities = ReturnType<typeof createProjectActivities>;

/** The activities on the queue of a project. */
export function createProjectActivities(deps: ProjectStageDeps) {
  return { ...createProjectStageActivities(deps) };
}
