import { asymptoticRadius } from './asymptotic-sequence';
import { normalCdf, studentQuantile } from './distributions';
import type { SequenceBounds } from './mean-sequence';

/**
 * The sums of one arm whose observations come in clusters, for a weighted mean and its variance
 * over clusters. With w the weight and x the weighted sum of one cluster: Σw, Σx, Σw², Σwx, Σx².
 */
export interface ClusterState {
  readonly clusters: number;
  readonly weight: number;
  readonly sum: number;
  readonly weightSquares: number;
  readonly products: number;
  readonly sumSquares: number;
}

/** The weight of one cluster, and the weighted sum of its observations. */
export interface ClusterTotal {
  readonly weight: number;
  readonly sum: number;
}

export const noClusters: ClusterState = {
  clusters: 0,
  weight: 0,
  sum: 0,
  weightSquares: 0,
  products: 0,
  sumSquares: 0,
};

export const noTotal: ClusterTotal = { weight: 0, sum: 0 };

/** Replaces the total of one cluster; `noTotal` before its first observation. */
export function replaceTotal(
  state: ClusterState,
  before: ClusterTotal,
  after: ClusterTotal,
): ClusterState {
  return {
    clusters: state.clusters + (before.weight === 0 && after.weight > 0 ? 1 : 0),
    weight: state.weight + after.weight - before.weight,
    sum: state.sum + after.sum - before.sum,
    weightSquares: state.weightSquares + after.weight ** 2 - before.weight ** 2,
    products: state.products + after.weight * after.sum - before.weight * before.sum,
    sumSquares: state.sumSquares + after.sum ** 2 - before.sum ** 2,
  };
}

/**
 * The number of clusters of equal weight that would be as certain: (Σw)²/Σw² (L. Kish, Survey
 * Sampling (1965), §11.7). Few large clusters count as few.
 */
export function effectiveClusters({ weight, weightSquares }: ClusterState): number {
  return weightSquares <= 0 ? 0 : weight ** 2 / weightSquares;
}

export function clusterMean({ weight, sum }: ClusterState): number | null {
  return weight > 0 ? sum / weight : null;
}

/** Below this number in either arm, no bound is stated: its variance is hardly known. */
export const minEffectiveClusters = 30;

export interface ClusteredDifference {
  readonly estimate: number;
  /** Of the estimate, over clusters. */
  readonly variance: number;
  /** Of the variance, as whole degrees of freedom. */
  readonly degrees: number;
  /** Effective clusters of the smaller arm. */
  readonly effective: number;
}

/**
 * The difference of two weighted means, and its variance over clusters by linearisation (K.-Y. Liang
 * and S. L. Zeger, Biometrika 73 (1986)), so observations of one cluster may depend on each other in
 * any way. The degrees of freedom are those of F. E. Satterthwaite, Biometrics Bulletin 2 (1946),
 * with effective clusters instead of clusters. If a cluster is in both arms, its two parts are
 * counted as independent, which only widens bounds as long as they resemble each other. Null with
 * fewer than `minEffectiveClusters`.
 */
export function clusteredDifference(
  first: ClusterState,
  second: ClusterState,
): ClusteredDifference | null {
  const arms = [first, second].map(selectPart);
  const [a, b] = arms;
  if (a === undefined || b === undefined) return null;
  const effective = Math.min(a.effective, b.effective);
  if (effective < minEffectiveClusters) return null;
  const variance = a.variance + b.variance;
  const spread = arms.reduce((sum, each) => sum + each.variance ** 2 / (each.effective - 1), 0);
  const degrees = spread === 0 ? effective - 1 : variance ** 2 / spread;
  return {
    estimate: a.mean - b.mean,
    variance,
    degrees: Math.max(1, Math.floor(degrees)),
    effective,
  };
}

function selectPart(state: ClusterState) {
  const effective = effectiveClusters(state);
  const mean = state.sum / state.weight;
  const squares = state.sumSquares - 2 * mean * state.products + mean ** 2 * state.weightSquares;
  const variance =
    (Math.max(0, squares) / state.weight ** 2) * (effective / Math.max(1, effective - 1));
  return { effective, mean, variance };
}

/**
 * An asymptotic confidence sequence for a difference of two means over clusters, at all times at
 * once: that of `asymptotic-sequence.ts` with the variance over clusters, and with effective clusters
 * as its clock. For few clusters, its normal quantile is replaced by Student's at the same level.
 * Each bound is ever wrong with probability at most about `alphaPerSide`; "about" vanishes with the
 * number of effective clusters. Null if they are too few.
 *
 * It assumes that clusters are assigned at random, each independently, and that no single one
 * dominates. Clusters that come back keep it valid: their estimates at two times correlate more than
 * those of a random walk, so that they cross a boundary less often (D. Slepian, Bell System Technical
 * Journal 41 (1962)).
 */
export function clusterBounds(
  first: ClusterState,
  second: ClusterState,
  alphaPerSide: number,
): SequenceBounds | null {
  const difference = clusteredDifference(first, second);
  if (difference === null) return null;
  const { estimate, variance, degrees, effective } = difference;
  const clock = 2 * effective;
  const normal = asymptoticRadius({ rows: clock, variance: clock }, 2 * alphaPerSide, tunedFor);
  const half = computeStudentQuantile(normal, degrees) * Math.sqrt(variance);
  return { lower: estimate - half, upper: estimate + half };
}

/** Half the width of one bound at one time, by Student's t distribution. */
export function studentRadius(
  { variance, degrees }: Pick<ClusteredDifference, 'variance' | 'degrees'>,
  alpha: number,
): number {
  return studentQuantile(1 - alpha, degrees) * Math.sqrt(variance);
}

/** The number of effective clusters at which the bounds are sharpest. */
const tunedFor = 500;
/** Beyond it, the level is too small to be computed; it is never reached with fewer than 10⁹. */
const maxQuantile = 7;
/** From here on, Student's quantile is the normal one to three digits. */
const manyDegrees = 10_000;

/** Student's quantile at the level of a normal quantile. */
function computeStudentQuantile(normal: number, degrees: number): number {
  const quantile = Math.min(maxQuantile, normal);
  if (degrees > manyDegrees) return quantile;
  return Math.max(quantile, studentQuantile(1 - normalCdf(-quantile), degrees));
}

/** A forecast: the state after `times` as many clusters like those so far. */
export function scaledClusters(state: ClusterState, times: number): ClusterState {
  return {
    clusters: state.clusters * times,
    weight: state.weight * times,
    sum: state.sum * times,
    weightSquares: state.weightSquares * times,
    products: state.products * times,
    sumSquares: state.sumSquares * times,
  };
}
