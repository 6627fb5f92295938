import { createContext, Script } from 'node:vm';

/** The work's value, or that it was given up. What the work throws is thrown. */
export type TimeLimit = <T>(
  milliseconds: number,
  work: () => T,
) => { readonly kind: 'done'; readonly value: T } | { readonly kind: 'late' };

/**
 * For work that waits for nothing. V8 tries alternatives without end on patterns such as `(a+)+$`, and nothing but its own time limit stops it; the limit holds for what is called from a
 * script too. Made once by whoever needs it: a context takes a millisecond.
 */
export function createTimeLimit(): TimeLimit {
  const idle = () => undefined;
  const context = createContext({ work: idle });
  const script = new Script('work()');

  return <T>(milliseconds: number, work: () => T) => {
    Object.assign(context, { work });
    try {
      return { kind: 'done', value: script.runInContext(context, { timeout: milliseconds }) as T };
    } catch (error) {
      if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
        return { kind: 'late' };
      throw error;
    } finally {
      Object.assign(context, { work: idle });
    }
  };
}
