import { leastProbability, rowLogloss } from '../../evaluation/metrics/classification';
import type { MeanRange } from '../../statistics/mean-sequence';
import type { RolloutPolicy } from '../policy';

/**
 * The loss of one request, bounded by construction, so that its mean can be enclosed without
 * assuming anything of its tail.
 */
export interface RequestLoss extends LossRange {
  /**
   * Whether a loss can be told by such a label: 0 or 1 in classification. Feedback takes any
   * number, and one that is none of these must not end the watching.
   */
  takes(label: number): boolean;
  /** Of one request. */
  of(label: number, score: number): number;
  /** The losses that a score can have, whatever its label turns out to be. */
  rangeOf(score: number): LossRange;
  /**
   * The differences, challenger minus champion, that two scores of one request can have, whatever
   * its label turns out to be.
   */
  differencesOf(scores: PairScores): LossRange;
}

export interface LossRange {
  readonly min: number;
  readonly max: number;
}

export interface PairScores {
  readonly champion: number;
  readonly challenger: number;
  /** Both versions gave the same answer, which is worth the same whatever a right one is. */
  readonly sameAnswer: boolean;
}

/**
 * `logloss`: natural logarithm, p clipped to [0.001, 0.999], as in evaluation: its mean is the
 * metric itself. `brier`: (p − y)², p clipped to [0, 1]. `mae`: |f − y|, of which no more than
 * `bound` counts: a difference in what lies beyond is not seen, so the bound belongs far out in the
 * champion's errors. Of an answer: what is missing of its score to 1, where a label is the score
 * that a right answer has.
 *
 * What a label can still change is known before it: of a binary label two values are possible, and
 * two forecasts that are close cannot differ in their absolute error by more than they differ from
 * each other.
 */
export function requestLoss({
  metric,
  bound,
}: Pick<RolloutPolicy['quality'], 'metric' | 'bound'>): RequestLoss {
  switch (metric) {
    // Of a multiclass model: by the probability of the class that came true, whose label is
    // `rightAnswer` and whose range each pair brings along.
    case 'logloss':
      return classLoss(rowLogloss, {
        min: -Math.log(1 - leastProbability),
        max: -Math.log(leastProbability),
      });
    case 'brier':
      return classLoss((label, score) => (Math.min(1, Math.max(0, score)) - label) ** 2, {
        min: 0,
        max: 1,
      });
    case 'mae': {
      if (bound === null)
        throw new RangeError(
          'quality by mae needs a bound: the greatest error of one row that counts',
        );
      return {
        takes: Number.isFinite,
        of: (label, score) => Math.min(bound, Math.abs(score - label)),
        rangeOf: () => ({ min: 0, max: bound }),
        differencesOf: ({ champion, challenger }) =>
          around(Math.min(bound, apart(champion, challenger, bound))),
        ...{ min: 0, max: bound },
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
        // A score is known with the label, not before it.
        rangeOf: () => ({ min: 0, max: 1 }),
        differencesOf: ({ sameAnswer }) => around(sameAnswer ? 0 : 1),
        ...{ min: 0, max: 1 },
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
    rangeOf: (score) => between(of(0, score), of(1, score)),
    differencesOf: ({ champion, challenger }) =>
      between(of(0, challenger) - of(0, champion), of(1, challenger) - of(1, champion)),
    ...range,
  };
}

/**
 * A little more than the distance, as much as rounding can add to a difference of errors up to
 * `bound`. Infinite forecasts are as far apart as can be.
 */
function apart(champion: number, challenger: number, bound: number): number {
  const distance = Math.abs(champion - challenger);
  return Number.isFinite(distance)
    ? distance + 1e-12 * (Math.abs(champion) + Math.abs(challenger) + bound)
    : bound;
}

function around(half: number): LossRange {
  return { min: -half, max: half };
}

/** Stands for "its right answer is known". */
export const rightAnswer = 1;

function isClass(label: number): boolean {
  return label === 0 || label === 1;
}

/** Of one arm. Most losses are small beside the greatest; a wrong guess costs width alone. */
export function armRange({ min, max }: LossRange): MeanRange {
  return { min, max, guess: { min, max: min + (max - min) / 4 } };
}

/** Of a pair's difference: two versions that are worth a rollout differ by little on average. */
export function pairRange({ min, max }: LossRange): MeanRange {
  const width = max - min;
  return { min: -width, max: width, guess: { min: -width / 25, max: width / 25 } };
}
