import { Context } from '@temporalio/activity';
import { isPerennialError, type FailureType } from '../../domain/failure';

const servers: readonly FailureType[] = [
  'StorageUnavailable',
  'DatabaseUnavailable',
  'DatabaseBusy',
];
/**
 * Restarts take seconds. After that the attempt fails, so that the run says what it waits for
 * (I12).
 */
const patienceMs = 60_000;
const firstPauseMs = 250;
const longestPauseMs = 5_000;

/**
 * Tries again while the registry or the artifact store is away: how often an attempt may fail is
 * for lost jobs, which those have nothing to do with.
 */
export async function outlast<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const until = Date.now() + patienceMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isPerennialError(error) || !servers.includes(error.type) || Date.now() + pauseMs > until)
        throw error;
      context.log.warn('a server is away', { reason: error.message });
      await context.sleep(pauseMs);
    }
  }
}
