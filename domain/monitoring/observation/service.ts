/** How a version serves, by hours of wall-clock time: requests, latencies and failures. */
import { shareBounds } from '../../statistics/share-sequence';
import { loggedAnswer } from '../../language/logged-answer';
import type { MonitorSettings, ServiceLimits } from '../monitor';
import type { ServiceResult, ServiceTest } from './monitor-results';
import type { MonitorState, ServiceHour } from './monitor-state';
import type { FailedHour, ObservedRow } from './observed';
import { addCounts, hourOf } from './window';

/** Upper ends of the buckets in which latencies are counted, in milliseconds. */
const latencyLimitsMs: readonly number[] = [
  1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130, 200, 300, 500, 800, 1_300, 2_000, 5_000, 10_000,
];

const hoursKept = 24;

/** @param failed the whole number of failed requests of each hour, as far as it is known */
export function addService(
  hours: readonly ServiceHour[],
  { rows, failed }: Readonly<{ rows: readonly ObservedRow[]; failed: readonly FailedHour[] }>,
  { latency: limit }: ServiceLimits,
): readonly ServiceHour[] {
  const byHour = new Map(hours.map((each) => [each.hour, each]));
  const hourAt = (hour: string): ServiceHour =>
    byHour.get(hour) ?? { hour, rows: 0, latency: [], slow: 0, failed: 0 };
  for (const { receivedAt, latencyMs, output } of rows) {
    const known = hourAt(hourOf(receivedAt));
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
    const known = hourAt(hourOf(hour));
    byHour.set(known.hour, { ...known, failed: Math.max(known.failed, count) });
  }
  return [...byHour.values()].sort((a, b) => (a.hour < b.hour ? -1 : 1)).slice(-hoursKept);
}

export function serviceResult(
  { hours, lastReceivedAt }: Pick<MonitorState, 'hours' | 'lastReceivedAt'>,
  settings: MonitorSettings,
): ServiceResult {
  const latency = hours.reduce<readonly number[]>((sum, each) => addCounts(sum, each.latency), []);
  return {
    rows: hours.reduce((sum, { rows }) => sum + rows, 0),
    failed: hours.reduce((sum, hour) => sum + failuresIn(hour), 0),
    p50Ms: latencyQuantile(latency, 0.5),
    p97Ms: latencyQuantile(latency, 0.97),
    lastReceivedAt,
    hours: hours.map((each) => ({ hour: each.hour, rows: each.rows, failed: failuresIn(each) })),
    tests: serviceTests(hours, settings),
  };
}

function failuresIn({ failed, broken = 0 }: ServiceHour): number {
  return failed + broken;
}

/** Fewer requests say nothing about an hour. */
const minRequests = 20;
const hoursPerYear = 8_766;
const measures = 2;

/**
 * Each hour has a confidence sequence of its own, so an alarm shows within the hour. Over the hours
 * of a year and both measures, false alarms sum to the allowed number.
 */
function serviceTests(
  hours: readonly ServiceHour[],
  { service: { maxFailed, latency }, drift: { falseAlarmsPerYear } }: MonitorSettings,
): readonly ServiceTest[] {
  const alpha = Math.min(0.05, falseAlarmsPerYear / (measures * hoursPerYear));
  const failed = testOf(hours, {
    measure: 'failed',
    limit: maxFailed,
    maxMs: null,
    alpha,
    of: (hour) => ({ n: hour.rows + failuresIn(hour), events: failuresIn(hour) }),
  });
  if (latency === null) return [failed];
  const { maxMs, maxSlow } = latency;
  const slow = testOf(hours, {
    measure: 'slow',
    limit: maxSlow,
    maxMs,
    alpha,
    of: (hour) => ({ n: hour.rows, events: hour.slow }),
  });
  return [failed, slow];
}

function testOf(
  hours: readonly ServiceHour[],
  {
    of,
    alpha,
    ...test
  }: Pick<ServiceTest, 'measure' | 'limit' | 'maxMs'> & {
    readonly alpha: number;
    readonly of: (hour: ServiceHour) => { readonly n: number; readonly events: number };
  },
): ServiceTest {
  const enough = hours.filter((hour) => of(hour).n >= minRequests);
  const lowerOf = (hour: ServiceHour) => shareBounds(of(hour), alpha).lower;
  const newest = enough.at(-1);
  if (newest === undefined) return { ...test, share: null, lower: null, since: null };
  let since: string | null = null;
  for (const hour of [...enough].reverse()) {
    if (lowerOf(hour) <= test.limit) break;
    since = hour.hour;
  }
  const { n, events } = of(newest);
  return { ...test, share: events / n, lower: lowerOf(newest), since };
}

export function latencyBucket(milliseconds: number): number {
  const found = latencyLimitsMs.findIndex((limit) => milliseconds <= limit);
  return found < 0 ? latencyLimitsMs.length : found;
}

/** An upper bound of the quantile in milliseconds; null without requests or above every limit. */
function latencyQuantile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
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
