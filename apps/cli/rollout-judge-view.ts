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
  /** These two are not given by an API of before they were known. */
  readonly silence?: { readonly since: string; readonly failure: string } | null;
  readonly over?: string | null;
  /** Not given by an API of before people labelled live answers. */
  readonly labels?: {
    readonly needed: number;
    readonly pairs: number;
    readonly champion: { readonly right: number; readonly wrong: number };
    readonly challenger: { readonly right: number; readonly wrong: number };
    readonly whyNot: readonly string[];
  };
}

/** How many labels of people there are of each kind and version, and what keeps the judge from deciding; empty where it is not known. */
export function labelsText({ labels }: RolloutJudgeJson, model: string): string {
  if (labels === undefined) return '';
  const { needed, pairs, champion, challenger, whyNot } = labels;
  const of = ({ right, wrong }: typeof champion) => `${count(right)} right and ${count(wrong)} wrong`;
  const found = `people labelled ${count(pairs)} pairs: ${of(champion)} answers of the champion, ${of(challenger)} of the challenger (${needed} of each needed)`;
  return whyNot.length === 0 ? found : `${found}; the judge may not decide: ${whyNot.join('; ')}; perennial rollout label ${model}`;
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

/** Why nothing is judged for now, or any more; empty while it is. */
export function judgeTrouble({ dimension, silence, over }: RolloutJudgeJson): string {
  if (over != null) return `nothing more is judged: ${over}`;
  if (silence == null) return '';
  const why = Object.hasOwn(silences, silence.failure) ? silences[silence.failure] : silence.failure;
  return `${dimension} has answered nothing since ${silence.since}: ${why ?? silence.failure}; it is asked again until it does`;
}

const silences: Readonly<Record<string, string>> = {
  ProviderDenied: 'its provider does not accept the key, or has no credit for it (ProviderDenied)',
  ProviderUnavailable: 'its provider is not reached, or says that it cannot (ProviderUnavailable)',
  ProviderRateLimited: 'it is asked more than its provider allows (ProviderRateLimited)',
  ProviderTimeout: 'its provider takes too long (ProviderTimeout)',
  AnswerLost: 'its answers break off or are garbled (AnswerLost)',
};
