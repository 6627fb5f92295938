import { failure, isPerennialError } from '../../domain/failure';

/**
 * Map errors of LanceDB, which have only a message: a missing table is NotFound, and everything
 * else is StorageUnavailable, which is retryable.
 */
export async function withStoreFailures<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isPerennialError(cause)) throw cause;
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    if (/was not found|does not exist|not found:/i.test(message) && !/bucket/i.test(message))
      throw failure('NotFound', `could not ${what}: it does not exist`, {
        cause,
        next: 'build the index again',
      });
    throw failure('StorageUnavailable', `could not ${what}: ${message.slice(0, 300)}`, { cause });
  }
}
