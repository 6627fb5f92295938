import fc from 'fast-check';
import { metrics } from '../../../domain/evaluation/metrics/metrics';
import { meanOverRows, weightedSum } from '../../../domain/evaluation/metrics/mean-loss';
import { assumedDayCorrelation } from '../../../domain/statistics/day-correlation';
import { dayResamples, type DayStatistic } from '../../../domain/statistics/day-resamples';
import { normalQuantile } from '../../../domain/statistics/distributions';
import { dayInterval, standardLevels, type Interval } from '../../../domain/statistics/interval';
import { seededRandom, type Random } from '../../../domain/statistics/random';
import { processorTime } from '../../support/time/processor-time';

const seed = [1, 2, 3, 4] as const;

describe('an interval over resampled days', () => {
  test('agrees with scipy.stats.bootstrap (BCa) at the expanded level', () => {
    // scipy 1.x, method BCa, 400,000 resamples, confidence level 2 · 0.9837336 − 1, which is 97 %
    // expanded for 14 days: 4.6 … 7.6, standard error 0.6303.
    const values = [4.1, 5.2, 3.3, 9.9, 4.4, 5.1, 6.0, 3.9, 4.8, 12.1, 5.5, 4.0, 5.0, 4.6];
    const interval = computeBounds(buildMean(values), 14, [0.97], 50_000);
    expect(interval.estimate).toBeCloseTo(5.5642857, 6);
    expect(interval.standardError).toBeCloseTo(0.6303, 2);
    expect(interval.bounds[0]?.lower).toBeCloseTo(4.6, 1);
    expect(interval.bounds[0]?.upper).toBeCloseTo(7.6, 1);
  });

  const someDays = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), {
    minLength: 2,
    maxLength: 20,
  });

  test('contains its estimate, and widens with its level', () => {
    fc.assert(
      fc.property(someDays, (values) => {
        const { estimate, bounds } = computeBounds(
          buildMean(values),
          values.length,
          standardLevels,
          400,
        );
        bounds.forEach((bound, index) => {
          expect(bound.lower).toBeLessThanOrEqual(estimate);
          expect(bound.upper).toBeGreaterThanOrEqual(estimate);
          expect(bound.lower).toBeLessThanOrEqual(bounds[index - 1]?.lower ?? Infinity);
          expect(bound.upper).toBeGreaterThanOrEqual(bounds[index - 1]?.upper ?? -Infinity);
        });
      }),
    );
  });

  // Whole numbers, so that rounding cannot break ties differently.
  const wholeDays = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 2, maxLength: 20 });

  test('shifts and scales with its statistic', () => {
    fc.assert(
      fc.property(wholeDays, fc.integer({ min: -5, max: 5 }), (values, shift) => {
        const plain = computeBounds(buildMean(values), values.length, [0.9], 400).bounds[0];
        const moved = computeBounds(
          buildMean(values.map((value) => value + shift)),
          values.length,
          [0.9],
          400,
        ).bounds[0];
        expect(moved?.lower).toBeCloseTo((plain?.lower ?? NaN) + shift, 6);
        expect(moved?.upper).toBeCloseTo((plain?.upper ?? NaN) + shift, 6);
      }),
    );
  });

  test('of a constant is that constant', () => {
    const interval = computeBounds(buildMean([3, 3, 3, 3, 3, 3, 3]), 7, [0.97], 500);
    expect(interval).toEqual({
      estimate: 3,
      standardError: 0,
      bounds: [{ level: 0.97, lower: 3, upper: 3 }],
    });
  });

  test('is unbounded if the statistic is often undefined', () => {
    // Rows on three days of fourteen: 4 % of the resamples have none of them.
    const rows = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    const rare: DayStatistic = (weights) => {
      const counted = weightedSum(weights, Float64Array.from(rows));
      return counted === 0
        ? NaN
        : weightedSum(
            weights,
            Float64Array.from(rows, (row, day) => row * day),
          ) / counted;
    };
    const bounds = computeBounds(rare, 14, [0.8, 0.97], 2000).bounds;
    expect(bounds[0]?.lower).not.toBeNull();
    expect(bounds[1]).toEqual({ level: 0.97, lower: null, upper: null });
  });

  test('is null for one day or an undefined statistic', () => {
    const resamples = dayResamples({ days: 1, replicates: 10, seed });
    expect(
      dayInterval({ statistic: buildMean([1]), resamples, levels: [0.9], days: 1, correlation: 0 }),
    ).toBeNull();
    expect(
      dayInterval({ statistic: () => NaN, resamples, levels: [0.9], days: 9, correlation: 0 }),
    ).toBeNull();
  });

  test('keeps widening as Student’s t beyond the levels that its resamples reach', () => {
    const random = seededRandom(seed);
    const values = Array.from({ length: 28 }, () => gauss(random));
    const { estimate, bounds } = computeBounds(
      buildMean(values),
      28,
      [0.99, 0.997, 0.9999, 0.999999],
      2000,
    );
    const beyond = (index: number, side: 'lower' | 'upper') =>
      Math.abs((bounds[index]?.[side] ?? NaN) - estimate);
    // t of 27 degrees at these levels (scipy.stats.t.ppf).
    [2.473, 2.982, 4.304, 5.978].forEach((t, index) => {
      for (const side of ['lower', 'upper'] as const) {
        expect(beyond(index, side) / beyond(0, side) / (t / 2.473)).toBeGreaterThan(0.9);
        expect(beyond(index, side) / beyond(0, side) / (t / 2.473)).toBeLessThan(1.12);
      }
    });
  });
});

describe('coverage on rows that share their day (simulated, 97 % bounds)', () => {
  test.each([
    // For independent days, the assumed correlation makes the bounds wider than necessary.
    ['a week', 7, 0, 0, 0.03],
    ['four weeks', 28, 0, 0, 0.02],
    // With a true miss rate of 3 %, 250 holdouts miss more than 6 % on one side in 1 of 200 tests.
    ['a week of correlated days (0.4)', 7, 0.4, 0, 0.06],
    ['two weeks of correlated days', 14, 0.4, 0, 0.06],
    ['four weeks of correlated days', 28, 0.4, 0, 0.06],
    ['four weeks of correlated days with worse weekends', 28, 0.4, 1.5, 0.03],
  ])(
    'the mean loss of %s is rarely outside each bound',
    (_case, days, correlation, weekend, most) => {
      const missed = countMisses({ days, correlation, weekend, trials: 250, byDay: true });
      expect(Math.max(missed.low, missed.high)).toBeLessThan(most);
    },
  );

  test('bounds from single rows would be wrong in a third of the cases', () => {
    const missed = countMisses({ days: 28, correlation: 0, weekend: 0, trials: 40, byDay: false });
    expect(missed.low + missed.high).toBeGreaterThan(0.3);
  });
});

test('1,000 resamples of the AUC of 30,000 rows take less than 2 s', async () => {
  const random = seededRandom(seed);
  const rows = 30_000;
  const labels = Float64Array.from({ length: rows }, () => (random() < 0.25 ? 1 : 0));
  const sample = {
    labels,
    scores: labels.map((label) => random() + 0.3 * label),
    day: Int32Array.from({ length: rows }, (_, row) => row % 30),
    days: 30,
  };
  const { value: interval, milliseconds } = await processorTime(() =>
    computeBounds(metrics.auc.prepare(sample), 30, standardLevels, 1000),
  );
  expect(milliseconds).toBeLessThan(2_000);
  expect(interval.estimate).toBeCloseTo(0.755, 2);
});

function computeBounds(
  statistic: DayStatistic,
  days: number,
  levels: readonly number[],
  replicates: number,
): Interval {
  const drawn = dayInterval({
    statistic,
    resamples: dayResamples({ days, replicates, seed }),
    levels,
    days,
    correlation: 0,
  });
  if (drawn === null) throw new Error('no interval');
  return drawn.interval;
}

function buildMean(values: readonly number[]): DayStatistic {
  return (weights) =>
    weightedSum(weights, Float64Array.from(values)) /
    weightedSum(weights, new Float64Array(values.length).fill(1));
}

/**
 * Share of simulated holdouts whose true mean, 0, is below the lower or above the upper bound.
 * Half the variance is the day's, a thirtieth of what rows add.
 */
function countMisses(simulated: {
  readonly days: number;
  readonly correlation: number;
  /**
   * How much worse the sixth and seventh day of a week are, in standard deviations between days.
   */
  readonly weekend: number;
  readonly trials: number;
  readonly byDay: boolean;
}) {
  const { days, correlation, weekend, trials, byDay } = simulated;
  const random = seededRandom([days, 5, 6, 7]);
  const rowsPerDay = 30;
  let [low, high] = [0, 0];
  for (let trial = 0; trial < trials; trial += 1) {
    const day = Int32Array.from({ length: days * rowsPerDay }, (_, row) =>
      Math.floor(row / rowsPerDay),
    );
    const effects = dayEffects(random, days, correlation).map(
      (effect, at) => effect + weekend * (at % 7 < 5 ? -2 / 7 : 5 / 7),
    );
    const scores = Float64Array.from(day, (of) => (effects[of] ?? 0) + gauss(random));
    // Without days, each row is its own cluster.
    const units = byDay ? { day, days } : { day: day.map((_, row) => row), days: day.length };
    const statistic = meanOverRows(
      { labels: new Float64Array(day.length), scores, ...units },
      (_label, score) => score,
    );
    const resamples = dayResamples({
      days: units.days,
      replicates: byDay ? 1000 : 200,
      seed: [trial, days, 1, 1],
    });
    const bounds = dayInterval({
      statistic,
      resamples,
      levels: [0.97],
      days: units.days,
      correlation: byDay ? assumedDayCorrelation : 0,
    })?.interval.bounds[0];
    if (bounds?.lower == null || bounds.upper === null) throw new Error('no bounds');
    low += bounds.lower > 0 ? 1 : 0;
    high += bounds.upper < 0 ? 1 : 0;
  }
  return { low: low / trials, high: high / trials };
}

function dayEffects(random: Random, days: number, correlation: number): readonly number[] {
  const effects: number[] = [];
  for (let day = 0; day < days; day += 1) {
    const fresh = gauss(random);
    effects.push(
      day === 0
        ? fresh
        : correlation * (effects[day - 1] ?? 0) + Math.sqrt(1 - correlation ** 2) * fresh,
    );
  }
  return effects;
}

function gauss(random: Random): number {
  return normalQuantile(random() + 2 ** -33);
}
