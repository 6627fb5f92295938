import { leastProbability, rowLogloss } from '../metrics/classification';
import type { MeanRange } from '../statistics/mean-sequence';
import type { RolloutPolicy } from './policy';

/** The loss of one request, bounded by construction, so that its mean can be enclosed without assuming anything of its tail. */
export interface RequestLoss {
  /** Whether a loss can be told by such a label: 0 or 1 in classification. Feedback takes any number, and one that is none of these must not end the watching. */
  takes(label: number): boolean;
  /** Of one request. */
  of(label: number, score: number): number;
  readonly min: number;
  readonly max: number;
}

/**
 * `logloss`: natural logarithm, p clipped to [0.001, 0.999], as in evaluation: its mean is the metric itself. `brier`: (p − y)², p clipped to [0, 1]. `mae`: |f − y|, of which
 * no more than `bound` counts: a difference in what lies beyond is not seen, so the bound belongs far out in the champion's errors. Of an answer: what is missing of its
 * score to 1, where a label is the score that a right answer has.
 */
export function requestLoss({ metric, bound }: Pick<RolloutPolicy['quality'], 'metric' | 'bound'>): RequestLoss {
  switch (metric) {
    case 'logloss':
      return { takes: isClass, of: rowLogloss, min: -Math.log(1 - leastProbability), max: -Math.log(leastProbability) };
    case 'brier':
      return { takes: isClass, of: (label, score) => (Math.min(1, Math.max(0, score)) - label) ** 2, min: 0, max: 1 };
    case 'mae': {
      if (bound === null) throw new RangeError('quality by mae needs a bound: the greatest error of one row that counts');
      return { takes: Number.isFinite, of: (label, score) => Math.min(bound, Math.abs(score - label)), min: 0, max: bound };
    }
    case 'exact-loss':
    case 'f1-loss':
    case 'label-loss':
    case 'caller-loss':
    case 'judge-loss':
      return { takes: (label) => label === rightAnswer, of: (label, score) => label - Math.min(1, Math.max(0, score)), min: 0, max: 1 };
  }
}

/** Stands for "its right answer is known". */
export const rightAnswer = 1;

function isClass(label: number): boolean {
  return label === 0 || label === 1;
}

/** Of one arm. Most losses are small beside the greatest; a wrong guess costs width alone. */
export function armRange({ min, max }: RequestLoss): MeanRange {
  return { min, max, guess: { min, max: min + (max - min) / 4 } };
}

/** Of a pair's difference: two versions that are worth a rollout differ by little on average. */
export function pairRange({ min, max }: RequestLoss): MeanRange {
  const width = max - min;
  return { min: -width, max: width, guess: { min: -width / 25, max: width / 25 } };
}
