import type { EngineJobEnd, EngineJobState } from '../remote/engine';
import type { SlurmJob } from './answers.schema';

/**
 * Reasons of a waiting job that do not pass while configuration and job stay as they are. Limits
 * per job are among them; limits on all jobs of a user or account pass when other jobs end.
 */
const lastingReasons: ReadonlySet<string> = new Set([
  'BadConstraints',
  'PartitionNodeLimit',
  'PartitionTimeLimit',
  'InvalidAccount',
  'InvalidQOS',
  'AccountNotAllowed',
  'QOSNotAllowed',
  'DependencyNeverSatisfied',
  'ReservationDeleted',
]);
const lastingLimit =
  /^(?:(?:Assoc|QOS)Max[A-Za-z]+Per(?:Job|Node)(?:Limit)?|QOSMin[A-Za-z]+|MaxMemPerLimit)$/;

/** The job waits for what this cluster does not have. */
export function canNeverStart({ job_state, state_reason }: SlurmJob): boolean {
  const hasWaited = job_state.includes('PENDING') || job_state.includes('CANCELLED');
  return (hasWaited || job_state.includes('FAILED')) && isLasting(state_reason);
}

/** The job waits or has processes. */
export function isOpen({ job_state: state }: SlurmJob): boolean {
  return ['PENDING', 'RUNNING', 'SUSPENDED', 'STOPPED'].some((open) => state.includes(open));
}

/**
 * A state of Slurm is one base state and flags. A job is ended when its processes are gone.
 * @param killedByMemory whether the job's log says that Slurm ended it for its use of memory
 */
export function toJobState(job: SlurmJob, killedByMemory: boolean): EngineJobState {
  const { job_state: state, state_reason: reason } = job;
  const has = (flag: string): boolean => state.includes(flag);
  if (canNeverStart(job)) return toEnded('refused', `Slurm can never start the job: ${reason}`);
  if (has('NODE_FAIL')) return toEnded('nodeLost', `node ${job.nodes} failed`);
  if (has('BOOT_FAIL') || has('LAUNCH_FAILED') || has('RECONFIG_FAIL'))
    return toEnded('nodeLost', `node ${job.nodes} could not start the job (${reason})`);
  if (has('COMPLETING')) return { kind: 'running' };
  if (has('PENDING')) return { kind: 'queued', ...(reason !== 'None' && { reason }) };
  if (has('CONFIGURING') || has('POWER_UP_NODE'))
    return { kind: 'queued', reason: `node ${job.nodes} is starting` };
  if (has('RUNNING') || has('SUSPENDED') || has('STOPPED')) return { kind: 'running' };
  if (has('COMPLETED')) return toEnded('succeeded', 'exit code 0');
  if (has('PREEMPTED')) return toEnded('preempted', 'a job of higher priority preempted it');
  if (has('TIMEOUT')) return toEnded('timeout', `time limit of ${minutes(job)} exceeded`);
  if (has('DEADLINE')) return toEnded('timeout', 'deadline reached');
  if (has('OUT_OF_MEMORY'))
    return toEnded('outOfMemory', `memory limit of ${memory(job)} exceeded`);
  if (has('CANCELLED')) return toEnded('cancelled', 'cancelled');
  if (has('REVOKED')) return toEnded('refused', 'another cluster of the federation took the job');
  if (has('FAILED')) return toFailed(job, killedByMemory);
  return { kind: 'queued', reason: `state ${state.join(' ')}` };
}

/** Adds the times by which Slurm's accounting counts the job's CPUs. */
export function withSlurmTimes(state: EngineJobState, job: SlurmJob): EngineJobState {
  const { start_time: start, end_time: end } = job;
  // A job that never started has 0, or the end as its start.
  if (state.kind === 'queued' || state.kind === 'unknown' || !start) return state;
  const startedAt = new Date(start * 1000).toISOString();
  if (state.kind === 'running') return { ...state, startedAt };
  if (!end || end < start) return state;
  return { ...state, startedAt, endedAt: new Date(end * 1000).toISOString() };
}

/** Signal with which Slurm ends a job whose log file it cannot open. */
const unwritableLog = 53;

function toFailed(job: SlurmJob, killedByMemory: boolean): EngineJobState {
  const { return_code: code, signal } = job.exit_code;
  if (signal.id === unwritableLog)
    return toEnded('refused', `the log file could not be written on node ${job.nodes}`);
  if (killedByMemory) return toEnded('outOfMemory', `memory limit of ${memory(job)} exceeded`);
  if (signal.id !== null) return toEnded('failed', `ended by signal ${signal.name || signal.id}`);
  if (code !== null && code > 0) return toEnded('failed', `exit code ${code}`);
  return toEnded('nodeLost', `node ${job.nodes} could not run the job (${job.state_reason})`);
}

function isLasting(reason: string): boolean {
  return lastingReasons.has(reason) || lastingLimit.test(reason);
}

function toEnded(end: EngineJobEnd, message: string): EngineJobState {
  return { kind: 'ended', end, message };
}

function minutes({ time_limit: limit }: SlurmJob): string {
  return limit === null ? 'the partition' : `${limit} min`;
}

function memory({ memory_per_node: limit }: SlurmJob): string {
  return limit === null ? 'the node' : `${limit} MiB`;
}
