import type { FeatureDrift } from '../drift-results';
import type { MonitorResults } from '../observation/monitor-results';

/**
 * Drift whose rows the checks of data have not looked at yet. A changed unit raises an alarm of drift
 * at once. Its jump may show in the next hour, and skew only when a sample is computed again.
 */
export interface UncheckedDrift {
  /** Event time from which the tests of requests have seen enough hours. */
  readonly checkedFrom: string;
  readonly waitsForHours: boolean;
  readonly waitsForSkew: boolean;
}

const hourMs = 3_600_000;
/** The hour that raised the alarm, of which a part may be from before, and a whole one. */
const checkedHours = 2;
/** Hours after which the run no longer waits for a sample. */
const maxHours = 24;

/** Null if no alarm of drift is open, or if its rows were checked. */
export function uncheckedDrift(
  { drift, skew }: Pick<MonitorResults, 'drift' | 'skew'>,
  eventNow: string | null,
): UncheckedDrift | null {
  const raised = drift.flatMap(raisedHours);
  if (raised.length === 0 || eventNow === null) return null;
  const newest = Math.max(...raised);
  const now = Date.parse(eventNow);
  const checkedFrom = newest + checkedHours * hourMs;
  const sampledUntil = skew?.sampledUntil ?? null;
  const isSampled = sampledUntil !== null && Date.parse(sampledUntil) >= newest;
  const waitsForHours = now < checkedFrom;
  const waitsForSkew = !isSampled && now < newest + maxHours * hourMs;
  return waitsForHours || waitsForSkew
    ? { checkedFrom: new Date(checkedFrom).toISOString(), waitsForHours, waitsForSkew }
    : null;
}

/** The first hour that raised each open alarm of drift of the feature, in milliseconds since 1970. */
function raisedHours({ alarm, signals, jump }: FeatureDrift): readonly number[] {
  const raised = signals.flatMap(({ kind, raisedAt }) =>
    kind === 'distribution' && raisedAt !== null ? [Date.parse(raisedAt)] : [],
  );
  return [
    ...(alarm?.kind === 'distribution' && raised.length > 0 ? [Math.min(...raised)] : []),
    ...(jump?.alarm == null ? [] : [Date.parse(jump.alarm.since)]),
  ];
}
