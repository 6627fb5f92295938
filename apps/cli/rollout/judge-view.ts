import { count, percent } from '../../../domain/format';
import type { RolloutJudgeJson } from '../../api/rollout/judge-view';

/** The labels by kind and version, and why the judge may not decide yet; one fact per line. */
export function labelLines({ labels }: RolloutJudgeJson, model: string): readonly string[] {
  const { needed, pairs, champion, challenger, whyNot } = labels;
  const of = ({ right, wrong }: typeof champion) => `${count(right)} right, ${count(wrong)} wrong`;
  return [
    `${count(pairs)} pairs labelled: champion ${of(champion)}; challenger ${of(challenger)} (${needed} of each required)`,
    ...whyNot.map((reason) => `the judge may not decide yet: ${reason}`),
    ...(whyNot.length === 0 ? [] : [`next: perennial rollout label ${model}`]),
  ];
}

/** The judge, its agreement with labels, and the number and cost of judged pairs. */
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
  const missing = withoutVerdict === 0 ? '' : ` (${count(withoutVerdict)} without a verdict)`;
  return `${count(pairs)} pairs judged${missing}, cost $${costUsd.toFixed(4)}`;
}

/** Why judging stopped or fails; empty otherwise. */
export function judgeTrouble({ dimension, silence, over }: RolloutJudgeJson): string {
  if (over != null) return `judging stopped: ${over}`;
  if (silence == null) return '';
  const why = Object.hasOwn(silences, silence.failure)
    ? silences[silence.failure]
    : silence.failure;
  return `judge ${dimension} has failed since ${silence.since}: ${why ?? silence.failure}; retrying`;
}

const silences: Readonly<Record<string, string>> = {
  ProviderDenied: 'the provider rejects the API key or has no credit for it (ProviderDenied)',
  ProviderUnavailable:
    'the provider is unreachable or reports that it is unavailable (ProviderUnavailable)',
  ProviderRateLimited: 'the provider’s rate limit is exceeded (ProviderRateLimited)',
  ProviderTimeout: 'the provider exceeded the time limit (ProviderTimeout)',
  AnswerLost: 'its answers are interrupted or malformed (AnswerLost)',
};
