import { createContext, Script } from 'node:vm';

/** The work's value, or that it was given up. */
export type Limited<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'late' };

const idle = () => undefined;
const context = createContext({ work: idle });
const script = new Script('work()');

/**
 * For work that waits for nothing; what it throws is thrown. V8 tries alternatives without end on
 * patterns such as `(a+)+$`, and nothing but its own time limit stops it; the limit holds for what
 * is called from a script too.
 */
export function withinTime<T>(milliseconds: number, work: () => T): Limited<T> {
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
 * For a pattern, or a schema with many of them: what needs longer on one text takes exponential
 * time. By the clock, and a busy machine takes some of it for others: of a tenth of this all, once,
 * from a pattern of eight characters.
 */
export const patternMs = 1000;
