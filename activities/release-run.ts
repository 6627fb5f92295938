import type { RunId, Tenant } from '../domain/ids';
import type { ArtifactStore } from '../data/artifacts/store';

/** What can forget everything that it keeps for a run. */
export interface JobKeeper {
  /** Ends the run's jobs and removes their directories; fine when there are none. */
  cleanup(jobIdPrefix: string): Promise<void>;
}

/** What an ended run may have left: jobs, job directories, unfinished uploads (I7). Nothing left is fine, so it may be repeated. */
export function createReleaseActivities({ artifacts, jobs }: { readonly artifacts: ArtifactStore; readonly jobs: readonly JobKeeper[] }) {
  return {
    async releaseRun({ tenant, runId }: { readonly tenant: Tenant; readonly runId: RunId }): Promise<void> {
      for (const keeper of jobs) await keeper.cleanup(`${runId}/`);
      await artifacts.staging.clear({ tenant, runId });
    },
  };
}
