import { binCount, type FeatureBins } from './bins';
import { mapScales, openBlocks, type BlockScale, type ByScale } from './blocks';
import { neededByBlock } from './calibration';
import type { FeaturePair } from './feature-pairs';
import { learnJumpReference } from './jump/jump-reference';
import type { JumpReference } from './jump/jump-test';
import { isVaryingNumber, noSums, type ValueSums } from './jump/value-sums';
import { sumCounts } from './memory';
import { seasonCounts, computeShares, type PlacedCounts } from './shares';
import { mapKinds, chooseMinEffect, shiftKinds, type ByKind, type ShiftKind } from './shift';
import {
  alarmThreshold,
  blockAlpha,
  computeTolerance,
  type DriftSettings,
  type Tolerance,
} from './tolerance';

/** Rows by bin of each feature in one hour of event time, or in a part of one. */
export interface HourCounts {
  /** ISO time in the hour, in UTC. */
  readonly hour: string;
  readonly features: Readonly<Record<string, readonly number[]>>;
  /** Rows by bin of the model's score. */
  readonly score: readonly number[] | null;
  /** Rows by bin of the score of each pair of features, by the name of the pair. */
  readonly pairs: Readonly<Record<string, readonly number[]>>;
  /** Sums of the numeric features. */
  readonly sums: Readonly<Record<string, ValueSums>>;
}

export interface FeatureReference {
  readonly bins: FeatureBins;
  /** Q: by season, the share of each bin. */
  readonly shares: readonly (readonly number[])[];
  readonly tolerances: ByKind<ByScale<Tolerance>>;
  /** Jump limits of a numeric feature; absent in references that were stored without them. */
  readonly jump?: JumpReference;
}

/** With what a monitor compares the traffic of a model version. Plain JSON. */
export interface MonitorReference {
  readonly timezone: string;
  readonly settings: DriftSettings;
  readonly rows: number;
  /** The first and the last hour. */
  readonly from: string | null;
  readonly until: string | null;
  readonly features: readonly FeatureReference[];
  readonly score: FeatureReference | null;
  /** How features belong together. */
  readonly pairs: readonly PairReference[];
}

/** The shares are those of the pair's score. */
export type PairReference = FeatureReference & FeaturePair;

/**
 * Learns shares and tolerances from the counts of a reference period. One year holds no yearly
 * season, so a reference of one year says nothing about how years differ.
 * @throws RangeError if a feature has no counts in an hour, or too few bins
 */
export function learnReference(input: {
  readonly bins: readonly FeatureBins[];
  readonly scoreBins: FeatureBins | null;
  readonly pairs: readonly FeaturePair[];
  readonly hours: readonly HourCounts[];
  readonly timezone: string;
  readonly settings: DriftSettings;
}): MonitorReference {
  const { bins, scoreBins, pairs, timezone, settings } = input;
  const calendar = openBlocks(timezone);
  const hours = [...input.hours].sort((a, b) => Date.parse(a.hour) - Date.parse(b.hour));
  const places = hours.map(({ hour }) => calendar.findPlace(hour));
  const numbers = bins.filter(isVaryingNumber);
  const tests = testCount(bins.length, {
    jumps: numbers.length,
    others: pairs.length + (scoreBins === null ? 0 : 1),
  });
  const of = (each: FeatureBins, countsOf: (hour: HourCounts) => readonly number[] | null) =>
    featureReference(
      each,
      hours.flatMap((hour, index) => {
        const place = places[index];
        const counts = countsOf(hour);
        return place && counts ? [{ place, counts: checkedCounts(each, counts, hour.hour) }] : [];
      }),
      { tests, settings },
    );
  const learnJump = (each: FeatureBins) => {
    if (!numbers.some(({ name }) => name === each.name)) return {};
    const sums = hours.flatMap((hour, index) => {
      const place = places[index];
      return place ? [{ ...(hour.sums[each.name] ?? noSums), hour: place.blocks.hour }] : [];
    });
    return { jump: learnJumpReference(sums, settings.minEffect) };
  };
  const features = bins.map((each) => ({
    ...of(each, ({ features: all }) => all[each.name] ?? []),
    ...learnJump(each),
  }));
  const score = scoreBins === null ? null : of(scoreBins, (hour) => hour.score);
  const rows = hours.reduce((sum, hour) => {
    const first = bins[0] === undefined ? hour.score : hour.features[bins[0].name];
    return sum + sumCounts(first ?? []);
  }, 0);
  return {
    timezone,
    settings,
    rows,
    from: hours[0]?.hour ?? null,
    until: hours.at(-1)?.hour ?? null,
    features,
    score,
    pairs: pairs.map((pair) => ({
      ...of(pair.bins, (hour) => hour.pairs[pair.bins.name] ?? []),
      ...pair,
    })),
  };
}

/**
 * The number of tests at each scale: three of each feature, one of the jumps of each number, and one
 * of each pair and the score. Only hours are tested for jumps, so other scales have a little to spare.
 */
export function testCount(
  features: number,
  { jumps, others }: { readonly jumps: number; readonly others: number },
): number {
  return features * shiftKinds.length + jumps + others;
}

/** @throws RangeError if the counts do not fit the bins */
export function checkedCounts(
  bins: FeatureBins,
  counts: readonly number[],
  hour: string,
): readonly number[] {
  const expected = binCount(bins);
  if (counts.length !== expected || !counts.every((count) => count >= 0))
    throw new RangeError(
      `feature ${bins.name} has ${expected} bins, and its counts of ${hour} are [${counts.join(', ')}]`,
    );
  return counts;
}

function featureReference(
  bins: FeatureBins,
  hours: readonly PlacedCounts[],
  { tests, settings }: { readonly tests: number; readonly settings: DriftSettings },
): FeatureReference {
  const seasons = seasonCounts(hours, binCount(bins));
  const needed = neededByBlock(bins, hours, {
    seasons,
    minEffect: settings.minEffect,
    thresholds: mapScales((scale) => alarmThreshold(tests, scale, settings)),
  });
  const tolerance = (kind: ShiftKind, scale: BlockScale) =>
    computeTolerance(needed[kind][scale], {
      scale,
      alpha: blockAlpha(tests, scale, settings),
      minEffect: chooseMinEffect(kind, settings.minEffect),
    });
  return {
    bins,
    shares: computeShares(seasons),
    tolerances: mapKinds((kind) => mapScales((scale) => tolerance(kind, scale))),
  };
}
