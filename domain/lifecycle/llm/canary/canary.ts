import type { CanarySpec, DataSpec } from '../../lifecycle';
import type { AnswerQuality } from '../../../rollout/judging/answer-quality';

/** Defaults of a canary's judge. */
export const judgeDefaults = { share: 1, mostPairs: 2_000 };

/**
 * The label that `canaryRollout` reads. Callers only score the answer that they got, so arms are
 * compared; an expected answer scores both versions.
 */
export function answerLabel({ quality }: CanarySpec): DataSpec['label'] {
  const { from, availableAfterSeconds } = answersOf(quality);
  return { column: 'answer', availableAfterSeconds, dependsOnPrediction: from === 'callers' };
}

export function answersOf({ answers }: Pick<CanarySpec['quality'], 'answers'>): AnswerQuality {
  if (answers === undefined)
    throw new RangeError('spec.canary is that of a model with labels, not a language application');
  return answers;
}
