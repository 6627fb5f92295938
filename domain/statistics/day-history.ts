import { assumedDayCorrelation, boundDayCorrelation, minCorrelationDays } from './day-correlation';

/** Daily differences between two versions, of which the correlation of days is estimated. */
export interface DayPeriod {
  readonly kind: 'holdout' | 'rollout';
  /** Calendar days, `until` exclusive. */
  readonly from: number;
  readonly until: number;
  /** In order of time, without days that have no value. */
  readonly values: ArrayLike<number>;
}

/** A correlation of days, and the history that it is from; null: assumed. */
export interface DayCorrelation {
  readonly value: number;
  /** Absent history: `value` is the least that the policy assumes. */
  readonly from: DayCorrelationSource | null;
}

export interface DayCorrelationSource {
  /** The 90 % upper bound. It may be below the least. */
  readonly bound: number;
  readonly days: number;
  readonly holdouts: number;
  readonly rollouts: number;
}

/** The larger of `least` and the upper bound from the history. `periods`: newest first. */
export function estimateDayCorrelation(
  periods: readonly DayPeriod[],
  least: number = assumedDayCorrelation,
): DayCorrelation {
  const used = withoutOverlaps(periods);
  const found = boundDayCorrelation(used.map(({ values }) => values));
  if (found === null) return { value: least, from: null };
  const count = (kind: DayPeriod['kind']) => used.filter((each) => each.kind === kind).length;
  return {
    value: Math.max(least, found.correlation),
    from: {
      bound: found.correlation,
      days: found.days,
      holdouts: count('holdout'),
      rollouts: count('rollout'),
    },
  };
}

/** The newest periods that share no day: two evaluations of one day are one day of evidence. */
function withoutOverlaps(periods: readonly DayPeriod[]): readonly DayPeriod[] {
  const kept: DayPeriod[] = [];
  for (const period of periods) {
    const overlaps = kept.some(({ from, until }) => period.from < until && from < period.until);
    if (!overlaps) kept.push(period);
  }
  return kept;
}

/** `day correlation 0.62: upper bound from 84 days of 3 holdouts; 0.4 is the least` */
export function dayCorrelationText(
  { value, from }: DayCorrelation,
  least: number = assumedDayCorrelation,
): string {
  if (from === null)
    return `day correlation ${value}: assumed; an estimate needs ${minCorrelationDays} days of history`;
  const { bound, days, holdouts, rollouts } = from;
  const sources = [
    ...(holdouts > 0 ? [holdouts === 1 ? '1 holdout' : `${holdouts} holdouts`] : []),
    ...(rollouts > 0 ? [rollouts === 1 ? '1 rollout' : `${rollouts} rollouts`] : []),
  ].join(' and ');
  const history = `${days} days of ${sources}`;
  return bound < value
    ? `day correlation ${value}: the least; the upper bound from ${history} is ${bound}`
    : `day correlation ${value}: upper bound from ${history}; ${least} is the least`;
}
