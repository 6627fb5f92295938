import { percent } from '../../domain/gates/gate';
import { count } from '../../domain/rollout/reasons';

export interface RolloutJudgeJson {
  readonly dimension: string;
  readonly digest: string;
  readonly sensitivity: number;
  readonly specificity: number;
  readonly pairs: number;
  readonly withoutVerdict: number;
  readonly mostPairs: number;
  readonly costUsd: number;
}

/** Who says what answers are worth, how often so far, and for how much. */
export function judgeText({ dimension, digest, sensitivity, specificity, mostPairs, ...judge }: RolloutJudgeJson): string {
  const rates = `right about ${percent(sensitivity)} of right answers and ${percent(specificity)} of wrong ones`;
  return `judged by ${dimension} (${digest.slice(0, 19)}), ${rates}: ${judgedText(judge)}, at most ${count(mostPairs)}`;
}

export function judgedText({ pairs, withoutVerdict, costUsd }: Pick<RolloutJudgeJson, 'pairs' | 'withoutVerdict' | 'costUsd'>): string {
  const silent = withoutVerdict === 0 ? '' : `, ${count(withoutVerdict)} of them without a verdict`;
  return `${count(pairs)} pairs judged${silent}, for $${costUsd.toFixed(4)}`;
}
