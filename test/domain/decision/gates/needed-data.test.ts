import { neededText, timesNeeded } from '../../../../domain/decision/gates/needed-data';

test.each<[string, number, readonly [number | null, number | null], number, number | null]>([
  ['a bound twice as far away as the limit needs four times as much', 0, [-2, 2], 1, 4],
  ['an estimate above the limit is decided by its lower bound', 3, [1, 9], 2, 4],
  ['a bound at the limit is almost there', 0, [-1, 1], 1, 1],
  ['an estimate at its limit is never decided', 1, [0, 2], 1, null],
  ['a limit that is very near is never decided', 0, [-1, 1], 0.001, null],
  ['nothing follows from an unbounded side', 0, [-1, null], 1, null],
])('%s', (_, estimate, [lower, upper], limit, times) => {
  expect(timesNeeded(estimate, { lower, upper }, limit)).toBe(times);
});

test('days are counted if days were resampled, and rows otherwise', () => {
  const holdout = { rows: 28_834, days: 30 };
  expect(neededText(holdout, 4)).toBe('about 120 days are needed');
  expect(neededText({ ...holdout, unit: 'row' }, 2)).toBe('about 57,668 rows are needed');
  expect(neededText({ ...holdout, unit: 'group' }, 2)).toBe('about 57,668 rows are needed');
  expect(neededText(holdout, 1)).toBe('about 31 days are needed');
  expect(neededText(holdout, null)).toBe('more data would not decide');
});
