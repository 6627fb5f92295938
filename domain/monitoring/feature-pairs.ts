/**
 * Whether features still belong together. Each feature may keep its distribution while its values
 * come from another row, as after a join by a wrong key.
 *
 * The score of a pair of values is the log-ratio of how often it occurs to how often it would if the
 * two features were independent. It separates real rows from rows whose columns were shuffled (T.
 * Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning" (2009), §14.2.4). The
 * pairs are those of the tree that approximates the joint distribution of all features best (C. K.
 * Chow and C. N. Liu, "Approximating discrete probability distributions with dependence trees", IEEE
 * Transactions on Information Theory 14 (1968)).
 */
import { binCount, numberBins, type FeatureBins, type NumberBins } from './bins';

/** Plain JSON. */
export interface FeaturePair {
  /** Of the score. Its name is that of the two features. */
  readonly bins: NumberBins;
  /** Indexes of the features. */
  readonly first: number;
  readonly second: number;
  /** Pointwise mutual information in nats, by the bin of the first and of the second. */
  readonly scores: readonly (readonly number[])[];
}

/** Pairs of bins that are expected in fewer rows say nothing. */
const minExpected = 5;
/** Independence counts like this many rows. */
const priorRows = 5;
/** Rarer and more frequent pairs are alike. */
const maxScore = 4;
/** Pairs grow with the square of the features, so of more features only these many are paired. */
const maxFeatures = 60;

/**
 * The pairs that are watched: one fewer than the features that depend on another one.
 * @param rows the bin of each feature, by row
 */
export function learnPairs(
  features: readonly FeatureBins[],
  rows: readonly ArrayLike<number>[],
): readonly FeaturePair[] {
  if (rows.length === 0) return [];
  const paired = features.slice(0, maxFeatures);
  const totals = paired.map((bins, index) => countPairs(rows, index, binCount(bins)));
  const found: ScoredPair[] = [];
  for (let first = 0; first < paired.length; first += 1)
    for (let second = first + 1; second < paired.length; second += 1)
      found.push(scoredPair(rows, [first, second], [totals[first] ?? [], totals[second] ?? []]));
  return spanningTree(paired.length, found).map(({ first, second, scores }) => {
    const name = `${features[first]?.name ?? ''} × ${features[second]?.name ?? ''}`;
    const values = rows.map((row) => pairScore({ first, second, scores }, row));
    return { bins: numberBins(name, values), first, second, scores };
  });
}

/** The score of a row: negative for a pair that is rarer than if the features were independent. */
export function pairScore(
  { first, second, scores }: Pick<FeaturePair, 'first' | 'second' | 'scores'>,
  row: ArrayLike<number>,
): number {
  return scores[row[first] ?? 0]?.[row[second] ?? 0] ?? 0;
}

function countPairs(
  rows: readonly ArrayLike<number>[],
  feature: number,
  bins: number,
): readonly number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const row of rows) {
    const bin = row[feature] ?? 0;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

interface ScoredPair extends Pick<FeaturePair, 'first' | 'second' | 'scores'> {
  /** Mutual information in nats. */
  readonly information: number;
}

function scoredPair(
  rows: readonly ArrayLike<number>[],
  [first, second]: readonly [number, number],
  [inFirst, inSecond]: readonly [readonly number[], readonly number[]],
): ScoredPair {
  const width = inSecond.length;
  const counts = new Uint32Array(inFirst.length * width);
  for (const row of rows) {
    const cell = (row[first] ?? 0) * width + (row[second] ?? 0);
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  let information = 0;
  const scores = inFirst.map((a, binA) =>
    inSecond.map((b, binB) => {
      const expected = (a * b) / rows.length;
      if (expected < minExpected) return 0;
      const found = counts[binA * width + binB] ?? 0;
      const prior = (priorRows * expected) / rows.length;
      const score = Math.log((found + prior) / (expected + prior));
      information += (found / rows.length) * score;
      return Math.max(-maxScore, Math.min(maxScore, score));
    }),
  );
  return { first, second, scores, information };
}

/** The tree with the most mutual information (J. B. Kruskal, Proceedings of the AMS 7 (1956)). */
function spanningTree(features: number, pairs: readonly ScoredPair[]): readonly ScoredPair[] {
  const group = Array.from({ length: features }, (_, index) => index);
  const tree: ScoredPair[] = [];
  for (const pair of [...pairs].sort((a, b) => b.information - a.information)) {
    const [one, other] = [group[pair.first], group[pair.second]];
    if (pair.information <= 0 || one === other || one === undefined) continue;
    group.forEach((each, index) => {
      if (each === other) group[index] = one;
    });
    tree.push(pair);
  }
  return tree;
}
