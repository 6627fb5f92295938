import { count } from '../../format';

/**
 * How many clusters are resampled at most: enough that their number hardly widens an interval, few
 * enough that a resample stays cheap.
 */
const mostBlocks = 200;

export interface RandomBlocks {
  /** Of each row, numbered from 0 without blocks that have no rows. */
  readonly block: Int32Array;
  readonly blocks: number;
  /** Different hashes: groups, or rows that differ in some column. */
  readonly groups: number;
}

/**
 * Puts rows that share a hash into one block, and hashes into blocks at random where there are more
 * than 200: what is independent of each other stays so when it is put together, and what is not
 * stays together. Blocks then take the place of days. The random groups method, K. M. Wolter,
 * "Introduction to Variance Estimation" (2007), ch. 2. `hashes`: hexadecimal, 16 digits.
 */
export function randomBlocks(hashes: readonly string[]): RandomBlocks {
  const different = [...new Set(hashes)].sort();
  const numbers = new Map(
    different.map((hash, place) => [hash, different.length > mostBlocks ? blockOf(hash) : place]),
  );
  const used = [...new Set(numbers.values())].sort((a, b) => a - b);
  const places = new Map(used.map((number, place) => [number, place]));
  const block = Int32Array.from(hashes, (hash) => places.get(numbers.get(hash) ?? -1) ?? 0);
  return { block, blocks: used.length, groups: different.length };
}

/** In words: what an interval rests on. Up to 200 groups are each a block of their own. */
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
  if (days >= mostBlocks)
    return `${counted} in ${days} random blocks${unit === 'group' ? ' of groups' : ''}`;
  return unit === 'group' ? `${counted} of ${days} groups` : counted;
}

/** By other digits than those that put a row into its part. */
function blockOf(hash: string): number {
  return parseInt(hash.slice(8, 16), 16) % mostBlocks;
}
