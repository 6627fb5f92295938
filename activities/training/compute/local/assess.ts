import type { JobResult } from '../../../../domain/training/job';
import type { JobError } from '../job-files.schema';
import type { Exit } from './job-directory';

/** What a look at a job's files and processes found. */
export interface Observed {
  readonly cancelled: boolean;
  readonly attempt: { readonly number: number; readonly ownerAlive: boolean } | null;
  /** Of the newest attempt. */
  readonly process: { readonly alive: boolean; readonly hostAlive: boolean } | null;
  readonly exit: Exit | null;
  readonly result: JobResult | 'invalid' | null;
  readonly error: JobError | null;
}

export type Assessment =
  | { readonly kind: 'queued' | 'running' | 'cancelled' }
  | { readonly kind: 'succeeded'; readonly result: JobResult }
  | {
      readonly kind: 'failed';
      readonly failure: 'JobFailed' | 'JobTimeout' | 'JobOutOfMemory' | 'JobWithoutResult';
      readonly message: string;
    }
  /**
   * Over without a result through no fault of its own: submitting it again goes on from its
   * checkpoint.
   */
  | { readonly kind: 'lost'; readonly message: string };

/** Where a job stands. Any process that looks at the same files comes to the same answer. */
export function assess(seen: Observed): Assessment {
  const gone = seen.process !== null && !seen.process.alive;
  if (seen.cancelled) return { kind: 'cancelled' };
  if (seen.exit !== null) return assessExit(seen.exit, seen);
  if (seen.process === null) {
    return seen.attempt?.ownerAlive === true
      ? { kind: 'queued' }
      : lost('its worker ended before the job began');
  }
  // A living host is about to say how its job ended.
  if (seen.process.hostAlive) return { kind: 'running' };
  if (gone && seen.result !== null && seen.result !== 'invalid')
    return { kind: 'succeeded', result: seen.result };
  return lost(
    'its process ended together with the worker, or with the warm Python parent, that ran it',
  );
}

function assessExit(exit: Exit, seen: Observed): Assessment {
  if (exit.limit?.kind === 'JobOutOfMemory') {
    return failed(
      'JobOutOfMemory',
      `used ${mebibytes(exit.limit.used)} of memory; ${mebibytes(exit.limit.allowed)} are allowed (compute.memory)`,
    );
  }
  if (exit.limit?.kind === 'JobTimeout') {
    return failed(
      'JobTimeout',
      `ran for ${exit.limit.used} s; ${exit.limit.allowed} s are allowed (compute.timeout)`,
    );
  }
  if (exit.code === 0) {
    if (seen.result === null)
      return failed('JobWithoutResult', 'ended with exit code 0 and left no result.json');
    if (seen.result === 'invalid')
      return failed(
        'JobWithoutResult',
        'left a result.json that is not { metrics: numbers, facts }',
      );
    return { kind: 'succeeded', result: seen.result };
  }
  if (exit.reason !== undefined) return lost(exit.reason);
  if (exit.signal === 'SIGTERM' || exit.code === 128 + 15)
    return lost('was asked to stop before its end');
  if (exit.signal === 'SIGKILL')
    return lost('was killed from outside, perhaps because the machine ran out of memory');
  if (seen.error !== null) return failed('JobFailed', seen.error.message);
  return failed(
    'JobFailed',
    exit.signal === null ? `ended with exit code ${exit.code}` : `died of ${exit.signal}`,
  );
}

function failed(
  failure: 'JobFailed' | 'JobTimeout' | 'JobOutOfMemory' | 'JobWithoutResult',
  message: string,
): Assessment {
  return { kind: 'failed', failure, message };
}

function lost(message: string): Assessment {
  return { kind: 'lost', message };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
