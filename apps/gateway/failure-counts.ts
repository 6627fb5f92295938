import { withTimeout } from '../../data/timeout';
import type { FailedRequests, GatewayRepository } from '../../db/serving/gateway-repository';
import type { RequestRefusal } from '../../domain/serving/refusal';

/**
 * Counts the rows that a champion failed to answer, and the requests that do not fit its signature.
 * It reports them to the monitor, because the prediction log does not hold them. A process that is
 * killed loses the counts of a few seconds.
 */
export interface FailureCounts {
  add(version: CountedVersion, rows: number): void;
  /**
   * A request that does not fit the signature: once as a whole, and once by each reason and column.
   * It counts as one row, so that one large batch of one caller does not raise an alarm.
   */
  addRefused(version: CountedVersion, refusals: readonly RequestRefusal[]): void;
  /** Reports what was counted until now. */
  stop(): Promise<void>;
}

type CountedVersion = Pick<FailedRequests, 'tenant' | 'model' | 'version'>;

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

  function addRows(
    { tenant, model, version }: CountedVersion,
    reason: FailedRequests['reason'],
    column: string | null,
    rows: number,
  ): void {
    const hour = hourNow();
    const key = JSON.stringify([tenant, model, version, hour, reason, column]);
    const failed = (counts.get(key)?.failed ?? 0) + rows;
    counts.set(key, { tenant, model, version, hour, reason, column, failed, isReported: false });
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
    add: (version, rows) => addRows(version, 'failed', null, rows),
    addRefused(version, refusals) {
      addRows(version, 'refused', null, 1);
      for (const { reason, column } of refusals) addRows(version, reason, column, 1);
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
