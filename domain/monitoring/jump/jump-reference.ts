import { normalQuantile } from '../../statistics/distributions';
import { minBlockRows, type Tolerance } from '../tolerance';
import {
  earlierHours,
  jumpSpans,
  findSpan,
  type HourSums,
  type JumpReference,
  type JumpSpan,
} from './jump-test';
import { addSums, meanIn, noSums, varianceIn } from './value-sums';

/**
 * Safety factor on the largest change in the reference, which may not contain the largest change of
 * later years. With an exponential tail, the maximum over several years is about 1.75 times the
 * maximum over a few thousand hours.
 */
const timesLargest = 1.75;
const minChanges = 50;
/** Above it, hardly any change could raise an alarm. */
const maxTolerance = 0.95;

/**
 * Learns from the hours of the reference by how much the mean changes without a jump.
 * @param hours in order of time
 */
export function learnJumpReference(hours: readonly HourSums[], minEffect: number): JumpReference {
  const enough = hours.filter(({ rows }) => rows >= minBlockRows);
  const rows = enough.reduce((sum, hour) => sum + hour.rows, 0);
  const within = enough.reduce((sum, hour) => sum + hour.rows * varianceIn(hour), 0);
  const all = hours.reduce(addSums, noSums);
  const smallest = all.rows === 0 ? 0 : toMeanShift(minEffect) * Math.sqrt(varianceIn(all));
  const changes = changesBetween(enough);
  const spans = jumpSpans.map((span) => {
    const largest = changes[span].reduce((most, change) => Math.max(most, change), 0);
    const found = changes[span].length;
    return [
      span,
      {
        tolerance: chooseTolerance({ found, largest, smallest }),
        largest: found > 0 ? largest : null,
      },
    ] as const;
  });
  return {
    variance: rows === 0 ? 0 : within / rows,
    spans: Object.fromEntries(spans) as JumpReference['spans'],
  };
}

/** Absolute differences between hourly means, in positions. */
function changesBetween(hours: readonly HourSums[]): Readonly<Record<JumpSpan, readonly number[]>> {
  const changes: Record<JumpSpan, number[]> = { near: [], far: [] };
  hours.forEach((now, index) => {
    for (const before of hours.slice(Math.max(0, index - earlierHours), index)) {
      const span = findSpan(before.hour, now.hour);
      if (span !== null) changes[span].push(Math.abs(meanIn(now) - meanIn(before)));
    }
  });
  return changes;
}

/**
 * The shift of a normal distribution, in standard deviations, whose total variation distance is
 * `minEffect`.
 */
function toMeanShift(minEffect: number): number {
  return 2 * normalQuantile((1 + minEffect) / 2);
}

function chooseTolerance({
  found,
  largest,
  smallest,
}: Readonly<Record<'found' | 'largest' | 'smallest', number>>): Tolerance {
  if (found < minChanges)
    return {
      value: null,
      reason:
        `the reference has ${found} pairs of hours with ${minBlockRows} rows or more; ` +
        `at least ${minChanges} are needed`,
    };
  const value = Math.max(smallest, timesLargest * largest);
  if (value <= maxTolerance) return { value, reason: null };
  return { value: null, reason: 'its mean differs too much from hour to hour in the reference' };
}
