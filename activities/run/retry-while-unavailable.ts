import { Context } from '@temporalio/activity';
import { isPerennialError, type FailureType } from '../../domain/failure';

const servers: readonly FailureType[] = [
  'StorageUnavailable',
  'DatabaseUnavailable',
  'DatabaseBusy',
];
/**
 * Restarts take seconds. After that the attempt fails, and the run shows what it waits for (I12).
 */
const patienceMs = 60_000;
const firstPauseMs = 250;
const maxPauseMs = 5_000;

/**
 * Retries while the registry or the artifact store is unavailable. The attempts of the activity are
 * meant for lost jobs and must not be used up by this.
 */
export async function retryWhileUnavailable<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const until = Date.now() + patienceMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isPerennialError(error) || !servers.includes(error.type) || Date.now() + pauseMs > until)
        throw error;
      context.log.warn('a server is unavailable; retrying', { reason: error.message });
      await context.sleep(pauseMs);
    }
  }
}
