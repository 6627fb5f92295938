import { withTimeout } from '../../data/timeout';
import type {
  FailedInRollout,
  FailedRequests,
  GatewayRepository,
} from '../../db/serving/gateway-repository';
import type { RoutedRollout } from '../../db/serving/routing-repository';
import type { RequestRefusal } from '../../domain/serving/refusal';

/**
 * Counts the rows that a champion failed to answer, and the requests that do not fit its signature.
 * It reports them to the monitor, because the prediction log does not hold them. A process that is
 * killed loses the counts of a few seconds.
 */
export interface FailureCounts {
  add(version: CountedVersion, rows: number, inRollout?: FailureInRollout): void;
  /**
   * A request that does not fit the signature: once as a whole, and once by each reason and column.
   * It counts as one row, so that one large batch of one caller does not raise an alarm.
   */
  addRefused(version: CountedVersion, refusals: readonly RequestRefusal[]): void;
  /** Reports what was counted until now. */
  stop(): Promise<void>;
}

/** The place of a failed request in its rollout. */
export interface FailureInRollout {
  readonly rollout: RoutedRollout;
  /** Version to which the entity of the request is assigned. */
  readonly version: number;
  /** RFC 3339; null: now. */
  readonly eventTime: string | null;
}

type CountedVersion = Pick<FailedRequests, 'tenant' | 'model' | 'version'>;

export interface FailureCountsOptions {
  readonly gateways: Pick<GatewayRepository, 'reportFailures'>;
  /** Id of this gateway. */
  readonly id: string;
  readonly everyMs: number;
  readonly onError: (error: unknown) => void;
}

/** Time for the last report. */
const reportMs = 3_000;
const away = {
  type: 'DatabaseUnavailable',
  message: 'the registry did not accept the counts of failed requests',
} as const;
const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Hours that could not be reported for longer are dropped. */
const hoursKept = 24;

export function startFailureCounts({
  gateways,
  id,
  everyMs,
  onError,
}: FailureCountsOptions): FailureCounts {
  const counts = new Map<string, Counted<FailedRequests>>();
  const inRollouts = new Map<string, Counted<FailedInRollout>>();
  let reporting: Promise<void> | null = null;

  /** Whole hours are reported, so that a report that failed is repeated by the next. */
  async function report(): Promise<void> {
    const oldest = new Date(Date.now() - hoursKept * hourMs).toISOString();
    forgetOld(counts, oldest);
    forgetOld(inRollouts, oldest);
    const [failures, ofRollouts] = [notReported(counts), notReported(inRollouts)];
    if (failures.length + ofRollouts.length === 0) return;
    await gateways.reportFailures({
      id,
      failures: failures.map(([, { isReported: _, ...failed }]) => failed),
      inRollouts: ofRollouts.map(([, { isReported: _, ...failed }]) => failed),
    });
    markReported(counts, failures);
    markReported(inRollouts, ofRollouts);
  }

  function addRows(
    { tenant, model, version }: CountedVersion,
    reason: FailedRequests['reason'],
    column: string | null,
    rows: number,
  ): void {
    const hour = findStart(hourMs, Date.now());
    const key = JSON.stringify([tenant, model, version, hour, reason, column]);
    const failed = (counts.get(key)?.failed ?? 0) + rows;
    counts.set(key, { tenant, model, version, hour, reason, column, failed, isReported: false });
  }

  function addToRollout(
    tenant: FailedInRollout['tenant'],
    { rollout: { id: rollout, step }, version, eventTime }: FailureInRollout,
    rows: number,
  ): void {
    const hour = findStart(hourMs, Date.now());
    const minute = findStart(minuteMs, eventTime === null ? Date.now() : Date.parse(eventTime));
    const key = JSON.stringify([tenant, rollout, step, version, minute, hour]);
    const failed = (inRollouts.get(key)?.failed ?? 0) + rows;
    const place = { tenant, rollout, step, version, minute, hour };
    inRollouts.set(key, { ...place, failed, isReported: false });
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
    add(version, rows, inRollout) {
      addRows(version, 'failed', null, rows);
      if (inRollout !== undefined) addToRollout(version.tenant, inRollout, rows);
    },
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

/** A number of an hour of wall-clock time. */
type Counted<T extends { readonly hour: string; readonly failed: number }> = T & {
  readonly isReported: boolean;
};

function forgetOld(
  counts: Map<string, Pick<Counted<FailedRequests>, 'hour' | 'isReported'>>,
  oldest: string,
): void {
  for (const [key, { hour, isReported }] of counts)
    if (hour < oldest || (isReported && hour < findStart(hourMs, Date.now()))) counts.delete(key);
}

function notReported<T extends { readonly isReported: boolean }>(
  counts: ReadonlyMap<string, T>,
): readonly (readonly [string, T])[] {
  return [...counts].filter(([, { isReported }]) => !isReported);
}

/** Those that have grown since are reported again. */
function markReported<T extends { readonly failed: number }>(
  counts: Map<string, T>,
  reported: readonly (readonly [string, T])[],
): void {
  for (const [key, { failed }] of reported) {
    const now = counts.get(key);
    if (now?.failed === failed) counts.set(key, { ...now, isReported: true });
  }
}

function findStart(unitMs: number, ms: number): string {
  return new Date(Math.floor(ms / unitMs) * unitMs).toISOString();
}
