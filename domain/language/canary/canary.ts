import { formatSeconds } from '../../duration';
import type { CanarySpec, DataSpec } from '../../lifecycle/lifecycle';
import {
  answerLossOf,
  type AnswerJudge,
  type AnswerMeasure,
  type AnswerQuality,
} from '../../rollout/judging/answer-quality';
import type { LlmCanaryDocument, WrittenLlmCanary } from './canary.schema';

/** What a judge is asked where nobody says how much. */
export const judgedUnlessSaid = { share: 1, mostPairs: 2_000 };

/** In the words of every rollout: the same workflow, the same bounds. */
export function llmCanaryOf({
  quality,
  test,
  maxDuration,
  maxIdle,
  ...canary
}: WrittenLlmCanary): CanarySpec {
  const {
    from,
    measure: kind = 'f1',
    labels = [],
    rule,
    margin,
    largeHarm,
    availableAfter,
    judge: dimension,
  } = quality;
  const { share = judgedUnlessSaid.share, mostPairs = judgedUnlessSaid.mostPairs } = quality;
  const { minDuration, ...tested } = test;
  const measure: AnswerMeasure = kind === 'label' ? { kind, labels } : { kind };
  // A judge beside another source is refused.
  const judge: AnswerJudge | null =
    from === 'judge' && dimension !== undefined ? { dimension, share, mostPairs } : null;
  return {
    ...canary,
    quality: {
      metric: answerLossOf({ from, measure }),
      rule,
      margin,
      bound: null,
      ...(largeHarm !== undefined && { largeHarm }),
      answers: { from, ...(judge && { judge }), measure, availableAfterSeconds: availableAfter },
    },
    test: { ...tested, minDurationSeconds: minDuration },
    maxDurationSeconds: maxDuration,
    maxIdleSeconds: maxIdle,
  };
}

/** The way back: a document, every default written out, that reads as this spec. */
export function llmCanaryDocument({
  steps,
  quality,
  guardrails,
  test,
  timezone,
  maxDurationSeconds,
  maxIdleSeconds,
  onInconclusive,
}: CanarySpec): LlmCanaryDocument {
  const { rule, margin, largeHarm } = quality;
  const { from, judge, measure, availableAfterSeconds } = answersOf(quality);
  const { minDurationSeconds, ...tested } = test;
  return {
    steps: [...steps],
    quality: {
      from,
      ...(judge && { judge: judge.dimension, share: judge.share, mostPairs: judge.mostPairs }),
      ...(from !== 'judge' && { measure: measure.kind }),
      ...(measure.kind === 'label' && { labels: [...measure.labels] }),
      rule,
      margin,
      ...(largeHarm !== undefined && { largeHarm }),
      availableAfter: formatSeconds(availableAfterSeconds),
    },
    guardrails: [...guardrails] as NonNullable<LlmCanaryDocument['guardrails']>,
    test: { ...tested, minDuration: formatSeconds(minDurationSeconds) },
    ...(timezone !== undefined && { timezone }),
    maxDuration: formatSeconds(maxDurationSeconds),
    ...(maxIdleSeconds !== undefined && { maxIdle: formatSeconds(maxIdleSeconds) }),
    onInconclusive,
  };
}

/**
 * What `canaryRollout` asks of a label: whoever judges the answer that they were given judges no
 * other, so that arms are compared; a right answer is right of both.
 */
export function answerLabel({ quality }: CanarySpec): DataSpec['label'] {
  const { from, availableAfterSeconds } = answersOf(quality);
  return { column: 'answer', availableAfterSeconds, dependsOnPrediction: from === 'callers' };
}

function answersOf({ answers }: CanarySpec['quality']): AnswerQuality {
  if (answers === undefined)
    throw new RangeError('this canary is of a model with labels, not of a language application');
  return answers;
}
