/** Requests that the gateways refused, because they do not fit the signature of the model. */
import { percent } from '../../format';
import type { MonitorSettings } from '../monitor';
import { hoursShown, refusedIn, requestsIn, sum, testShare } from './hour-groups';
import type { RefusedRequests } from '../observation/monitor-results';
import type { ServiceHour } from '../observation/monitor-state';
import type { RefusedRows } from '../observation/observed';

/** Null if no request was refused in the hours that are kept. */
export function refusedRequests(
  kept: readonly ServiceHour[],
  settings: MonitorSettings,
): RefusedRequests | null {
  if (kept.every((hour) => refusedIn(hour) === 0)) return null;
  const test = testShare(kept, settings, {
    limit: settings.data.maxRefused,
    of: (hour) => ({ n: requestsIn(hour), events: refusedIn(hour) }),
  });
  const hours = kept.slice(-hoursShown);
  const { since } = test;
  const tested = since === null ? hours : kept.filter(({ hour }) => hour >= since);
  return {
    rows: sum(hours.map(refusedIn)),
    requests: sum(hours.map(requestsIn)),
    causes: causesIn(tested),
    causeCount: sum(tested.map(refusedIn)),
    test,
  };
}

/** The most frequent first. */
function causesIn(hours: readonly ServiceHour[]): readonly RefusedRows[] {
  const causes = new Map<string, RefusedRows>();
  for (const cause of hours.flatMap(({ refused = [] }) => refused)) {
    if (cause.reason === 'refused') continue;
    const key = JSON.stringify([cause.reason, cause.column]);
    causes.set(key, { ...cause, rows: cause.rows + (causes.get(key)?.rows ?? 0) });
  }
  return [...causes.values()].sort((a, b) => b.rows - a.rows);
}

const causesNamed = 3;

/** What is wrong with the refused requests, such as "`distance` has the wrong type (80 %)". */
export function causesText({ causes, causeCount }: RefusedRequests): string {
  const named = causes
    .slice(0, causesNamed)
    .map(
      (cause) => `${causeText(cause)} (${percent(cause.rows / Math.max(1, causeCount))} of them)`,
    );
  const more = causes.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more causes`] : [])].join(', ');
}

function causeText({ reason, column }: RefusedRows): string {
  switch (reason) {
    case 'wrong-type':
      return `\`${column ?? ''}\` has the wrong type`;
    case 'missing':
      return `\`${column ?? ''}\` is not sent`;
    case 'unknown':
      return 'a column is unknown';
    case 'malformed':
    case 'refused':
      return 'the request is malformed';
  }
}
