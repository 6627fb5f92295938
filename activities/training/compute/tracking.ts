/** The access of a job to the tracking API. */
import type { JobFile } from './job-file';

export interface JobTracking {
  /** The address of the API for jobs that have the network of this machine. */
  readonly url: string;
  /** Where connections of other jobs are carried to (trainers/runtime/confinement/relay.py). */
  readonly host: string;
  readonly port: number;
  /** Null when the job gets no access, for a reason that is logged. */
  grantAccess(job: {
    readonly tenant: string;
    readonly runId: string;
    readonly timeoutSeconds: number;
  }): Promise<{ readonly token: string; readonly experiment: string } | null>;
}

/** What the host sets for MLflow in the process of a job. */
export interface TrackingOrder {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly experiment: string;
}

/**
 * Steps, commands, and trainers with packages of their own may use MLflow. Null for other jobs. The
 * access lasts for `timeoutSeconds`.
 */
export async function openTracking(
  file: JobFile,
  tracking: JobTracking | null,
  timeoutSeconds = file.resources.timeoutSeconds,
): Promise<TrackingOrder | null> {
  const runId = /^run_[0-9a-z]+/.exec(file.id)?.[0];
  if (tracking === null || runId === undefined || ('trainer' in file && !file.environment))
    return null;
  const { url, host, port } = tracking;
  const access = await tracking.grantAccess({ tenant: file.tenant, runId, timeoutSeconds });
  return access && { url, host, port, ...access };
}
