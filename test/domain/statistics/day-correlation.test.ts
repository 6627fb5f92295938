import {
  assumedDayCorrelation,
  boundDayCorrelation,
  correlationWidening,
} from '../../../domain/statistics/day-correlation';
import { seededRandom } from '../../../domain/statistics/random';
import { estimateDayCorrelation, dayCorrelationText } from '../../../domain/statistics/day-history';
import { dayEffects, createRandom, type DayEffects } from '../../support/rollout/simulated-traffic';

test('independent days need no widening', () => {
  expect(correlationWidening(0)).toBe(1);
});

test('the widening matches the standard error of the mean of many correlated days', () => {
  const random = seededRandom([1, 2, 3, 4]);
  const days = 200;
  const next = dayEffects.lasting(1, assumedDayCorrelation)(random);
  const means = Array.from(
    { length: 4_000 },
    () => Array.from({ length: days }, next).reduce((sum, each) => sum + each, 0) / days,
  );
  const variance = means.reduce((sum, each) => sum + each ** 2, 0) / means.length;
  const widening = Math.sqrt(variance * days) / correlationWidening(assumedDayCorrelation);
  expect(widening).toBeGreaterThan(0.95);
  expect(widening).toBeLessThan(1.05);
});

describe('the upper bound of the correlation', () => {
  const period = (effects: DayEffects, days: number, world: number) => {
    const next = effects(createRandom(world, 41));
    return Array.from({ length: days }, () => next());
  };
  const bounds = (effects: DayEffects, days: number) =>
    Array.from(
      { length: 300 },
      (_, world) => boundDayCorrelation([period(effects, days, world)])?.correlation ?? NaN,
    ).sort((a, b) => a - b);
  const middle = (sorted: readonly number[]) => sorted[150] ?? NaN;

  test.each([
    ['0.4 of consecutive days', dayEffects.lasting(1, 0.4), 0.4],
    ['0.7 of consecutive days', dayEffects.lasting(1, 0.7), 0.7],
    // A week effect of half of the variance widens a mean like a correlation of 0.6.
    ['what lasts for a week', dayEffects.weekly(1, 0.5), 0.5],
  ])('is above %s in most periods of 56 days', (_name, effects, correlation) => {
    const above = bounds(effects, 56).filter((bound) => bound >= correlation);
    expect(above.length).toBeGreaterThan((2 / 3) * 300);
  });

  test('is smaller for independent days, and the smaller the longer they are', () => {
    const [short, long, longer] = [14, 56, 365].map((days) =>
      middle(bounds(dayEffects.normal(1), days)),
    );
    expect(short).toBeGreaterThan(long ?? NaN);
    expect(long).toBeGreaterThan(longer ?? NaN);
    expect(longer).toBeLessThan(0.25);
  });

  test('does not depend on the level, the unit or the sign of the values', () => {
    const values = period(dayEffects.lasting(1, 0.5), 28, 1);
    const moved = values.map((value) => 5 - 100 * value);
    expect(boundDayCorrelation([moved])).toEqual(boundDayCorrelation([values]));
  });

  test('does not join the days of two periods', () => {
    const values = period(dayEffects.normal(1), 28, 2);
    const other = values.map((value) => value + 10);
    const apart = boundDayCorrelation([values, other])?.correlation ?? NaN;
    const joined = boundDayCorrelation([[...values, ...other]])?.correlation ?? NaN;
    expect(joined).toBeGreaterThan(apart);
  });

  test.each([
    ['13 days', [Array.from({ length: 13 }, (_, day) => day % 3)]],
    [
      'periods below a week',
      [
        [1, 2, 3],
        [3, 1, 2],
        [2, 1],
        [4, 5, 6, 1, 2],
        [1, 2],
      ],
    ],
    ['equal days', [Array.from({ length: 28 }, () => 1)]],
    ['no period', []],
  ])('is unknown with %s', (_name, periods) => {
    expect(boundDayCorrelation(periods)).toBeNull();
  });
});

describe('the correlation of days that a policy uses', () => {
  const values = Array.from({ length: 28 }, (_, day) => ((day * 7) % 11) - 5);
  const holdout = (from: number) => ({ kind: 'holdout', from, until: from + 28, values }) as const;

  test('counts days of overlapping holdouts once', () => {
    const { from } = estimateDayCorrelation([holdout(100), holdout(90), holdout(72), holdout(30)]);
    expect(from).toMatchObject({ days: 84, holdouts: 3, rollouts: 0 });
  });

  test('is never below the least', () => {
    const used = estimateDayCorrelation([holdout(0), holdout(28), holdout(56)], 0.8);
    expect(used.value).toBe(0.8);
    expect(dayCorrelationText(used, 0.8)).toMatch(
      /^day correlation 0.8: the least; the upper bound from 84 days of 3 holdouts is 0\.\d+$/,
    );
  });

  test('names its source', () => {
    const trend = values.map((_, day) => day);
    const rollout = { kind: 'rollout', from: 50, until: 78, values: trend } as const;
    const used = estimateDayCorrelation([rollout, { ...holdout(0), values: trend }]);
    expect(dayCorrelationText(used)).toBe(
      'day correlation 0.9: upper bound from 56 days of 1 holdout and 1 rollout; 0.4 is the least',
    );
  });

  test('says that it is assumed without a history', () => {
    expect(dayCorrelationText(estimateDayCorrelation([]))).toBe(
      'day correlation 0.4: assumed; an estimate needs 14 days of history',
    );
  });
});
