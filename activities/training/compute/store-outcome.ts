/** How every backend ends a job: its log and its outputs are stored, then its outcome. */
import type { ArtifactStore } from '../../../data/artifact/store';
import type { ArtifactRef } from '../../../domain/artifact';
import type { JobOutput, JobState } from '../../../domain/training/job';
import type { Assessment } from './assess';
import { boundedMessage, readRunId, type JobFile, type JobOutcome } from './job-file';

export interface EndedAttempt {
  readonly job: JobFile;
  readonly attempt: number;
  readonly state: Extract<Assessment, { readonly kind: 'succeeded' | 'failed' }>;
  readonly storeLog: () => Promise<ArtifactRef>;
  readonly storeOutputs: () => Promise<readonly JobOutput[]>;
  /** The memory that the attempt had. */
  readonly readMemoryBytes: () => Promise<number>;
}

/** Stores the log and the outputs. A second call for the same attempt has the same outcome. */
export async function buildOutcome({
  job,
  attempt,
  state,
  storeLog,
  storeOutputs,
  readMemoryBytes,
}: EndedAttempt): Promise<JobOutcome> {
  const hasLog = state.kind === 'failed' || job.keepLog !== 'whenFailed';
  const logs = hasLog ? await storeLog() : null;
  if (state.kind === 'succeeded') {
    const outputs = await storeOutputs();
    return { attempt, kind: 'succeeded', result: state.result, outputs, logs };
  }
  const ranOut = state.failure === 'JobOutOfMemory';
  return {
    attempt,
    kind: 'failed',
    failure: state.failure,
    message: boundedMessage(state.message),
    logs,
    ...(ranOut && { memoryBytes: await readMemoryBytes() }),
  };
}

/** Stores the log of a job, which the caller has redacted. */
export function storeLogText(
  artifacts: Pick<ArtifactStore, 'putBytes'>,
  job: JobFile,
  text: string,
): Promise<ArtifactRef> {
  return artifacts.putBytes({
    tenant: job.tenant,
    runId: readRunId(job),
    bytes: Buffer.from(text),
    mediaType: 'text/plain; charset=utf-8',
  });
}

/** A job that ended without its own fault. The next submit continues it, if there is a next. */
export function reportLost(message: string, logs: ArtifactRef | null = null): LostJob {
  return { kind: 'failed', failure: 'JobLost', message, logs };
}

type LostJob = Extract<JobState, { readonly kind: 'failed' }>;
