import { createContext, Script } from 'node:vm';

/** The value of the work, or that it exceeded its time limit. */
export type TimedResult<T> =
  { readonly kind: 'done'; readonly value: T } | { readonly kind: 'late' };

const idle = () => undefined;
const context = createContext({ work: idle });
const script = new Script('work()');

/**
 * Runs synchronous work under a time limit and rethrows its errors. Only the time limit of V8's
 * scripts can stop a regular expression such as `(a+)+$`, so a script calls the work.
 */
export function runWithTimeLimit<T>(milliseconds: number, work: () => T): TimedResult<T> {
  Object.assign(context, { work });
  try {
    return { kind: 'done', value: script.runInContext(context, { timeout: milliseconds }) as T };
  } catch (error) {
    if (
      typeof error === 'object' &&
      error !== null &&
      'code' in error &&
      error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    )
      return { kind: 'late' };
    throw error;
  } finally {
    Object.assign(context, { work: idle });
  }
}

/**
 * Limit for matching one text against a pattern, or a schema with patterns. Longer means
 * exponential time. It is wall-clock time: on a busy machine, an eight-character pattern once used
 * a tenth of it.
 */
export const patternTimeLimitMs = 1000;
