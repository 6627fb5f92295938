import {
  binLabel,
  binMiddles,
  binProblem,
  featureTitle,
  unusualBins,
  type BinProblem,
  type FeatureBins,
} from './bins';
import { blockScales, type BlockScale } from './blocks';
import { logEvidence } from './betting';
import { computeThresholds } from './drift';
import type { BlockCounts, DriftState, FeatureState } from './drift-state';
import { jumpResult, type JumpResult } from './jump/jump-results';
import { shareIn, sumCounts } from './memory';
import type { FeatureReference, MonitorReference } from './reference';
import { shiftKinds, type ShiftKind } from './shift';

/** One test of one feature at one scale. */
export interface DriftSignal {
  readonly kind: ShiftKind;
  readonly scale: BlockScale;
  /**
   * How far the rows of the newest block differ: their total variation distance, or by how much the
   * share of missing or unusual values has risen.
   */
  readonly effect: number;
  readonly rows: number;
  /** Null if the scale is not tested, and `reason` says why. */
  readonly tolerance: number | null;
  readonly reason: string | null;
  /** Log-evidence of the newest block, and the log-evidence that raises an alarm. */
  readonly logEvidence: number;
  readonly threshold: number;
  /** The start of the block that raised the open alarm, and the hour whose rows raised it. */
  readonly since: string | null;
  readonly raisedAt: string | null;
  /** Alarms that this test ever raised. */
  readonly raised: number;
}

export interface BinShift {
  readonly bin: string;
  /** Null for usual values. Absent in results that were stored without it. */
  readonly problem?: BinProblem | null;
  readonly reference: number;
  readonly current: number;
}

/** A feature, a pair of features, or the score of the model. */
export const driftRoles = ['feature', 'pair', 'score'] as const;
export type DriftRole = (typeof driftRoles)[number];

export interface FeatureDrift {
  readonly feature: string;
  readonly role: DriftRole;
  /** The scale that the effect, the bins and the means are about. */
  readonly scale: BlockScale;
  /** Total variation distance from the reference, less what chance alone is expected to give. */
  readonly effect: number;
  readonly tolerance: number | null;
  readonly rows: number;
  /**
   * Change of the mean in standard deviations of the reference, from the middles of the bins; null
   * for categories.
   */
  readonly meanShift: number | null;
  readonly bins: readonly BinShift[];
  readonly signals: readonly DriftSignal[];
  /**
   * The open alarm of missing or unusual values, or else of the distribution, with the most evidence
   * over its threshold.
   */
  readonly alarm: DriftSignal | null;
  /** Null for categories, pairs and the score; absent in results that were stored without it. */
  readonly jump?: JumpResult | null;
}

function hasAlarm({ alarm, jump }: Pick<FeatureDrift, 'alarm' | 'jump'>): boolean {
  return alarm !== null || jump?.alarm != null;
}

/** Features with an alarm first, then by effect, the largest first. */
export function driftResults(
  state: DriftState,
  reference: MonitorReference,
): readonly FeatureDrift[] {
  const compared = [
    ...reference.features.map((of, index) => ['feature', state.features[index], of] as const),
    ...reference.pairs.map((of, index) => ['pair', state.pairs[index], of] as const),
    ['score', state.score, reference.score] as const,
  ];
  const results = compared.flatMap(([role, held, of]) =>
    held && of ? [buildDriftResult(held, of, { role, reference })] : [],
  );
  return results.sort((a, b) => Number(hasAlarm(b)) - Number(hasAlarm(a)) || b.effect - a.effect);
}

function buildDriftResult(
  held: FeatureState,
  of: FeatureReference,
  { role, reference }: Pick<FeatureDrift, 'role'> & { readonly reference: MonitorReference },
): FeatureDrift {
  const thresholds = computeThresholds(reference);
  const kinds = role === 'feature' ? shiftKinds : (['distribution'] as const);
  const signals = kinds.flatMap((kind) =>
    blockScales.map((scale) =>
      buildSignal(held, of, { kind, scale, threshold: thresholds[scale] }),
    ),
  );
  const open = signals.filter(({ since }) => since !== null);
  // Broken values shift the distribution too, and no run may start on them.
  const alarm =
    findStrongest(open.filter(({ kind }) => kind !== 'distribution')) ?? findStrongest(open);
  const scale = alarm?.scale ?? leadingScale(of);
  const { current, expected, rows } = comparedIn(held, of, scale);
  return {
    feature: featureTitle(of.bins),
    role,
    scale,
    effect: distance(current, expected, rows),
    tolerance: of.tolerances.distribution[scale].value,
    rows,
    meanShift: rows === 0 ? null : meanShift(of.bins, current, expected),
    bins: current.map((share, bin) => ({
      bin: binLabel(of.bins, bin),
      problem: binProblem(of.bins, bin),
      reference: expected[bin] ?? 0,
      current: share,
    })),
    signals,
    alarm,
    jump: of.jump && of.bins.kind === 'number' ? jumpResult(of.bins, of.jump, held.jump) : null,
  };
}

function findStrongest(signals: readonly DriftSignal[]): DriftSignal | null {
  const over = (signal: DriftSignal) => signal.logEvidence - signal.threshold;
  return signals.reduce<DriftSignal | null>(
    (most, each) => (most === null || over(each) > over(most) ? each : most),
    null,
  );
}

/** A day is long enough for most features; others are tested at another scale. */
function leadingScale({ tolerances }: FeatureReference): BlockScale {
  const order: readonly BlockScale[] = ['day', 'week', 'hour'];
  return order.find((scale) => tolerances.distribution[scale].value !== null) ?? 'day';
}

function buildSignal(
  held: FeatureState,
  of: FeatureReference,
  at: Pick<DriftSignal, 'kind' | 'scale' | 'threshold'>,
): DriftSignal {
  const { kind, scale } = at;
  const test = held.tests[kind][scale];
  const { current, expected, rows } = comparedIn(held, of, scale);
  const set = kind === 'missing' ? [0] : unusualBins(of.bins);
  const effect =
    kind === 'distribution'
      ? distance(current, expected, rows)
      : Math.max(0, shareIn(current, set) - shareIn(expected, set));
  const { value: tolerance, reason } = of.tolerances[kind][scale];
  return {
    ...at,
    effect,
    rows,
    tolerance,
    reason,
    logEvidence: logEvidence(test.wealth),
    since: test.alarm?.since ?? null,
    raisedAt: test.alarm?.raisedAt ?? null,
    raised: test.raised,
  };
}

/** Rows from which the newest block is shown alone. */
const rowsToShow = 100;

/**
 * Shares of the newest block, with the one before if it has few rows, and the shares that the
 * reference expects in the same seasons.
 */
function comparedIn(held: FeatureState, of: FeatureReference, scale: BlockScale) {
  const { newest } = held.counts[scale];
  const last = sumCounts(newest.bins) < rowsToShow ? held.counts[scale].last : null;
  const both = (pick: (counts: BlockCounts) => readonly number[]) =>
    pick(newest).map((count, index) => count + ((last && pick(last)[index]) ?? 0));
  const counts = both(({ bins }) => bins);
  const seasons = both(({ seasons: rows }) => rows);
  const rows = sumCounts(counts);
  const expected = counts.map((_, bin) =>
    rows === 0
      ? 0
      : seasons.reduce((sum, count, season) => sum + count * (of.shares[season]?.[bin] ?? 0), 0) /
        rows,
  );
  return { rows, expected, current: counts.map((count) => (rows === 0 ? 0 : count / rows)) };
}

/**
 * Total variation distance, less its expectation for as many rows of the reference: each count is
 * about normal, with a mean absolute deviation of √(2/π) standard deviations.
 */
function distance(current: readonly number[], expected: readonly number[], rows: number): number {
  if (rows === 0) return 0;
  let [found, chance] = [0, 0];
  current.forEach((share, bin) => {
    const q = expected[bin] ?? 0;
    found += Math.abs(share - q) / 2;
    chance += Math.sqrt((2 * q * (1 - q)) / (Math.PI * rows)) / 2;
  });
  return Math.max(0, found - chance);
}

function meanShift(
  bins: FeatureBins,
  current: readonly number[],
  expected: readonly number[],
): number | null {
  if (bins.kind === 'category') return null;
  const middles = binMiddles(bins);
  const moment = (shares: readonly number[], of: (middle: number) => number) => {
    let [sum, weight] = [0, 0];
    middles.forEach((middle, bin) => {
      if (middle === null) return;
      sum += (shares[bin] ?? 0) * of(middle);
      weight += shares[bin] ?? 0;
    });
    return weight === 0 ? null : sum / weight;
  };
  const [before, now] = [moment(expected, (x) => x), moment(current, (x) => x)];
  if (before === null || now === null) return null;
  const variance = moment(expected, (x) => (x - before) ** 2) ?? 0;
  return variance > 0 ? (now - before) / Math.sqrt(variance) : null;
}
