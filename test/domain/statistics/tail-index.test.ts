import { normalQuantile } from '../../../domain/statistics/distributions';
import { seededRandom } from '../../../domain/statistics/random';
import { heavyTail } from '../../../domain/statistics/tail-index';

const drawn = (rows: number, draw: (uniform: number) => number, seed = 1) => {
  const random = seededRandom([seed, 2, 3, 4]);
  return Float64Array.from({ length: rows }, () => draw(random() + 2 ** -33));
};

test('estimates the index of a Pareto tail', () => {
  const found = heavyTail(drawn(30_000, (uniform) => uniform ** (-1 / 1.25)));
  expect(found?.rows).toBe(300);
  expect(found?.index).toBeGreaterThan(1.1);
  expect(found?.index).toBeLessThan(1.4);
});

test.each([
  ['squared normal errors', (uniform: number) => normalQuantile(uniform) ** 2],
  ['squared Laplace errors', (uniform: number) => Math.log(uniform) ** 2],
  ['absolute errors with a Pareto tail of 3', (uniform: number) => uniform ** (-1 / 3)],
  ['bounded errors', (uniform: number) => Math.min(10, uniform ** (-1 / 1.25))],
  ['equal errors', () => 1],
])('finds none in %s', (_name, draw) => {
  const seeds = [1, 2, 3, 4, 5];
  expect(seeds.map((seed) => heavyTail(drawn(30_000, draw, seed)))).toEqual(seeds.map(() => null));
});

test('finds none in few rows', () => {
  expect(heavyTail(drawn(99, (uniform) => uniform ** -1))).toBeNull();
});

test('does not depend on the unit', () => {
  const values = drawn(2_000, (uniform) => 1 / uniform);
  expect(heavyTail(values.map((value) => 8 * value))?.index).toBeCloseTo(
    heavyTail(values)?.index ?? NaN,
    9,
  );
});
