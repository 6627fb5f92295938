import { failure, isPerennialError } from '../../domain/failure';

/**
 * LanceDB tells its errors by words alone. What is not a missing table is the storage's, and may be
 * better the next time.
 */
export async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isPerennialError(cause)) throw cause;
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    if (/was not found|does not exist|not found:/i.test(message) && !/bucket/i.test(message))
      throw failure('NotFound', `could not ${what}: it is not there`, {
        cause,
        next: 'build the index again',
      });
    throw failure('StorageUnavailable', `could not ${what}: ${message.slice(0, 300)}`, { cause });
  }
}
