import type { LabelSpec } from '../../../dataset/label';
import type { CanarySpec } from '../../../rollout/canary';
import type { AnswerQuality } from '../../../rollout/judging/answer-quality';

/** Defaults of a canary's judge. */
export const judgeDefaults = { share: 1, mostPairs: 2_000 };

/**
 * The label that `canaryRollout` reads. Callers only score the answer that they got, so arms are
 * compared; an expected answer scores both versions.
 */
export function answerLabel({ quality }: CanarySpec): LabelSpec {
  const { from, availableAfterSeconds } = readAnswerQuality(quality);
  return { column: 'answer', availableAfterSeconds, dependsOnPrediction: from === 'callers' };
}

export function readAnswerQuality({
  answers,
}: Pick<CanarySpec['quality'], 'answers'>): AnswerQuality {
  if (answers === undefined)
    throw new RangeError('spec.canary is that of a model with labels, not a language application');
  return answers;
}
