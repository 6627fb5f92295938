import { neededTolerance, type SetBet } from './betting';
import { binCount, type FeatureBins } from './bins';
import { blockScales, mapScales, type BlockScale, type ByScale } from './blocks';
import { emptyMemory, remember, sumCounts } from './memory';
import { addTo, mixedShares, overallShares, computeShares, type PlacedCounts } from './shares';
import { betOn, mapKinds, setsFor, shiftKinds, type ByKind } from './shift';
import { minBlockRows } from './tolerance';

/** A monitor looks several times in an hour, and learns in between. */
const looksPerHour = 4;

interface OpenBlock {
  readonly block: number;
  rows: number;
  readonly bets: ByKind<SetBet[]>;
}

/**
 * Replays the reference through the tests and returns, for each kind and scale, the tolerance that
 * each block would have needed. A block is compared with the reference without itself. The rows of
 * an hour are dealt evenly to its looks, so that the first look already shows the hour: the learnt
 * set is at least as good as in live traffic.
 */
export function neededByBlock(
  bins: FeatureBins,
  hours: readonly PlacedCounts[],
  with_: {
    readonly seasons: readonly (readonly number[])[];
    readonly minEffect: number;
    readonly thresholds: ByScale<number>;
  },
): ByKind<ByScale<readonly number[]>> {
  const { seasons, minEffect, thresholds } = with_;
  const needed = mapKinds(() => mapScales((): number[] => []));
  const blockShares = mapScales((scale) => sharesWithout(hours, seasons, scale));
  const shares = computeShares(seasons);
  const open = new Map<BlockScale, OpenBlock>();
  let memory = emptyMemory(binCount(bins));

  function close(scale: BlockScale): void {
    const block = open.get(scale);
    open.delete(scale);
    if (block === undefined || block.rows < minBlockRows) return;
    for (const kind of shiftKinds)
      needed[kind][scale].push(neededTolerance(block.bets[kind], thresholds[scale]));
  }

  for (const { place, counts } of hours) {
    const blocks = blockScales.map((scale) => {
      const block = place.blocks[scale];
      if (open.get(scale)?.block !== block) close(scale);
      const found = open.get(scale) ?? {
        block,
        rows: 0,
        bets: mapKinds((): SetBet[] => []),
      };
      open.set(scale, found);
      found.rows += sumCounts(counts);
      return { scale, found };
    });
    const expected = shares[place.season] ?? [];
    for (const part of dealt(counts)) {
      const rows = sumCounts(part);
      const sets = setsFor(bins, memory, expected, minEffect);
      for (const { scale, found } of blocks) {
        const without = blockShares[scale](found.block, place.season);
        for (const kind of shiftKinds) {
          const bet = betOn(sets[kind], { kind, scale, counts: part, rows, shares: without });
          if (bet !== null) found.bets[kind].push(bet);
        }
      }
      memory = remember(memory, part, expected);
    }
  }
  for (const scale of blockScales) close(scale);
  return needed;
}

/** Shares of a season without the rows of one block. */
function sharesWithout(
  hours: readonly PlacedCounts[],
  seasons: readonly (readonly number[])[],
  scale: BlockScale,
): (block: number, season: number) => readonly number[] {
  const overall = overallShares(seasons);
  const own = new Map<string, number[]>();
  const formatSeasonKey = (block: number, season: number) => `${block}/${season}`;
  for (const { place, counts } of hours) {
    const key = formatSeasonKey(place.blocks[scale], place.season);
    const held = own.get(key) ?? counts.map(() => 0);
    own.set(key, held);
    addTo(held, counts);
  }
  const found = new Map<string, readonly number[]>();
  return (block, season) => {
    const key = formatSeasonKey(block, season);
    const held = own.get(key);
    const shares =
      found.get(key) ??
      mixedShares(
        (seasons[season] ?? []).map((count, bin) => count - (held?.[bin] ?? 0)),
        overall,
      );
    found.set(key, shares);
    return shares;
  };
}

function dealt(counts: readonly number[]): readonly (readonly number[])[] {
  return Array.from({ length: looksPerHour }, (_, look) =>
    counts.map((count, bin) => {
      const rest = count % looksPerHour;
      const extra = (look + bin) % looksPerHour < rest ? 1 : 0;
      return Math.floor(count / looksPerHour) + extra;
    }),
  ).filter((part) => sumCounts(part) > 0);
}
