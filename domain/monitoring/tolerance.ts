import { blocksPerYear, type BlockScale } from './blocks';

/** How rare false alarms are, and which shift matters. */
export interface DriftSettings {
  /** The expected number of false alarms of drift in a year, over all its tests. */
  readonly falseAlarmsPerYear: number;
  /** The smallest total variation distance that may raise an alarm. */
  readonly minEffect: number;
}

/** A tolerance is null if a scale is not tested, and `reason` says why. */
export interface Tolerance {
  readonly value: number | null;
  readonly reason: string | null;
}

/** Fewer rows say nothing about a block. */
export const minBlockRows = 20;
const minBlocks = 10;
const scaleCount = 3;
/** Blocks with more rows than any of the reference show their distance a little better. */
const slack = 0.02;
/** Above it, hardly any shift could raise an alarm. */
const maxTolerance = 0.95;

/**
 * The probability with which a test may raise a false alarm in one block. Over the tests and blocks
 * of a year, these sum to `falseAlarmsPerYear`, which bounds the expected number of false alarms
 * under any dependence (the per-family error rate of J. W. Tukey; E. Spjøtvoll, Annals of
 * Mathematical Statistics 43 (1972)).
 */
export function blockAlpha(tests: number, scale: BlockScale, settings: DriftSettings): number {
  return settings.falseAlarmsPerYear / (scaleCount * tests * blocksPerYear[scale]);
}

/** The log-evidence at which a test raises an alarm: log 1/α of Ville's inequality. */
export function alarmThreshold(tests: number, scale: BlockScale, settings: DriftSettings): number {
  return -Math.log(blockAlpha(tests, scale, settings));
}

/**
 * The tolerance of a test, from the tolerance that each block of the reference would have needed.
 * The blocks of a year reach further than those of the reference, so it is the level that a block
 * exceeds with probability `alpha` if blocks are alike: the excesses over a high quantile are taken
 * as exponential. The true tail is lighter, because no distance exceeds 1.
 *
 * J. Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 3
 * (1975); S. Coles, "An Introduction to Statistical Modeling of Extreme Values" (2001), §4.3.
 */
export function computeTolerance(
  needed: readonly number[],
  { scale, alpha, minEffect }: Readonly<{ scale: BlockScale; alpha: number; minEffect: number }>,
): Tolerance {
  if (needed.length < minBlocks)
    return off(
      `the reference has ${needed.length} ${scale}s with ${minBlockRows} rows or more; ` +
        `at least ${minBlocks} are needed`,
    );
  const level = returnLevel(needed, alpha);
  const value = Math.max(minEffect, level > 0 ? level + slack : 0);
  if (value <= maxTolerance) return { value, reason: null };
  return off(`its values differ too much from ${scale} to ${scale} in the reference`);
}

function off(reason: string): Tolerance {
  return { value: null, reason };
}

/**
 * The level that a block exceeds with probability `alpha` if blocks are alike. Few large excesses
 * and many small ones have different tails, so the largest level of several quantiles counts.
 */
export function returnLevel(needed: readonly number[], alpha: number): number {
  const sorted = [...needed].sort((a, b) => b - a);
  let level = sorted[0] ?? 0;
  for (let count = 5; count < sorted.length && count <= Math.sqrt(sorted.length) * 2; count *= 2)
    level = Math.max(level, levelOver(sorted, count, alpha));
  return level;
}

function levelOver(sorted: readonly number[], count: number, alpha: number): number {
  const threshold = sorted[count] ?? 0;
  const largest = sorted.slice(0, count);
  const meanExcess = largest.reduce((sum, each) => sum + each - threshold, 0) / count;
  return threshold + meanExcess * Math.max(0, Math.log(count / sorted.length / alpha));
}
