import { formatSeconds } from '../../duration';
import type { CanarySpec, DataSpec } from '../../lifecycle/lifecycle';
import {
  answerLossOf,
  type AnswerJudge,
  type AnswerMeasure,
  type AnswerQuality,
} from '../../rollout/judging/answer-quality';
import { largeHarmMargins } from '../../rollout/policy';
import type { LlmCanaryDocument, CompleteLlmCanary } from './canary.schema';

/** Defaults of a canary's judge. */
export const judgeDefaults = { share: 1, mostPairs: 2_000 };

/** The spec that all rollouts share, so that they use one workflow and the same bounds. */
export function llmCanaryOf({
  quality,
  test,
  maxDuration,
  maxIdle,
  ...canary
}: CompleteLlmCanary): CanarySpec {
  const {
    from,
    measure: kind = 'f1',
    labels = [],
    rule,
    margin,
    largeHarm = largeHarmMargins * quality.margin,
    availableAfter,
    judge: dimension,
  } = quality;
  const { share = judgeDefaults.share, mostPairs = judgeDefaults.mostPairs } = quality;
  const { minDuration, ...tested } = test;
  const measure: AnswerMeasure = kind === 'label' ? { kind, labels } : { kind };
  // `llmCanaryProblems` rejects a judge beside another source.
  const judge: AnswerJudge | null =
    from === 'judge' && dimension !== undefined ? { dimension, share, mostPairs } : null;
  return {
    ...canary,
    quality: {
      metric: answerLossOf({ from, measure }),
      rule,
      margin,
      bound: null,
      largeHarm,
      answers: { from, ...(judge && { judge }), measure, availableAfterSeconds: availableAfter },
    },
    test: { ...tested, minDurationSeconds: minDuration },
    maxDurationSeconds: maxDuration,
    maxIdleSeconds: maxIdle,
  };
}

/** The inverse of `llmCanaryOf`: a document with every default written out. */
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
      ...(largeHarm > 0 && { largeHarm }),
      availableAfter: formatSeconds(availableAfterSeconds),
    },
    guardrails: [...guardrails] as NonNullable<LlmCanaryDocument['guardrails']>,
    test: { ...tested, minDuration: formatSeconds(minDurationSeconds) },
    timezone,
    maxDuration: formatSeconds(maxDurationSeconds),
    maxIdle: formatSeconds(maxIdleSeconds),
    onInconclusive,
  };
}

/**
 * The label that `canaryRollout` reads. Callers only score the answer that they got, so arms are
 * compared; an expected answer scores both versions.
 */
export function answerLabel({ quality }: CanarySpec): DataSpec['label'] {
  const { from, availableAfterSeconds } = answersOf(quality);
  return { column: 'answer', availableAfterSeconds, dependsOnPrediction: from === 'callers' };
}

function answersOf({ answers }: CanarySpec['quality']): AnswerQuality {
  if (answers === undefined)
    throw new RangeError('spec.canary is that of a model with labels, not a language application');
  return answers;
}
