import {
  measureConfirmation,
  confirmLevel,
  isConfirmed,
  type ConfirmSample,
} from '../../../../domain/evaluation/measure/confirm';
import { seededRandom } from '../../../../domain/statistics/random';

/** `gain` by day: how much closer to the label the tuned model is. */
function sample(days: number, gain: (day: number) => number, rowsPerDay = 50): ConfirmSample {
  const random = seededRandom([7, 7, 7, 7]);
  const rows = days * rowsPerDay;
  const labels = Float64Array.from({ length: rows }, () => (random() < 0.3 ? 1 : 0));
  const day = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / rowsPerDay));
  const byDefault = labels.map((label) => 0.3 + 0.2 * (label - 0.3) + 0.3 * (random() - 0.5));
  const tuned = byDefault.map(
    (score, row) => score + gain(day[row] ?? 0) * ((labels[row] ?? 0) - score),
  );
  return { metric: 'logloss', labels, day, days, byDefault, tuned, seed: [1, 1, 2, 3] };
}

describe('confirming tuned parameters', () => {
  test('parameters that are better on every day are confirmed, with difference and bounds', () => {
    const found = measureConfirmation(sample(15, () => 0.05));
    expect(isConfirmed(found)).toBe(true);
    expect(found).toMatchObject({
      metric: 'logloss',
      rows: 750,
      days: 15,
      reason: null,
      interval: { level: confirmLevel },
    });
    expect(found.difference).toBeCloseTo((found.tuned ?? 0) - (found.default ?? 0), 12);
    expect(found.interval.lower).toBeLessThan(found.difference ?? 0);
    expect(found.interval.upper).toBeGreaterThan(found.difference ?? 0);
  });

  test('worse parameters are not confirmed', () =>
    expect(isConfirmed(measureConfirmation(sample(15, () => -0.05)))).toBe(false));

  test('equal parameters are not confirmed', () => {
    const found = measureConfirmation(sample(15, () => 0));
    expect(found).toMatchObject({ difference: 0, interval: { lower: 0, upper: 0 } });
    expect(isConfirmed(found)).toBe(false);
  });

  test('parameters that are better on a few days only are not confirmed', () => {
    const found = measureConfirmation(sample(15, (day) => (day % 5 === 0 ? 0.4 : -0.06)));
    expect(found.difference).toBeLessThan(0);
    expect(isConfirmed(found)).toBe(false);
  });

  test('a decrease of a metric that should be high is worse', () => {
    const { byDefault, tuned, ...rest } = sample(15, () => 0.2);
    expect(isConfirmed(measureConfirmation({ ...rest, byDefault, tuned, metric: 'auc' }))).toBe(
      true,
    );
    expect(
      isConfirmed(
        measureConfirmation({ ...rest, byDefault: tuned, tuned: byDefault, metric: 'auc' }),
      ),
    ).toBe(false);
  });

  test('too few days keep the default', () => {
    const found = measureConfirmation(sample(3, () => 0.5));
    expect(found.reason).toMatch(/has only 3 days/);
    expect(isConfirmed(found)).toBe(false);
  });

  test.each([
    ['that has nothing to do with the day before', 0, 0, 12],
    // Binomial: 20 ± 3 standard deviations of 4.2.
    ['that resembles the day before (0.4)', 0.4, 5, 33],
  ])(
    'parameters that are no better are confirmed one time in ten at most, of days each %s',
    (_case, correlation, least, most) => {
      const random = seededRandom([2, 3, 2, 3]);
      const studies = 200;
      let confirmed = 0;
      for (let study = 0; study < studies; study += 1) {
        const effects: number[] = [];
        for (let day = 0; day < 14; day += 1) {
          const fresh = (random() - 0.5) * 0.2;
          effects.push(
            day === 0
              ? fresh
              : correlation * (effects[day - 1] ?? 0) + Math.sqrt(1 - correlation ** 2) * fresh,
          );
        }
        if (isConfirmed(measureConfirmation(sample(14, (day) => effects[day] ?? 0, 10))))
          confirmed += 1;
      }
      expect(confirmed).toBeLessThan(most);
      expect(confirmed).toBeGreaterThanOrEqual(least);
    },
  );
});
