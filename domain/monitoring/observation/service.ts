/** How a version serves, by hours of wall-clock time: requests, latencies and failures. */
import { addShare, shareBounds, type ShareState } from '../../statistics/share-sequence';
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

const hoursShown = 24;
/** A group has at most as many hours as requests, so the two newest groups are kept as a whole. */
const hoursKept = 48;
/** Requests that are tested together at least, unless they exceed the limit sooner. */
const minRequests = 20;
const hourMs = 3_600_000;

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
    p50Ms: latencyQuantile(latency, 0.5),
    p97Ms: latencyQuantile(latency, 0.97),
    lastReceivedAt,
    hours: hours.map((each) => ({ hour: each.hour, rows: each.rows, failed: failuresIn(each) })),
    tests: serviceTests(kept, settings),
  };
}

function failuresIn({ failed, broken = 0 }: ServiceHour): number {
  return failed + broken;
}

function requestsIn(hour: ServiceHour): number {
  return hour.rows + failuresIn(hour);
}

const hoursPerYear = 8_766;
const measures = 2;

/**
 * Each group of hours has a confidence sequence of its own, so an alarm shows within the hour. There
 * are at most as many groups as hours. Over those of a year and both measures, false alarms sum to
 * the allowed number.
 */
function serviceAlpha({ drift: { falseAlarmsPerYear } }: MonitorSettings): number {
  return Math.min(0.05, falseAlarmsPerYear / (measures * hoursPerYear));
}

function serviceTests(
  hours: readonly ServiceHour[],
  settings: MonitorSettings,
): readonly ServiceTest[] {
  const { maxFailed, latency } = settings.service;
  const groups = groupsOf(hours);
  const alpha = serviceAlpha(settings);
  const failed = testOf(groups, {
    measure: 'failed',
    limit: maxFailed,
    maxMs: null,
    alpha,
    of: (hour) => ({ n: requestsIn(hour), events: failuresIn(hour) }),
  });
  if (latency === null) return [failed];
  const { maxMs, maxSlow } = latency;
  const slow = testOf(groups, {
    measure: 'slow',
    limit: maxSlow,
    maxMs,
    alpha,
    of: (hour) => ({ n: hour.rows, events: hour.slow }),
  });
  return [failed, slow];
}

/**
 * An hour after one with few requests is tested together with it, until there are 20 of them. The
 * decision is made once, from what was counted until then, so the bound of a group stays valid.
 */
function joinSmallHours(hours: readonly ServiceHour[]): readonly ServiceHour[] {
  let inGroup = minRequests;
  return hours.map((hour) => {
    const joinsPrevious = hour.joinsPrevious ?? inGroup < minRequests;
    inGroup = requestsIn(hour) + (joinsPrevious ? inGroup : 0);
    return { ...hour, joinsPrevious };
  });
}

/** Without a group whose first hours are no longer kept. */
function groupsOf(hours: readonly ServiceHour[]): readonly (readonly ServiceHour[])[] {
  const groups: ServiceHour[][] = [];
  for (const hour of hours) {
    if (hour.joinsPrevious !== true) groups.push([hour]);
    else groups.at(-1)?.push(hour);
  }
  return groups;
}

interface MeasuredShare extends Pick<ServiceTest, 'measure' | 'limit' | 'maxMs'> {
  readonly alpha: number;
  readonly of: (hour: ServiceHour) => ShareState;
}

/** A small group says nothing unless it exceeds the limit, so an alarm stays open meanwhile. */
function testOf(
  groups: readonly (readonly ServiceHour[])[],
  { of, alpha, ...test }: MeasuredShare,
): ServiceTest {
  const judged = groups.flatMap((group) => {
    const counted = group.map(of).reduce(addShare);
    const { lower } = shareBounds(counted, alpha);
    const isJudged = counted.n >= minRequests || lower > test.limit;
    return isJudged ? [{ ...counted, lower, group }] : [];
  });
  const newest = judged.at(-1);
  if (newest === undefined)
    return { ...test, requests: 0, hours: 0, share: null, lower: null, since: null };
  const kept = judged.findLastIndex(({ lower }) => lower <= test.limit);
  const { n, events, lower, group } = newest;
  const since = judged[kept + 1]?.group[0]?.hour ?? null;
  return { ...test, requests: n, hours: group.length, share: events / n, lower, since };
}

/** How small hours are tested; null if one of those that are kept is large enough by itself. */
export function smallHours(
  hours: readonly ServiceHour[],
  settings: MonitorSettings,
): SmallHours | null {
  const [first, last] = [hours[0], hours.at(-1)];
  // The newest hour alone may have just begun.
  if (first === undefined || last === undefined || first === last) return null;
  if (hours.some((hour) => requestsIn(hour) >= minRequests)) return null;
  const spanHours = (Date.parse(last.hour) - Date.parse(first.hour)) / hourMs + 1;
  const found = sum(hours.map(requestsIn));
  const inGroup = sum((groupsOf(hours).at(-1) ?? []).map(requestsIn));
  const shows = (n: number, events: number) =>
    shareBounds({ n, events }, serviceAlpha(settings)).lower > settings.service.maxFailed;
  const upTo = Array.from({ length: minRequests }, (_, index) => index + 1);
  return {
    perDay: (24 * found) / Math.max(24, spanHours),
    isMeasured: spanHours >= 24,
    together: minRequests,
    missing: inGroup >= minRequests ? minRequests : minRequests - inGroup,
    smallestShare: (upTo.find((events) => shows(minRequests, events)) ?? NaN) / minRequests,
    allFailed: upTo.find((n) => shows(n, n)) ?? null,
  };
}

export interface SmallHours {
  readonly perDay: number;
  /** Whether the requests of a day or more were seen. */
  readonly isMeasured: boolean;
  /** Requests that are tested together, and those that the newest group lacks. */
  readonly together: number;
  readonly missing: number;
  /** The smallest share of failures that they show. */
  readonly smallestShare: number;
  /** Requests that raise an alarm if all of them fail; null if more than `together`. */
  readonly allFailed: number | null;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
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
