import { Context } from '@temporalio/activity';
import type { IdempotencyKey, RunId, Tenant } from '../../../domain/ids';
import type { LogRecords } from './keep-logs';

/**
 * Records in the events of the run why a job starts again. A failed write is only logged, because
 * it must not fail the job. An attempt that dies in between may record it twice.
 */
export function restartRecorder(
  { events }: Pick<LogRecords, 'events'>,
  {
    tenant,
    runId,
    key,
  }: { readonly tenant: Tenant; readonly runId: RunId; readonly key: IdempotencyKey },
): (reason: string) => Promise<void> {
  const { log } = Context.current();
  return async (reason) => {
    log.info('a job starts again', { job: key, reason });
    try {
      await events.append({
        tenant,
        runId,
        kind: 'job.restarted',
        stage: key.split('/')[1],
        data: { job: key, reason },
      });
    } catch (error) {
      log.warn('could not record why a job starts again', { reason: (error as Error).message });
    }
  };
}
