import fc from 'fast-check';
import {
  ageBins,
  computeAge,
  binCount,
  binLabel,
  findBin,
  binProblem,
  categoryBins,
  featureTitle,
  numberBins,
  unusualBins,
  type FeatureBins,
} from '../../../domain/monitoring/bins';

const numbers = numberBins(
  'distance',
  Array.from({ length: 1000 }, (_, index) => index),
);
const categories = categoryBins('carrier', [
  ['UA', 500],
  ['DL', 400],
  ['OO', 1],
]);

describe('bins of a number', () => {
  test('hold equal shares of the reference', () => {
    const counts = new Array<number>(binCount(numbers)).fill(0);
    for (let value = 0; value < 1000; value += 1) {
      const bin = findBin(numbers, value);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    expect(counts.slice(2, -2).every((count) => Math.abs(count - 100) <= 1)).toBe(true);
  });

  test.each([
    [null, 'missing'],
    [undefined, 'missing'],
    [NaN, 'missing'],
    [-1000, 'far below 0'],
    [-1, '0 … 100'],
    [0, '0 … 100'],
    [999, '899 … 999'],
    [999.5, '899 … 999'],
    [1999, 'far above 999'],
    [Infinity, 'far above 999'],
    [5n, '0 … 100'],
    ['12', 'not a number'],
    [{}, 'not a number'],
  ])('put %p into "%s"', (value, label) => {
    expect(binLabel(numbers, findBin(numbers, value))).toBe(label);
  });

  test('of one distinct number know that number and its two sides', () => {
    const constant = numberBins('constant', [7, 7, 7]);
    const labels = [6, 7, 8].map((value) => binLabel(constant, findBin(constant, value)));
    expect(labels).toEqual(['far below 7', '7 … 7', 'far above 7']);
  });

  test('of no number treat each number as unusual', () => {
    const empty = numberBins('empty', [null, NaN] as number[]);
    expect(unusualBins(empty)).toContain(findBin(empty, 3));
    expect(findBin(empty, null)).toBe(0);
  });
});

describe('bins of a category', () => {
  test.each([
    ['UA', 'UA'],
    ['OO', 'rare values'],
    ['XX', 'unseen values'],
    [null, 'missing'],
    [12, 'unseen values'],
  ])('put %p into "%s"', (value, label) => {
    expect(binLabel(categories, findBin(categories, value))).toBe(label);
  });

  test('do not depend on the order of the counts', () => {
    const rows = [
      ['b', 5],
      ['a', 5],
      ['c', 9],
    ] as const;
    expect(categoryBins('x', rows)).toEqual(categoryBins('x', [...rows].reverse()));
  });
});

test.each<[string, FeatureBins, unknown, ReturnType<typeof binProblem>]>([
  ['a missing number', numbers, null, 'missing'],
  ['a number far out of the range', numbers, 1e9, 'out-of-range'],
  ['a number far below the range', numbers, -1e9, 'out-of-range'],
  ['a text in the place of a number', numbers, 'far', 'wrong-type'],
  ['a category that the reference does not hold', categories, 'none of them', 'unseen'],
  ['a missing category', categories, undefined, 'missing'],
])('%s is named by what is wrong with it', (_, bins, value, problem) => {
  expect(binProblem(bins, findBin(bins, value))).toBe(problem);
});

test('most bins hold usual values', () => {
  const usual = (bins: FeatureBins) =>
    Array.from({ length: binCount(bins) }, (__, bin) => binProblem(bins, bin)).filter(
      (problem) => problem === null,
    ).length;
  expect(usual(numbers)).toBe(binCount(numbers) - 4);
  expect(usual(categories)).toBe(binCount(categories) - 2);
});

test('each value has a bin with a label', () => {
  fc.assert(
    fc.property(fc.anything(), fc.constantFrom<FeatureBins>(numbers, categories), (value, bins) => {
      const bin = findBin(bins, value);
      expect(bin).toBeGreaterThanOrEqual(0);
      expect(bin).toBeLessThan(binCount(bins));
      expect(binLabel(bins, bin)).not.toBe('');
    }),
  );
});

describe('the age of a time', () => {
  test('is the seconds to the event time, and a value that is no time stays what it is', () => {
    expect(computeAge('2024-01-01T00:00:00Z', '2024-01-01T01:00:00Z')).toBe(3600);
    expect(computeAge('yesterday', '2024-01-01T01:00:00Z')).toBe('yesterday');
    expect(computeAge(null, '2024-01-01T01:00:00Z')).toBeNull();
  });

  test('has bins under the name of the column, and another title', () => {
    const bins = ageBins('seen_at', [0, 10, 20, 30]);
    expect(bins).toMatchObject({ name: 'seen_at', of: 'age' });
    expect(featureTitle(bins)).toBe('age of seen_at');
    expect(findBin(bins, 'yesterday')).toBe(binCount(bins) - 1);
  });
});
