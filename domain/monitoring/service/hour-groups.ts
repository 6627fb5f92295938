/**
 * Tests of a share of the requests, such as failed ones. Hours with few requests are tested
 * together.
 */
import { addShare, shareBounds, type ShareState } from '../../statistics/share-sequence';
import { allowedFalseAlarms } from '../alarm-budget';
import type { MonitorSettings } from '../monitor';
import type { ShareTest } from '../observation/monitor-results';
import type { ServiceHour } from '../observation/monitor-state';

export const hoursShown = 24;
/** A group has at most as many hours as requests, so the two newest groups are kept as a whole. */
export const hoursKept = 48;
/** Requests that are tested together at least, unless they exceed the limit sooner. */
const minRequests = 20;
const hourMs = 3_600_000;
const hoursPerYear = 8_766;
/** Failed, slow and refused requests. */
const measures = 3;

/**
 * Each group of hours has a confidence sequence of its own, so an alarm shows within the hour.
 * There are at most as many groups as hours. Over those of a year and all measures, false alarms
 * sum to the part of the service.
 */
function shareAlpha(settings: MonitorSettings): number {
  return Math.min(0.05, allowedFalseAlarms('service', settings) / (measures * hoursPerYear));
}

export function failuresIn({ failed, broken = 0 }: ServiceHour): number {
  return failed + broken;
}

/** Requests that do not fit the signature. Each counts as one row. */
export function refusedIn({ refused = [] }: ServiceHour): number {
  return sum(refused.map(({ reason, rows }) => (reason === 'refused' ? rows : 0)));
}

export function requestsIn(hour: ServiceHour): number {
  return hour.rows + failuresIn(hour) + refusedIn(hour);
}

/**
 * An hour after one with few requests is tested together with it, until there are 20 of them. The
 * decision is made once, from what was counted until then, so the bound of a group stays valid.
 */
export function joinSmallHours(hours: readonly ServiceHour[]): readonly ServiceHour[] {
  let inGroup = minRequests;
  return hours.map((hour) => {
    const joinsPrevious = hour.joinsPrevious ?? inGroup < minRequests;
    inGroup = requestsIn(hour) + (joinsPrevious ? inGroup : 0);
    return { ...hour, joinsPrevious };
  });
}

/** Leaves out a group whose first hours are no longer kept. */
function groupHours(hours: readonly ServiceHour[]): readonly (readonly ServiceHour[])[] {
  const groups: ServiceHour[][] = [];
  for (const hour of hours) {
    if (hour.joinsPrevious !== true) groups.push([hour]);
    else groups.at(-1)?.push(hour);
  }
  return groups;
}

interface MeasuredShare {
  readonly limit: number;
  readonly of: (hour: ServiceHour) => ShareState;
}

/** A small group says nothing unless it exceeds the limit, so an alarm stays open meanwhile. */
export function testShare(
  hours: readonly ServiceHour[],
  settings: MonitorSettings,
  { limit, of }: MeasuredShare,
): ShareTest {
  const alpha = shareAlpha(settings);
  const judged = groupHours(hours).flatMap((group) => {
    const counted = group.map(of).reduce(addShare);
    const { lower } = shareBounds(counted, alpha);
    return counted.n >= minRequests || lower > limit ? [{ ...counted, lower, group }] : [];
  });
  const newest = judged.at(-1);
  if (newest === undefined)
    return { limit, requests: 0, hours: 0, share: null, lower: null, since: null };
  const kept = judged.findLastIndex(({ lower }) => lower <= limit);
  const { n, events, lower, group } = newest;
  const since = judged[kept + 1]?.group[0]?.hour ?? null;
  return { limit, requests: n, hours: group.length, share: events / n, lower, since };
}

interface SmallHours {
  readonly perDay: number;
  /** Whether the requests of a day or more were seen. */
  readonly isMeasured: boolean;
  /** Requests that are tested together, and those that the newest group lacks. */
  readonly together: number;
  readonly missing: number;
  /** The smallest share of failures that they show; null if even all failures do not show it. */
  readonly smallestShare: number | null;
  /** Requests that raise an alarm if all of them fail; null if more than `together`. */
  readonly allFailed: number | null;
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
  const inGroup = sum((groupHours(hours).at(-1) ?? []).map(requestsIn));
  const shows = (n: number, events: number) =>
    shareBounds({ n, events }, shareAlpha(settings)).lower > settings.service.maxFailed;
  const upTo = Array.from({ length: minRequests }, (_, index) => index + 1);
  const smallest = upTo.find((events) => shows(minRequests, events));
  return {
    perDay: (24 * sum(hours.map(requestsIn))) / Math.max(24, spanHours),
    isMeasured: spanHours >= 24,
    together: minRequests,
    missing: inGroup >= minRequests ? minRequests : minRequests - inGroup,
    smallestShare: smallest === undefined ? null : smallest / minRequests,
    allFailed: upTo.find((n) => shows(n, n)) ?? null,
  };
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
