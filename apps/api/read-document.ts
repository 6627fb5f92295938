import type { TimedResult } from '../../data/time-limit';
import { failure } from '../../domain/failure';

/** Includes starting the thread, which takes seconds on a busy machine. */
export const readTimeLimitMs = 30_000;

/**
 * The result of reading a caller's documents in another thread. A short text can take long, too,
 * so none is read on the event loop.
 * @throws InvalidInput if that takes longer than thirty seconds.
 */
export function requireInTime<T>(fileName: string, outcome: TimedResult<T>): T {
  if (outcome.kind === 'done') return outcome.value;
  const detail = `${fileName} and the files it names could not be read within ${readTimeLimitMs / 1000} s`;
  throw failure('InvalidInput', detail, {
    issues: [{ pointer: '', file: fileName, detail }],
    next: 'reduce the document: fewer keys, fewer cases, simpler JSON Schemas',
  });
}
