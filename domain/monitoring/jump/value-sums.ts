import type { FeatureBins, NumberBins } from '../bins';

/**
 * Sums of the numbers of a feature, as positions: 0 is the smallest number of the reference and 1 the
 * largest. Values further out than the range is wide have a test of their own (`unusualBins`), so
 * they do not count here. A position is therefore between −1 and 2, and no single value moves a
 * mean far.
 */
export interface ValueSums {
  readonly rows: number;
  readonly sum: number;
  readonly squares: number;
}

export const noSums: ValueSums = { rows: 0, sum: 0, squares: 0 };

export function addSums(one: ValueSums, other: ValueSums): ValueSums {
  return {
    rows: one.rows + other.rows,
    sum: one.sum + other.sum,
    squares: one.squares + other.squares,
  };
}

/** Null for a value that does not count. */
export function findPosition(bins: NumberBins, value: unknown): number | null {
  const number = typeof value === 'bigint' ? Number(value) : value;
  const { first, range } = findRange(bins);
  if (typeof number !== 'number' || range === 0) return null;
  const position = (number - first) / range;
  return position >= -1 && position <= 2 ? position : null;
}

export function valueAt(bins: NumberBins, position: number): number {
  const { first, range } = findRange(bins);
  return first + position * range;
}

/** The width is 0 for a constant, and without numbers. */
export function findRange({ edges }: NumberBins): {
  readonly first: number;
  readonly range: number;
} {
  const first = edges[0] ?? 0;
  return { first, range: (edges.at(-1) ?? first) - first };
}

export function meanIn({ rows, sum }: ValueSums): number {
  return sum / rows;
}

export function varianceIn({ rows, sum, squares }: ValueSums): number {
  return Math.max(0, squares / rows - (sum / rows) ** 2);
}

/** Features that have a mean. */
export function isVaryingNumber(bins: FeatureBins): bins is NumberBins {
  return bins.kind === 'number' && findRange(bins).range > 0;
}
