import fc from 'fast-check';
import {
  addToDays,
  boundsAcrossDays,
  closeDaysBefore,
  startDaysAt,
  emptyDays,
  type DayLoss,
} from '../../../domain/statistics/days-sequence';
import { rateIn } from '../../support/rollout/monte-carlo';
import { watchDays } from '../../support/rollout/simulated-sequences';
import { dayEffects, createRandom, type DayEffects } from '../../support/rollout/simulated-traffic';

const loss = (day: number, arm: DayLoss['arm'], value: number): DayLoss => ({
  day,
  arm,
  loss: value,
});
const withDays = (from: number, means: readonly number[]) =>
  means.reduce(
    (state, mean, index) =>
      addToDays(
        addToDays(state, loss(from + index, 'challenger', mean)),
        loss(from + index, 'champion', 0),
      ),
    startDaysAt(from),
  );
const buildState = (means: readonly number[], weeks = Math.floor(means.length / 7)) => ({
  weeks,
  days: means.length,
  sum: means.reduce((sum, value) => sum + value, 0),
  sumSquares: means.reduce((sum, value) => sum + value ** 2, 0),
});
const known = { alpha: 0.03, correlation: 0 };

describe('days', () => {
  test('count the difference of the arms on each closed day', () => {
    const seen = [
      loss(0, 'challenger', 3),
      loss(0, 'champion', 1),
      loss(0, 'challenger', 5),
      loss(1, 'challenger', 1),
    ].reduce(addToDays, startDaysAt(0));
    expect(seen).toMatchObject({
      week: { days: 1, sum: 3, sumSquares: 9 },
      open: { day: 1, challenger: { n: 1, sum: 1 } },
    });
  });

  test('with losses of one arm only do not count', () => {
    const seen = [
      loss(0, 'challenger', 3),
      loss(4, 'challenger', 1),
      loss(4, 'champion', 2),
    ].reduce(addToDays, startDaysAt(0));
    expect(closeDaysBefore(seen, 5)).toMatchObject({
      week: { days: 1, sum: -1, sumSquares: 1 },
      closedBefore: 5,
      open: null,
    });
  });

  test('that are closed do not change, and later losses count as late', () => {
    const seen = [loss(0, 'champion', 3), loss(1, 'champion', 3), loss(0, 'challenger', 3)].reduce(
      addToDays,
      startDaysAt(0),
    );
    expect(seen).toMatchObject({ late: 1, week: { days: 0 } });
    const closed = closeDaysBefore(withDays(2, [1]), 3);
    expect(addToDays(closed, loss(2, 'champion', 1))).toEqual({ ...closed, late: 1 });
  });

  test('that are only partly covered do not count, and their losses are not late', () => {
    expect(addToDays(startDaysAt(5), loss(4, 'champion', 3))).toEqual(startDaysAt(5));
    expect(addToDays(emptyDays, loss(4, 'champion', 3))).toEqual(emptyDays);
    const later = closeDaysBefore(withDays(5, [1, 1, 1, 1, 1, 1, 1]), 12);
    expect(later.weeks).toBe(1);
    expect(addToDays(later, loss(4, 'champion', 3))).toEqual(later);
    expect(addToDays(later, loss(5, 'champion', 3))).toEqual({ ...later, late: 1 });
  });

  test('enter the bounds together at the end of their week', () => {
    const six = closeDaysBefore(withDays(3, [1, 2, 3, 4, 5, 6]), 9);
    expect(six).toMatchObject({ weeks: 0, days: 0, week: { days: 6 }, weekFrom: 3 });
    const seven = closeDaysBefore(withDays(3, [1, 2, 3, 4, 5, 6, 7]), 10);
    expect(seven).toMatchObject({
      weeks: 1,
      days: 7,
      sum: 28,
      sumSquares: 140,
      week: { days: 0 },
      weekFrom: 10,
    });
    expect(closeDaysBefore(seven, 10)).toBe(seven);
  });

  test('of a week count if there are at least five of them', () => {
    expect(closeDaysBefore(withDays(0, [1, 2, 3, 4, 5]), 7)).toMatchObject({ weeks: 1, days: 5 });
    expect(closeDaysBefore(withDays(0, [1, 2, 3, 4]), 7)).toMatchObject({
      weeks: 1,
      days: 0,
      week: { days: 0 },
    });
    expect(closeDaysBefore(withDays(0, [1, 2, 3, 4, 5]), 21)).toMatchObject({
      weeks: 3,
      days: 5,
      weekFrom: 21,
    });
  });
});

describe('bounds across days', () => {
  const means = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
    minLength: 7,
    maxLength: 35,
  });

  test('are null before the first whole week', () => {
    expect(boundsAcrossDays(buildState([1, 2, 1.5, 1.7, 1.6, 1.2]), known)).toBeNull();
    expect(boundsAcrossDays(buildState([1, 2, 1.5, 1.7, 1.6, 1.2, 1.4]), known)).not.toBeNull();
  });

  test('equal a t interval at the level of their week', () => {
    // t of 6 degrees at 0.985 is 2.829; mean 4, standard deviation 2.160.
    const bounds = boundsAcrossDays(buildState([1, 2, 3, 4, 5, 6, 7]), known);
    expect(bounds?.upper).toBeCloseTo(4 + (2.829 * 2.1602) / Math.sqrt(7), 2);
    expect(bounds?.lower).toBeCloseTo(4 - (2.829 * 2.1602) / Math.sqrt(7), 2);
  });

  test('contain the mean, shift and scale with the days, and widen with their correlation', () => {
    fc.assert(
      fc.property(
        means,
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: 0.1, max: 9, noNaN: true }),
        (values, shift, stretch) => {
          const plain = boundsAcrossDays(buildState(values), known);
          const moved = boundsAcrossDays(
            buildState(values.map((value) => stretch * value + shift)),
            known,
          );
          const wide = boundsAcrossDays(buildState(values), { ...known, correlation: 0.4 });
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          expect(plain?.lower).toBeLessThanOrEqual(mean + 1e-9);
          expect(moved?.upper).toBeCloseTo(stretch * (plain?.upper ?? NaN) + shift, 3);
          expect((wide?.upper ?? NaN) - mean).toBeCloseTo(
            ((plain?.upper ?? NaN) - mean) * Math.sqrt(1.4 / 0.6),
            6,
          );
        },
      ),
    );
  });

  // The last ones are limits of the method that docs/statistics.md describes.
  const monday = [-1, -1, -1, -1, -1, 2.5, 2.5];
  const quarter = [28, 28, 28];
  test.each<readonly [string, DayEffects, number, readonly number[], readonly number[]]>([
    ['independent normal days', dayEffects.normal(1), 0.03, [], []],
    ['days with far outliers', dayEffects.heavy(1), 0.03, [], []],
    ['days with a correlation of 0.4', dayEffects.lasting(1, 0.4), 0.03, [], []],
    ['a correlation of 0.7 and a history', dayEffects.lasting(1, 0.7), 0.03, [28], []],
    ['weeks that differ and a history', dayEffects.weekly(1, 0.5), 0.03, [28], []],
    ['incidents that fade and a history', dayEffects.incidents(1), 0.03, quarter, []],
    ['worse weekends, from a Monday on', dayEffects.normal(0.3), 0.03, [], monday],
    ['beyond its assumptions: a storm in ten days', dayEffects.storms(1), 0.3, [], []],
    ['beyond its assumptions: 0.7 without a history', dayEffects.lasting(1, 0.7), 0.2, [], []],
  ])(
    'with %s the upper bound is ever below the mean in few simulated months',
    (_name, effects, most, history, week) => {
      const wrong = rateIn(
        600,
        (world) =>
          watchDays(effects, {
            random: createRandom(world, 21),
            days: 31,
            alpha: 0.03,
            history,
            week,
          }).now.wrongGood,
      );
      expect(wrong.lower).toBeLessThanOrEqual(most);
    },
  );

  test('without whole weeks are wrong in nearly all simulations that start on a Monday', () => {
    const week = [-1, -1, -1, -1, -1, 2.5, 2.5];
    const wrong = rateIn(
      100,
      (world) =>
        watchDays(dayEffects.normal(0.3), {
          random: createRandom(world, 22),
          days: 31,
          alpha: 0.03,
          history: [],
          week,
        }).earlier.wrongGood,
    );
    expect(wrong.lower).toBeGreaterThan(0.5);
  });
});
