import type { RunId, Tenant } from '../../domain/ids';
import type { ArtifactStore } from '../../data/artifact/store';

/** A compute backend, which keeps jobs and their directories for a run. */
export interface JobKeeper {
  /** Ends the run's jobs and removes their directories, if there are any. */
  cleanup(jobIdPrefix: string, tenant: Tenant): Promise<void>;
}

/**
 * Removes what an ended run may have left: jobs, job directories and unfinished uploads (I7).
 * Idempotent. An unavailable backend fails the attempt after everything else is removed.
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
      const cleaned = await Promise.allSettled(
        jobs.map((keeper) => keeper.cleanup(`${runId}/`, tenant)),
      );
      // Uploads last, because a job may upload until it has ended.
      await artifacts.staging.clear({ tenant, runId });
      const away = cleaned.find((each) => each.status === 'rejected');
      if (away) throw away.reason;
    },
  };
}
