import { count } from '../../format';

/** The most blocks: enough for narrow intervals and few enough for fast resamples. */
const maxBlocks = 200;

export interface RandomBlocks {
  /** The block of each row, numbered from 0 without empty blocks. */
  readonly block: Int32Array;
  readonly blocks: number;
  /** The number of different hashes. */
  readonly groups: number;
}

/**
 * Puts rows with the same hash into one block, and more than 200 hashes into 200 random blocks.
 * Dependent rows stay together, and blocks stay independent. Blocks are resampled instead of days.
 * The random groups method, K. M. Wolter, "Introduction to Variance Estimation" (2007), ch. 2.
 * `hashes`: hexadecimal, 16 digits.
 */
export function randomBlocks(hashes: readonly string[]): RandomBlocks {
  const different = [...new Set(hashes)].sort();
  const numbers = new Map(
    different.map((hash, place) => [
      hash,
      different.length > maxBlocks ? assignBlock(hash) : place,
    ]),
  );
  const used = [...new Set(numbers.values())].sort((a, b) => a - b);
  const places = new Map(used.map((number, place) => [number, place]));
  const block = Int32Array.from(hashes, (hash) => places.get(numbers.get(hash) ?? -1) ?? 0);
  return { block, blocks: used.length, groups: different.length };
}

/** The sample of an interval as text. Up to 200 groups have a block each. */
export function blocksText({
  rows,
  days,
  unit,
}: {
  readonly rows: number;
  readonly days: number;
  readonly unit: 'row' | 'group';
}): string {
  const counted = `${count(rows)} rows`;
  if (days >= maxBlocks)
    return `${counted} in ${days} random blocks${unit === 'group' ? ' of groups' : ''}`;
  return unit === 'group' ? `${counted} of ${days} groups` : counted;
}

/** Uses other digits than the assignment of rows to parts. */
function assignBlock(hash: string): number {
  return parseInt(hash.slice(8, 16), 16) % maxBlocks;
}
