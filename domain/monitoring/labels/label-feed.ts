/** Whether the labels of a model stop or thin: the share of due predictions with a label, by day. */
import { studentQuantile } from '../../statistics/distributions';
import { blocksPerYear } from '../blocks';

export interface LabelFeedSettings {
  /** The largest share of missing labels that the lifecycle allows; null if it states none. */
  readonly maxMissing: number | null;
  readonly falseAlarmsPerYear: number;
}

/** Predictions of one UTC day of event time, and those with a label when the day was judged. */
export interface LabelDay {
  /** Such as 2024-05-08. */
  readonly day: string;
  readonly predictions: number;
  readonly labelled: number;
}

/** What the share of a day is compared with. */
export interface LabelReference {
  /** Expected at least, as the mean of the shares of days. */
  readonly limit: number;
  /** A larger share of a day counts as this. */
  readonly cap: number;
  /** The mean share of the earlier days; null if the limit is the one of the lifecycle. */
  readonly usual: number | null;
  /** The earlier days; 0 if the limit is the one of the lifecycle. */
  readonly days: number;
}

/** The capital of one stake. `since` is the first day that added to it. */
export interface LabelEvidence {
  readonly value: number;
  readonly since: string;
}

export interface LabelAlarm {
  readonly since: string;
  readonly reference: LabelReference;
  /** The days since then, the newest last; at most `referenceDays`. */
  readonly days: readonly LabelDay[];
}

export interface LabelTest {
  /** Judged days without an alarm, the newest last; at most `referenceDays`. */
  readonly days: readonly LabelDay[];
  /** Null while no day can be tested. */
  readonly reference: LabelReference | null;
  /** One for each of `stakes`; empty before the first tested day. */
  readonly evidence: readonly LabelEvidence[];
  readonly alarm: LabelAlarm | null;
}

export const emptyLabelTest: LabelTest = { days: [], reference: null, evidence: [], alarm: null };

/** Days that teach the usual share. */
const referenceDays = 28;
export const minReferenceDays = 14;
/** The usual share may fall by this part of it: one batch in twenty that comes too late. */
const tolerance = 0.05;
/** The mean share of this many days ends an alarm. One day could be a late batch. */
const daysToEnd = 3;
/** Parts of the largest stake. Large ones find a feed that stops, small ones a slow decline. */
const stakes = [0.05, 0.15, 0.3, 0.5, 0.7, 0.9] as const;
/** The limit stays while the evidence is above this, so that a decline does not teach it. */
const frozenAbove = 2;
/** Without this room, one missing label would refute a limit of 100 %. */
const smallestRoom = 0.01;

/**
 * Judges a day by the share x of its predictions with a label, so many labels that come or fail
 * together count as one observation. The hypothesis: given the days before, x is on average at least
 * the limit m. A stake λ < 1/(1 − m) multiplies its capital by 1 + λ(m − x), on average at most 1.
 * Capital below 1 starts anew. The first day on which the mean capital of all stakes reaches c is
 * after c days or more on average, however days depend on each other (J. Shin, A. Ramdas and A.
 * Rinaldo, "E-detectors", NEJSDS 2 (2023)).
 *
 * m is 1 − maxMissing if the lifecycle states it. Otherwise it follows from up to 28 days before: the
 * lower bound of their mean by Student's t, less the tolerance. Bounds and bets have half of the
 * false alarms each, because a year has 13 references without a common day.
 */
export function judgeLabelDay(
  test: LabelTest,
  day: LabelDay,
  settings: LabelFeedSettings,
): LabelTest {
  // Labels that never began to arrive do not stop.
  const hasBegun = test.days.length > 0 || test.alarm !== null || day.labelled > 0;
  if (!hasBegun || day.predictions === 0) return test;
  if (test.alarm !== null) return inAlarm(test.alarm, day, settings);
  const reference =
    mean(test.evidence.map(({ value }) => value)) > frozenAbove
      ? test.reference
      : learnLabelReference(test.days, settings);
  const days = [...test.days, day].slice(-referenceDays);
  if (reference === null) return { ...emptyLabelTest, days };
  const evidence = bet(test.evidence, day, reference);
  if (mean(evidence.map(({ value }) => value)) < threshold(settings))
    return { days, reference, evidence, alarm: null };
  const leading = evidence.reduce((most, each) => (each.value > most.value ? each : most));
  const isSince = (each: LabelDay) => each.day >= leading.since;
  return {
    days: days.filter((each) => !isSince(each)),
    reference,
    evidence: [],
    alarm: { since: leading.since, reference, days: days.filter(isSince) },
  };
}

/** The capital at which an alarm begins. */
function threshold(settings: LabelFeedSettings): number {
  const part = settings.maxMissing === null ? 0.5 : 1;
  return blocksPerYear.day / (part * settings.falseAlarmsPerYear);
}

function learnLabelReference(
  days: readonly LabelDay[],
  { maxMissing, falseAlarmsPerYear }: LabelFeedSettings,
): LabelReference | null {
  if (maxMissing !== null) return { limit: 1 - maxMissing, cap: 1, usual: null, days: 0 };
  if (days.length < minReferenceDays) return null;
  const shares = days.map(computeLabelShare);
  const usual = mean(shares);
  const variance = shares.reduce((sum, share) => sum + (share - usual) ** 2, 0) / (days.length - 1);
  const referencesPerYear = blocksPerYear.day / referenceDays;
  const alpha = Math.min(0.05, (0.5 * falseAlarmsPerYear) / referencesPerYear);
  const reach = studentQuantile(1 - alpha, days.length - 1) * Math.sqrt(variance / days.length);
  const limit = (usual - reach) * (1 - tolerance);
  return limit > 0 ? { limit, cap: Math.max(...shares), usual, days: days.length } : null;
}

function bet(
  evidence: readonly LabelEvidence[],
  day: LabelDay,
  { limit, cap }: LabelReference,
): readonly LabelEvidence[] {
  const expected = limit / cap;
  const missed = expected - Math.min(1, computeLabelShare(day) / cap);
  const largest = 1 / Math.max(smallestRoom, 1 - expected);
  return stakes.map((stake, index) => {
    const before = evidence[index];
    const isNew = before === undefined || before.value <= 1;
    return {
      value: (isNew ? 1 : before.value) * (1 + stake * largest * missed),
      since: isNew ? day.day : before.since,
    };
  });
}

/** The days of an alarm teach no limit, unless it lasted so long that they are the usual ones. */
function inAlarm(
  { since, reference, days: before }: LabelAlarm,
  day: LabelDay,
  { maxMissing }: LabelFeedSettings,
): LabelTest {
  const days = [...before, day].slice(-referenceDays);
  const newest = days.slice(-daysToEnd);
  if (newest.length === daysToEnd && mean(newest.map(computeLabelShare)) >= reference.limit)
    return { ...emptyLabelTest, days: newest };
  if (maxMissing === null && days.length === referenceDays) return { ...emptyLabelTest, days };
  return { days: [], reference, evidence: [], alarm: { since, reference, days } };
}

/** Requests for a version are no predictions of the model, but may get labels too. */
export function computeLabelShare({ predictions, labelled }: Omit<LabelDay, 'day'>): number {
  return Math.min(1, labelled / predictions);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, each) => sum + each, 0) / values.length;
}
