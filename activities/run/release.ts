import type { RunId, Tenant } from '../../domain/ids';
import type { ArtifactStore } from '../../data/artifact/store';

/** What can forget everything that it keeps for a run. */
export interface JobKeeper {
  /** Ends the run's jobs and removes their directories; fine when there are none. */
  cleanup(jobIdPrefix: string): Promise<void>;
}

/**
 * What an ended run may have left: jobs, job directories, unfinished uploads (I7). Nothing left is
 * fine, so it may be repeated. A backend that is away fails the attempt and keeps nothing else from
 * being released.
 */
export function createReleaseActivities({
  artifacts,
  jobs,
}: {
  readonly artifacts: ArtifactStore;
  readonly jobs: readonly JobKeeper[];
}) {
  return {
    async releaseRun({
      tenant,
      runId,
    }: {
      readonly tenant: Tenant;
      readonly runId: RunId;
    }): Promise<void> {
      const cleaned = await Promise.allSettled(jobs.map((keeper) => keeper.cleanup(`${runId}/`)));
      // After the jobs, which may be uploading until they have ended.
      await artifacts.staging.clear({ tenant, runId });
      const away = cleaned.find((each) => each.status === 'rejected');
      if (away) throw away.reason;
    },
  };
}
