import type { EngineJobEnd, EngineJobState } from '../remote/engine';
import { excerpt } from '../engine-request';
import type { RayJob } from './answers.schema';

export function toRayState(job: RayJob): EngineJobState {
  switch (job.status) {
    case 'PENDING':
      return { kind: 'queued', ...(job.message && { reason: excerpt(job.message, []) }) };
    case 'RUNNING':
      return { kind: 'running' };
    case 'SUCCEEDED':
      return toEnded('succeeded', 'exit code 0');
    case 'STOPPED':
      return toEnded('cancelled', 'stopped');
    case 'FAILED':
      return toFailureState(job);
  }
}

/** How a failed job ended, by the error types of Ray's `JobErrorType`. */
const ends: Readonly<Record<string, EngineJobEnd>> = {
  RUNTIME_ENV_SETUP_FAILURE: 'refused',
  JOB_ENTRYPOINT_COMMAND_START_ERROR: 'refused',
  JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE: 'refused',
  // Ray gives a job 900 seconds to start (RAY_JOB_START_TIMEOUT_SECONDS). The cluster was busy,
  // which is not the fault of the job.
  JOB_SUPERVISOR_ACTOR_START_TIMEOUT: 'nodeLost',
  JOB_SUPERVISOR_ACTOR_START_FAILURE: 'nodeLost',
  JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE: 'nodeLost',
  JOB_SUPERVISOR_ACTOR_DIED: 'nodeLost',
  JOB_ENTRYPOINT_COMMAND_ERROR: 'failed',
};

function toFailureState(job: RayJob): EngineJobState {
  const message = job.message ?? '';
  if (typeof job.driver_exit_code === 'number')
    return toEnded('failed', exitMessage(job.driver_exit_code));
  const reason = excerpt(message, []);
  // Ray's memory monitor and its notice of preempted nodes are known by their words only. Its
  // message for any killed worker names the OOM killer as a possible cause.
  if (/low on memory|NODE_OUT_OF_MEMORY/.test(message)) return toEnded('outOfMemory', reason);
  if (/node was preempted: True|forcibly preempted|DRAIN_PREEMPTED/i.test(message))
    return toEnded('preempted', reason);
  const end = ends[job.error_type ?? ''] ?? (/node/i.test(message) ? 'nodeLost' : 'failed');
  return toEnded(end, reason === '' ? (job.error_type ?? 'failed') : reason);
}

/** A negative code is the number of the signal that ended the program. */
function exitMessage(code: number): string {
  if (code >= 0) return `exit code ${code}`;
  const memory = code === -9 ? ', as when its node has no memory left' : '';
  return `ended by signal ${-code}${memory}`;
}

function toEnded(end: EngineJobEnd, message: string): EngineJobState {
  return { kind: 'ended', end, message };
}

/** Ray's start is when it begins to set up the environment of the job, on its node. */
export function withRayTimes(
  state: EngineJobState,
  { start_time: start, end_time: end }: RayJob,
): EngineJobState {
  if (state.kind === 'queued' || state.kind === 'unknown' || !start) return state;
  const startedAt = new Date(start).toISOString();
  if (state.kind === 'running' || !end) return { ...state, startedAt };
  return { ...state, startedAt, endedAt: new Date(end).toISOString() };
}
