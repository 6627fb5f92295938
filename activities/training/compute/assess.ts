import { formatByteSize } from '../../../domain/byte-size';
import type { JobResult } from '../../../domain/training/job';
import type { JobError } from './job-files.schema';
import type { ProcessExit } from './local/job-directory';

/** The state of a job's files and processes at one moment. */
export interface JobObservation {
  readonly cancelled: boolean;
  readonly attempt: { readonly number: number; readonly ownerAlive: boolean } | null;
  /** The process of the newest attempt. */
  readonly process: { readonly alive: boolean; readonly hostAlive: boolean } | null;
  readonly exit: ProcessExit | null;
  readonly result: JobResult | 'invalid' | null;
  readonly error: JobError | null;
}

export type Assessment =
  | { readonly kind: 'queued'; readonly reason?: string }
  | { readonly kind: 'running' | 'cancelled' }
  | { readonly kind: 'succeeded'; readonly result: JobResult }
  | {
      readonly kind: 'failed';
      readonly failure: 'JobFailed' | 'JobTimeout' | 'JobOutOfMemory' | 'JobWithoutResult';
      readonly message: string;
    }
  /** Ended without a result and not by its own failure; the next submit continues it. */
  | { readonly kind: 'lost'; readonly message: string; readonly isMachineLost?: true };

/** The state of a job. Each process that reads the same files gives the same answer. */
export function assessJob(seen: JobObservation): Assessment {
  const gone = seen.process !== null && !seen.process.alive;
  if (seen.cancelled) return { kind: 'cancelled' };
  if (seen.exit !== null) return assessExit(seen.exit, seen);
  if (seen.process === null) {
    return seen.attempt?.ownerAlive === true
      ? { kind: 'queued' }
      : toLost('its worker stopped before the job began');
  }
  // A living host will write how its job ended.
  if (seen.process.hostAlive) return { kind: 'running' };
  if (gone && seen.result !== null && seen.result !== 'invalid')
    return { kind: 'succeeded', result: seen.result };
  return toLost('its process ended with the worker or the warm Python parent that ran it');
}

function assessExit(exit: ProcessExit, seen: JobObservation): Assessment {
  if (exit.limit?.kind === 'JobOutOfMemory') {
    const { used, allowed } = exit.limit;
    return toFailed(
      'JobOutOfMemory',
      `used ${mebibytes(used)} of memory; this attempt had ${formatByteSize(allowed)}`,
    );
  }
  if (exit.limit?.kind === 'JobTimeout') {
    return toFailed(
      'JobTimeout',
      `ran for ${exit.limit.used} s; compute.timeout allows ${exit.limit.allowed} s`,
    );
  }
  if (exit.code === 0) {
    if (seen.result === null)
      return toFailed('JobWithoutResult', 'ended with exit code 0 but wrote no result.json');
    if (seen.result === 'invalid')
      return toFailed(
        'JobWithoutResult',
        'wrote a result.json that does not match { metrics: numbers, facts }',
      );
    return { kind: 'succeeded', result: seen.result };
  }
  if (exit.reason !== undefined) return toLost(exit.reason);
  if (exit.signal === 'SIGTERM' || exit.code === 128 + 15)
    return toLost('was stopped by SIGTERM before its end');
  if (exit.signal === 'SIGKILL')
    return toLost('was killed by another process, perhaps because the machine ran out of memory');
  if (seen.error !== null) return toFailed('JobFailed', seen.error.message);
  return toFailed(
    'JobFailed',
    exit.signal === null ? `ended with exit code ${exit.code}` : `was ended by ${exit.signal}`,
  );
}

function toFailed(
  failure: 'JobFailed' | 'JobTimeout' | 'JobOutOfMemory' | 'JobWithoutResult',
  message: string,
): Assessment {
  return { kind: 'failed', failure, message };
}

function toLost(message: string): Assessment {
  return { kind: 'lost', message };
}

/** Rounded up, so that a job which used a little too much is not said to have used its limit. */
function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}MiB`;
}
