import { seasonCount, type HourPlace } from './blocks';
import { sumCounts } from './memory';

/** Rows by bin of one feature in one hour. */
export interface PlacedCounts {
  readonly place: HourPlace;
  readonly counts: readonly number[];
}

/** Seasons with few rows are mixed with this many rows of the whole reference. */
const sharedRows = 100;

export function seasonCounts(
  hours: readonly PlacedCounts[],
  bins: number,
): readonly (readonly number[])[] {
  const seasons = Array.from({ length: seasonCount }, () => new Array<number>(bins).fill(0));
  for (const { place, counts } of hours) addTo(seasons[place.season], counts);
  return seasons;
}

/** Shares by season, mixed with those of all seasons. Without rows, each bin has the same share. */
export function computeShares(
  seasons: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const overall = overallShares(seasons);
  return seasons.map((season) => mixedShares(season, overall));
}

export function overallShares(seasons: readonly (readonly number[])[]): readonly number[] {
  const all = new Array<number>(seasons[0]?.length ?? 0).fill(0);
  for (const season of seasons) addTo(all, season);
  const rows = sumCounts(all);
  return all.map((count) => (rows === 0 ? 1 / all.length : count / rows));
}

export function mixedShares(
  season: readonly number[],
  overall: readonly number[],
): readonly number[] {
  const weight = sumCounts(season) + sharedRows;
  return season.map((count, bin) => (count + sharedRows * (overall[bin] ?? 0)) / weight);
}

export function addTo(sums: number[] | undefined, counts: readonly number[]): void {
  if (sums === undefined) return;
  counts.forEach((count, bin) => (sums[bin] = (sums[bin] ?? 0) + count));
}
