/** How a version serves, by hours of wall-clock time: requests, latencies and failures. */
import { loggedAnswer } from '../../bundle/logged-answer';
import type { MonitorSettings, ServiceLimits } from '../monitor';
import type { ServiceResult, ServiceTest } from '../observation/monitor-results';
import type { MonitorState, ServiceHour } from '../observation/monitor-state';
import type {
  FailedHour,
  InterruptedHour,
  ObservedRow,
  RefusedHour,
} from '../observation/observed';
import { failuresIn, hoursKept, hoursShown, joinSmallHours, sum, testShare } from './hour-groups';
import { addCounts, toHour } from '../observation/window';

/** Upper ends of the buckets in which latencies are counted, in milliseconds. */
const latencyLimitsMs: readonly number[] = [
  1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130, 200, 300, 500, 800, 1_300, 2_000, 5_000, 10_000,
];

interface NewService {
  readonly rows: readonly ObservedRow[];
  /** The whole numbers of each hour, as far as they are known. */
  readonly failed: readonly FailedHour[];
  readonly interrupted: readonly InterruptedHour[];
  readonly refused: readonly RefusedHour[];
}

export function addService(
  hours: readonly ServiceHour[],
  { rows, failed, interrupted, refused }: NewService,
  { latency: limit }: ServiceLimits,
): readonly ServiceHour[] {
  const byHour = new Map(hours.map((each) => [each.hour, each]));
  const hourAt = (hour: string): ServiceHour =>
    byHour.get(hour) ?? { hour, rows: 0, latency: [], slow: 0, failed: 0 };
  for (const { receivedAt, latencyMs, output } of rows) {
    const known = hourAt(toHour(receivedAt));
    if (loggedAnswer(output)?.error != null) {
      byHour.set(known.hour, { ...known, broken: (known.broken ?? 0) + 1 });
      continue;
    }
    byHour.set(known.hour, {
      ...known,
      rows: known.rows + 1,
      latency: addCounts(known.latency, oneIn(latencyBucket(latencyMs))),
      slow: known.slow + (limit !== null && latencyMs > limit.maxMs ? 1 : 0),
    });
  }
  for (const { hour, failed: count } of failed) {
    const known = hourAt(toHour(hour));
    byHour.set(known.hour, { ...known, failed: Math.max(known.failed, count) });
  }
  for (const { hour, interrupted: count } of interrupted) {
    const known = hourAt(toHour(hour));
    byHour.set(known.hour, { ...known, interrupted: count });
  }
  for (const { hour, causes } of refused) {
    const known = hourAt(toHour(hour));
    byHour.set(known.hour, { ...known, refused: causes });
  }
  const sorted = [...byHour.values()].sort((a, b) => (a.hour < b.hour ? -1 : 1));
  return joinSmallHours(sorted).slice(-hoursKept);
}

export function serviceResult(
  { hours: kept, lastReceivedAt }: Pick<MonitorState, 'hours' | 'lastReceivedAt'>,
  settings: MonitorSettings,
): ServiceResult {
  const hours = kept.slice(-hoursShown);
  const latency = hours.reduce<readonly number[]>((all, each) => addCounts(all, each.latency), []);
  return {
    rows: sum(hours.map(({ rows }) => rows)),
    failed: sum(hours.map(failuresIn)),
    interrupted: sum(hours.map(({ interrupted = 0 }) => interrupted)),
    p50Ms: latencyQuantile(latency, 0.5),
    p97Ms: latencyQuantile(latency, 0.97),
    lastReceivedAt,
    hours: hours.map((each) => ({ hour: each.hour, rows: each.rows, failed: failuresIn(each) })),
    tests: serviceTests(kept, settings),
  };
}

function serviceTests(
  hours: readonly ServiceHour[],
  settings: MonitorSettings,
): readonly ServiceTest[] {
  const { maxFailed, latency } = settings.service;
  const failed: ServiceTest = {
    measure: 'failed',
    maxMs: null,
    ...testShare(hours, settings, {
      limit: maxFailed,
      of: (hour) => ({ n: hour.rows + failuresIn(hour), events: failuresIn(hour) }),
    }),
  };
  if (latency === null) return [failed];
  const slow: ServiceTest = {
    measure: 'slow',
    maxMs: latency.maxMs,
    ...testShare(hours, settings, {
      limit: latency.maxSlow,
      of: (hour) => ({ n: hour.rows, events: hour.slow }),
    }),
  };
  return [failed, slow];
}

export function latencyBucket(milliseconds: number): number {
  const found = latencyLimitsMs.findIndex((limit) => milliseconds <= limit);
  return found < 0 ? latencyLimitsMs.length : found;
}

/** An upper bound of the quantile in milliseconds; null without requests or above every limit. */
function latencyQuantile(counts: readonly number[], share: number): number | null {
  const total = sum(counts);
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    seen += count;
    if (count > 0 && seen >= share * total) return latencyLimitsMs[index] ?? null;
  }
  return null;
}

export function oneIn(bin: number): number[] {
  const counts = new Array<number>(bin + 1).fill(0);
  counts[bin] = 1;
  return counts;
}
