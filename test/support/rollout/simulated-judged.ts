import type { Digest } from '../../../domain/artifact';
import { answerLabel } from '../../../domain/lifecycle/llm/canary/canary';
import {
  llmCanarySchema,
  type LlmCanaryDocument,
} from '../../../domain/lifecycle/llm/canary/canary.schema';
import {
  answerScores,
  type AnswerJudge,
  type JudgedPair,
} from '../../../domain/rollout/judging/answer-quality';
import type {
  LabelledJudgement,
  LabelledVerdictPair,
} from '../../../domain/rollout/judging/judge-labels';
import { summarizeLabels } from '../../../domain/rollout/judging/judge-labels';
import { rightAnswer } from '../../../domain/rollout/judging/loss';
import { observe, startEvidence } from '../../../domain/rollout/judging/observe';
import { buildRolloutPolicy, type RolloutPolicy } from '../../../domain/rollout/policy';
import { readMetrics } from '../../../domain/rollout/judging/readings';
import type { Random } from '../../../domain/statistics/random';

export const judgeDigest: Digest = `sha256:${'a'.repeat(64)}`;

/** How often a judge calls a right answer right, and a wrong answer wrong. */
export interface JudgeRates {
  readonly sensitivity: number;
  readonly specificity: number;
}

/** Estimated from this many labelled answers of each kind. */
export function calibratedBy(
  random: Random,
  labels: number,
  { sensitivity, specificity }: JudgeRates,
): NonNullable<AnswerJudge['calibrated']> {
  const count = (rate: number) =>
    Array.from({ length: labels }, () => random()).filter((drawn) => drawn < rate).length;
  return {
    judge: judgeDigest,
    positives: { cases: labels, right: count(sensitivity) },
    negatives: { cases: labels, right: count(specificity) },
  };
}

export function judgedPolicy(
  document: Partial<LlmCanaryDocument['quality']>,
  calibrated: AnswerJudge['calibrated'],
): RolloutPolicy {
  const quality = { from: 'judge' as const, judge: 'sound', margin: 0.2, ...document };
  const canary = llmCanarySchema.parse({
    steps: [0],
    quality,
    test: { alpha: 0.05, minSamples: 50, minDuration: '0s' },
  });
  const policy = buildRolloutPolicy(canary, answerLabel(canary));
  const { answers } = policy.quality;
  if (answers?.judge === undefined || calibrated === undefined) return policy;
  return {
    ...policy,
    quality: {
      ...policy.quality,
      answers: { ...answers, judge: { ...answers.judge, calibrated } },
    },
  };
}

/** The true quality of an answer; the policy of its version may have blocked it. */
export type TrueAnswer = 'right' | 'wrong' | 'keptBack';

/** The judge's verdict on an answer; null if there is none. */
export type JudgeVerdict = (answer: TrueAnswer, of: 'champion' | 'challenger') => 0 | 1 | null;

export function judgeVerdicts(
  random: Random,
  { sensitivity, specificity }: JudgeRates,
): JudgeVerdict {
  return (answer) => (random() < (answer === 'right' ? sensitivity : 1 - specificity) ? 1 : 0);
}

/** The label of a person, who knows the truth and sees no blocked answer. */
export function labelAnswer(truth: TrueAnswer, said: 0 | 1): LabelledJudgement {
  return truth === 'keptBack'
    ? { said: 0, right: false, keptBack: true }
    : { said, right: truth === 'right' };
}

/**
 * The first statement about the challenger's quality, evaluated after every 250 questions. People
 * label the first `labelled` pairs that have verdicts.
 */
export function watchJudged(
  policy: RolloutPolicy,
  { questions, labelled }: { readonly questions: number; readonly labelled: number },
  draw: () => { readonly champion: TrueAnswer; readonly challenger: TrueAnswer },
  says: JudgeVerdict,
): 'passed' | 'failed' | null {
  const checked: LabelledVerdictPair[] = [];
  const at = '2026-01-01T00:00:00.000Z';
  const { answers } = policy.quality;
  if (answers === undefined) throw new Error('a policy of a language application');
  let evidence = startEvidence(policy, { champion: 'simulated@1', challenger: 'simulated@2', at });
  for (let seen = 0; seen < questions; seen += 250) {
    const pairs = Array.from({ length: 250 }, () => {
      const { champion, challenger } = draw();
      const judged: JudgedPair = {
        judge: judgeDigest,
        served: says(champion, 'champion'),
        beside: says(challenger, 'challenger'),
      };
      const { served, beside } = judged;
      const isForPeople =
        served !== null &&
        beside !== null &&
        (champion !== 'keptBack' || challenger !== 'keptBack');
      if (isForPeople && checked.length < labelled) {
        checked.push({
          champion: labelAnswer(champion, served),
          challenger: labelAnswer(challenger, beside),
        });
      }
      const text = (answer: TrueAnswer) => (answer === 'keptBack' ? '' : answer);
      const scores = answerScores(
        answers,
        { judged },
        { served: text(champion), beside: text(challenger) },
      );
      return {
        eventTimeMs: Date.parse(at),
        label: rightAnswer,
        champion: scores?.served ?? null,
        challenger: scores?.beside ?? null,
      };
    });
    evidence = observe(policy, evidence, { pairs, answers: [], requests: [], asOf: at });
    if (evidence.quality.kind === 'pairs')
      evidence = { ...evidence, quality: { ...evidence.quality, judge: summarizeLabels(checked) } };
    const quality = readMetrics(policy, evidence).find(({ role }) => role === 'quality');
    if (quality && quality.outcome !== 'inconclusive') return quality.outcome;
  }
  return null;
}

/**
 * This many answers of each kind and version, on which the judge is right at exactly these rates.
 */
export function drawLabels(
  each: number,
  rates: { readonly champion: JudgeRates; readonly challenger: JudgeRates },
) {
  const answer = (
    kind: 'right' | 'wrong',
    { sensitivity, specificity }: JudgeRates,
    index: number,
  ) => {
    const agrees = index < Math.round(each * (kind === 'right' ? sensitivity : specificity));
    return labelAnswer(kind, (kind === 'right') === agrees ? 1 : 0);
  };
  const kinds = (['right', 'wrong'] as const).flatMap((kind) =>
    Array.from({ length: each }, (_, index) => ({ kind, index })),
  );
  return summarizeLabels(
    kinds.map(({ kind, index }): LabelledVerdictPair => ({
      champion: answer(kind, rates.champion, index),
      challenger: answer(kind, rates.challenger, index),
    })),
  );
}
