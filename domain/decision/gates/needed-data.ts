import type { Bounds } from '../../statistics/interval';
import { count } from '../../format';
import type { MeasuredValue } from './gate';

/** Beyond it, the estimate is so close to its limit that no holdout would decide. */
const maxTimes = 10_000;

/**
 * How many times as much data narrow a bound to the limit on its other side, if the estimate and the
 * spread stay: the width of a bound falls with the square root of its days or rows. Null if no
 * amount is enough.
 */
export function timesNeeded(
  estimate: number,
  { lower, upper }: Pick<Bounds, 'lower' | 'upper'>,
  limit: number,
): number | null {
  const bound = estimate < limit ? upper : lower;
  const gap = Math.abs(limit - estimate);
  if (bound === null || gap === 0) return null;
  const times = Math.max(1, (Math.abs(bound - estimate) / gap) ** 2);
  return times <= maxTimes ? times : null;
}

/**
 * Such as `about 96 days are needed`, for a holdout of 31 days whose bound is too wide. Days
 * are counted if they were resampled, and rows otherwise.
 */
export function neededText(
  { rows, days, unit }: Pick<MeasuredValue, 'rows' | 'days' | 'unit'>,
  times: number | null,
): string {
  if (times === null) return 'more data would not decide';
  if (unit === undefined) return `about ${count(atLeastOneMore(days, times))} days are needed`;
  return `about ${count(atLeastOneMore(rows, times))} rows are needed`;
}

function atLeastOneMore(n: number, times: number): number {
  return Math.max(n + 1, Math.ceil(n * times));
}
