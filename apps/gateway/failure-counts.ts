import { withTimeout } from '../../data/timeout';
import type { FailedRequests, GatewayRepository } from '../../db/serving/gateway-repository';

/**
 * Counts the rows that a champion failed to answer, and reports them to its monitor, which counts the
 * rows of the prediction log. The log does not hold them. A process that is killed loses the counts of
 * a few seconds.
 */
export interface FailureCounts {
  add(failed: Pick<FailedRequests, 'tenant' | 'model' | 'version'>, rows: number): void;
  /** Reports what was counted until now. */
  stop(): Promise<void>;
}

export interface FailureCountsOptions {
  readonly gateways: Pick<GatewayRepository, 'reportFailures'>;
  /** Of this gateway. */
  readonly id: string;
  readonly everyMs: number;
  readonly onError: (error: unknown) => void;
}

/** Time for the last report. */
const reportMs = 3_000;
const away = {
  type: 'DatabaseUnavailable',
  message: 'the registry did not take the numbers of failed requests',
} as const;
const hourMs = 3_600_000;
/** Hours that could not be reported for longer are dropped. */
const hoursKept = 24;

export function startFailureCounts({
  gateways,
  id,
  everyMs,
  onError,
}: FailureCountsOptions): FailureCounts {
  const counts = new Map<string, FailedRequests & { readonly isReported: boolean }>();
  let reporting: Promise<void> | null = null;

  /** Whole hours are reported, so that a report that failed is repeated by the next. */
  async function report(): Promise<void> {
    const oldest = new Date(Date.now() - hoursKept * hourMs).toISOString();
    for (const [key, { hour, isReported }] of counts)
      if (hour < oldest || (isReported && hour < hourNow())) counts.delete(key);
    const news = [...counts].filter(([, { isReported }]) => !isReported);
    if (news.length === 0) return;
    const failures = news.map(([, { isReported: _, ...failed }]) => failed);
    await gateways.reportFailures({ id, failures });
    for (const [key, { failed }] of news) {
      const now = counts.get(key);
      if (now?.failed === failed) counts.set(key, { ...now, isReported: true });
    }
  }

  function reportOnce(): Promise<void> {
    reporting ??= report()
      .catch(onError)
      .finally(() => (reporting = null));
    return reporting;
  }

  const timer = setInterval(() => void reportOnce(), everyMs);
  timer.unref();

  return {
    add({ tenant, model, version }, rows) {
      const hour = hourNow();
      const key = JSON.stringify([tenant, model, version, hour]);
      const failed = (counts.get(key)?.failed ?? 0) + rows;
      counts.set(key, { tenant, model, version, hour, failed, isReported: false });
    },
    async stop() {
      clearInterval(timer);
      await reporting;
      // A registry that hangs must not keep the process from ending.
      await withTimeout(reportMs, reportOnce(), away).catch(onError);
    },
  };
}

function hourNow(): string {
  return new Date(Math.floor(Date.now() / hourMs) * hourMs).toISOString();
}
