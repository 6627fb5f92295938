import { count, percent } from '../../../domain/format';
import type { RolloutJudgeJson } from '../../api/rollout/judge-view';

/**
 * How many labels of people there are of each kind and version, and what keeps the judge from
 * deciding.
 */
export function labelsText({ labels }: RolloutJudgeJson, model: string): string {
  const { needed, pairs, champion, challenger, whyNot } = labels;
  const of = ({ right, wrong }: typeof champion) =>
    `${count(right)} right and ${count(wrong)} wrong`;
  const found = `labelled pairs: ${count(pairs)}, with ${of(champion)} answers of the champion and ${of(challenger)} of the challenger (${needed} of each required)`;
  return whyNot.length === 0
    ? found
    : `${found}; the judge may not decide yet: ${whyNot.join('; ')}; next: perennial rollout label ${model}`;
}

/** Who says what answers are worth, how often so far, and for how much. */
export function judgeText({
  dimension,
  digest,
  sensitivity,
  specificity,
  mostPairs,
  ...judge
}: RolloutJudgeJson): string {
  const rates = `sensitivity ${percent(sensitivity)}, specificity ${percent(specificity)}`;
  return `judge ${dimension} (${digest.slice(0, 19)}), ${rates}: ${judgedText(judge)}, limit ${count(mostPairs)}`;
}

export function judgedText({
  pairs,
  withoutVerdict,
  costUsd,
}: Pick<RolloutJudgeJson, 'pairs' | 'withoutVerdict' | 'costUsd'>): string {
  const silent = withoutVerdict === 0 ? '' : `, ${count(withoutVerdict)} of them without a verdict`;
  return `${count(pairs)} pairs judged${silent}, for $${costUsd.toFixed(4)}`;
}

/** Why nothing is judged for now, or any more; empty while it is. */
export function judgeTrouble({ dimension, silence, over }: RolloutJudgeJson): string {
  if (over != null) return `judging has ended: ${over}`;
  if (silence == null) return '';
  const why = Object.hasOwn(silences, silence.failure)
    ? silences[silence.failure]
    : silence.failure;
  return `${dimension} has not answered since ${silence.since}: ${why ?? silence.failure}; retrying`;
}

const silences: Readonly<Record<string, string>> = {
  ProviderDenied: 'the provider rejects the API key or has no credit for it (ProviderDenied)',
  ProviderUnavailable:
    'the provider is unreachable or reports that it is unavailable (ProviderUnavailable)',
  ProviderRateLimited: 'the provider’s rate limit is exceeded (ProviderRateLimited)',
  ProviderTimeout: 'the provider exceeded the time limit (ProviderTimeout)',
  AnswerLost: 'its answers are interrupted or malformed (AnswerLost)',
};
