/** How a version serves: requests by hour of wall-clock time, and their latencies. */
import type { ServiceResult } from './monitor-results';
import type { MonitorState, ServiceHour } from './monitor-state';
import type { ObservedRow } from './observed';
import { addCounts, hourOf } from './window';

/** Upper ends of the buckets in which latencies are counted, in milliseconds. */
const latencyLimitsMs: readonly number[] = [
  1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130, 200, 300, 500, 800, 1_300, 2_000, 5_000, 10_000,
];

const hoursKept = 24;

export function addService(
  hours: readonly ServiceHour[],
  rows: readonly ObservedRow[],
): readonly ServiceHour[] {
  const byHour = new Map(hours.map((each) => [each.hour, each]));
  for (const { receivedAt, latencyMs } of rows) {
    const hour = hourOf(receivedAt);
    const known = byHour.get(hour) ?? { hour, rows: 0, latency: [] };
    const latency = addCounts(known.latency, oneIn(latencyBucket(latencyMs)));
    byHour.set(hour, { hour, rows: known.rows + 1, latency });
  }
  return [...byHour.values()].sort((a, b) => (a.hour < b.hour ? -1 : 1)).slice(-hoursKept);
}

export function serviceResult({
  hours,
  lastReceivedAt,
}: Pick<MonitorState, 'hours' | 'lastReceivedAt'>): ServiceResult {
  const latency = hours.reduce<readonly number[]>((sum, each) => addCounts(sum, each.latency), []);
  return {
    rows: hours.reduce((sum, { rows }) => sum + rows, 0),
    p50Ms: latencyQuantile(latency, 0.5),
    p97Ms: latencyQuantile(latency, 0.97),
    lastReceivedAt,
    hours: hours.map(({ hour, rows }) => ({ hour, rows })),
  };
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
