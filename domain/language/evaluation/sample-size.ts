import { emptyMean, extendMean, meanBounds, scaledMean } from '../../statistics/mean-sequence';
import { computeBounds, type Aggregate } from './aggregate';

/** Beyond this no forecast is given: such a gate needs another limit. */
const maxCases = 1_000_000;

export interface Limit {
  readonly min: number | null;
  readonly max: number | null;
  readonly level: number;
}

/** `within`: both bounds meet the limits (passed). `beyond`: a bound shows that they are missed. */
export type LimitAssessment = 'within' | 'beyond' | 'open';

export function assessLimit(
  aggregate: Pick<Aggregate, 'worst' | 'best' | 'range'>,
  { min, max, level }: Limit,
): LimitAssessment {
  const { lower, upper } = computeBounds(aggregate, level);
  if (lower === null || upper === null) return 'open';
  if ((min !== null && upper < min) || (max !== null && lower > max)) return 'beyond';
  return (min === null || lower >= min) && (max === null || upper <= max) ? 'within' : 'open';
}

/**
 * How many more cases would decide if they score like those so far; null if a million would not.
 * Half of all samples need more than this forecast. It repeats the observations (`scaledMean`),
 * failures included.
 */
export function casesToDecide(aggregate: Aggregate, limit: Limit): number | null {
  const { cases, worst, best, range } = aggregate;
  if (cases === 0) return null;
  const isDecided = (times: number) =>
    assessLimit(
      { worst: scaledMean(worst, times), best: scaledMean(best, times), range },
      limit,
    ) !== 'open';
  if (isDecided(1)) return 0;
  const maxFactor = maxCases / cases;
  let high = 2;
  while (high < maxFactor && !isDecided(high)) high *= 2;
  if (!isDecided(high)) return null;
  let low = high / 2;
  while ((high - low) * cases > 1) {
    const middle = (low + high) / 2;
    if (isDecided(middle)) high = middle;
    else low = middle;
  }
  return Math.ceil((high - 1) * cases);
}

/**
 * How many cases with scores of 0 or 1 show a mean of at least `min` if the true mean is `truth`.
 * This is for a typical, evenly spread sample; half of all samples need more. Null if a million do
 * not suffice, as for a `truth` at or below `min`.
 */
export function requiredCases({
  truth,
  min,
  level,
}: {
  readonly truth: number;
  readonly min: number;
  readonly level: number;
}): number | null {
  if (truth <= min) return null;
  const range = { min: 0, max: 1, guess: { min: 0, max: 1 } };
  // An even sample of this size is scaled to represent smaller and larger ones.
  const even = 1_000;
  const state = extendMean(
    emptyMean(),
    range,
    Array.from(
      { length: even },
      (_, index) => Math.floor((index + 1) * truth + 1e-9) - Math.floor(index * truth + 1e-9),
    ),
  );
  const isShown = (cases: number) =>
    meanBounds(scaledMean(state, cases / even), range, 1 - level).lower >= min;
  let [low, high] = [1, maxCases];
  if (!isShown(high)) return null;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isShown(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * The inverse of `requiredCases`: the lowest mean of `cases` scores of 0 or 1 that shows a mean of
 * at least `min`; null if even a mean of 1 does not.
 */
export function lowestSufficientMean({
  cases,
  min,
  level,
}: {
  readonly cases: number;
  readonly min: number;
  readonly level: number;
}): number | null {
  const isEnough = (truth: number): boolean =>
    (requiredCases({ truth, min, level }) ?? Infinity) <= cases;
  if (!isEnough(1)) return null;
  let [low, high] = [min, 1];
  while (high - low > 0.001) {
    const middle = (low + high) / 2;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
