import { Context } from '@temporalio/activity';
import type { IdempotencyKey, RunId, Tenant } from '../../../domain/ids';
import type { JobMetric } from '../../../domain/training/job';
import type { LogRecords } from './keep-logs';

const eventsMs = 2_000;

/**
 * Appends the newest value of each metric of a job as an event, at most every 2 s. A failed write
 * is only logged, because it must not fail the job.
 */
export function metricsReporter(
  { events }: Pick<LogRecords, 'events'>,
  {
    tenant,
    runId,
    key,
    kind,
    source,
  }: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly key: IdempotencyKey;
    readonly kind: 'train.metrics' | 'step.metrics';
    /** The program that reports them. */
    readonly source: { readonly trainer: string } | { readonly step: string };
  },
): (metrics: readonly JobMetric[]) => Promise<void> {
  const { log } = Context.current();
  let reportedAt = 0;
  let reported = '';
  return async (metrics) => {
    const newest = [...new Map(metrics.map((metric) => [metric.name, metric])).values()];
    const text = JSON.stringify(newest);
    if (newest.length === 0 || text === reported || Date.now() - reportedAt < eventsMs) return;
    reportedAt = Date.now();
    reported = text;
    try {
      // The stage is in the key: the winner is trained in `tune`, the baseline in `evaluate`.
      const stage = key.split('/')[1];
      await events.append({
        tenant,
        runId,
        kind,
        stage,
        data: { ...source, job: key, metrics: newest },
      });
    } catch (error) {
      log.warn('could not record the metrics of a job', { reason: (error as Error).message });
    }
  };
}
