import { minProbability, rowLogloss } from '../../evaluation/metrics/classification';
import type { MeanRange } from '../../statistics/mean-sequence';
import type { RolloutPolicy } from '../policy';
import type { LossRange } from '../../evaluation/metrics/loss-range';

/** The loss of one request. It is bounded, so its mean has bounds without any tail assumption. */
export interface RequestLoss extends LossRange {
  /**
   * Whether the label is valid: 0 or 1 in classification. Feedback accepts any number, and an
   * invalid one must not stop the evaluation.
   */
  takes(label: number): boolean;
  /** The loss of one request. */
  of(label: number, score: number): number;
  /** The possible losses of a score, before the label is known. */
  computeRange(score: number): LossRange;
  /** The possible differences, challenger minus champion, before the label is known. */
  computeDifferences(scores: PairScores): LossRange;
}

export interface PairScores {
  readonly champion: number;
  readonly challenger: number;
  /** Both versions gave the same answer, so the difference is 0. */
  readonly sameAnswer: boolean;
}

/**
 * - `logloss`: natural logarithm, p clipped to [0.001, 0.999], as in evaluation.
 * - `brier`: (p − y)², p clipped to [0, 1].
 * - `mae`: |f − y|, at most `bound`. Differences beyond `bound` are not seen, so it should exceed
 *   nearly all errors of the champion.
 * - losses of answers: 1 − score.
 *
 * The possible range is known before the label. A binary label has two values, and the absolute
 * errors of two forecasts differ by no more than the forecasts do.
 */
export function requestLoss({
  metric,
  bound,
}: Pick<RolloutPolicy['quality'], 'metric' | 'bound'>): RequestLoss {
  switch (metric) {
    // A multiclass model is scored by the probability of the true class, with the label
    // `rightAnswer`. Each pair then brings its own range.
    case 'logloss':
      return classLoss(rowLogloss, {
        min: -Math.log(1 - minProbability),
        max: -Math.log(minProbability),
      });
    case 'brier':
      return classLoss((label, score) => (Math.min(1, Math.max(0, score)) - label) ** 2, {
        min: 0,
        max: 1,
      });
    case 'mae': {
      if (bound === null)
        throw new RangeError(
          'quality by mae needs a bound: the largest error that counts for one row',
        );
      return {
        takes: Number.isFinite,
        of: (label, score) => Math.min(bound, Math.abs(score - label)),
        computeRange: () => ({ min: 0, max: bound }),
        computeDifferences: ({ champion, challenger }) =>
          around(Math.min(bound, apart(champion, challenger, bound))),
        min: 0,
        max: bound,
      };
    }
    case 'exact-loss':
    case 'f1-loss':
    case 'label-loss':
    case 'caller-loss':
    case 'judge-loss':
      return {
        takes: (label) => label === rightAnswer,
        of: (label, score) => label - Math.min(1, Math.max(0, score)),
        // The score of an answer arrives with the label, not before it.
        computeRange: () => ({ min: 0, max: 1 }),
        computeDifferences: ({ sameAnswer }) => around(sameAnswer ? 0 : 1),
        min: 0,
        max: 1,
      };
  }
}

function classLoss(of: RequestLoss['of'], range: LossRange): RequestLoss {
  const between = (one: number, other: number): LossRange => ({
    min: Math.min(one, other),
    max: Math.max(one, other),
  });
  return {
    takes: isClass,
    of,
    computeRange: (score) => between(of(0, score), of(1, score)),
    computeDifferences: ({ champion, challenger }) =>
      between(of(0, challenger) - of(0, champion), of(1, challenger) - of(1, champion)),
    ...range,
  };
}

/** The distance of two forecasts plus the possible rounding error; `bound` if one is infinite. */
function apart(champion: number, challenger: number, bound: number): number {
  const distance = Math.abs(champion - challenger);
  return Number.isFinite(distance)
    ? distance + 1e-12 * (Math.abs(champion) + Math.abs(challenger) + bound)
    : bound;
}

function around(half: number): LossRange {
  return { min: -half, max: half };
}

/** The label of a request whose right answer is known. */
export const rightAnswer = 1;

function isClass(label: number): boolean {
  return label === 0 || label === 1;
}

/** Range of one arm. Most losses are small; a wrong guess only makes the bounds wider. */
export function armRange({ min, max }: LossRange): MeanRange {
  return { min, max, guess: { min, max: min + (max - min) / 4 } };
}

/** Range of a pair's difference. Two versions usually differ little on average. */
export function pairRange({ min, max }: LossRange): MeanRange {
  const width = max - min;
  return { min: -width, max: width, guess: { min: -width / 25, max: width / 25 } };
}
