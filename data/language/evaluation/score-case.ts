import { scoreRetrieval as retrievalScore } from '../../../domain/index/retrieval-metrics';
import type { EvaluationQuestion } from '../../../domain/language/evaluation/evaluation-questions';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import { measureConsistency } from '../../../domain/language/dimension/consistency';
import type {
  DimensionSpec,
  RetrievalSpec,
  RobustnessSpec,
} from '../../../domain/language/dimension/dimension';
import { evaluate } from '../../../domain/language/dimension/evaluator';
import type { RetrievedPassage } from '../../../domain/language/judge/evaluator-input';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import {
  toFailure,
  notApplicable,
  toScore,
  type Score,
} from '../../../domain/language/evaluation/score';
import { failureMessage } from '../../../domain/language/evaluation/unanswered-cases';
import type { CaseAnswer } from './answerer';
import type { CaseEvaluation, CaseReply } from './evaluation';

interface AnsweredAsk {
  readonly ask: EvaluationQuestion;
  readonly answer: CaseReply;
}

/** Score all dimensions of one case from its first answer, its repeats and its perturbations. */
export async function scoreCase(
  of: EvaluationCase,
  all: readonly AnsweredAsk[],
  evaluation: CaseEvaluation,
): Promise<CaseResult> {
  const first =
    all.find(({ ask }) => ask.of === null && ask.repeat === 0)?.answer ??
    ({ kind: 'unanswered', reason: 'not asked', error: null } as const);
  const scores: Record<string, Score> = {};
  for (const dimension of evaluation.dimensions)
    scores[dimension.name] = await scoreIn(dimension, of, { first, all }, evaluation);
  const { id, group, pair, input, expected } = of;
  const answer = first.kind === 'answered' ? first.answer : null;
  // Blocked questions have no latency or cost, so they are left out of both.
  const isWork = answer !== null && answer.blocked !== 'input' && answer.withheld !== true;
  return {
    id,
    group,
    pair,
    input,
    expected,
    answer: answer?.text ?? null,
    unanswered: first.kind === 'unanswered' ? first.reason : null,
    ...(first.kind === 'unanswered' && first.error && { because: failureMessage(first.error) }),
    retrieved: (answer?.retrieved ?? []).map(({ documentId }) => ({ documentId })),
    scores,
    latencyMs: isWork ? answer.latencyMs : null,
    cost: isWork ? answer.cost : null,
    ...(answer?.earlier === true && { earlier: true }),
    ...(answer?.by && { by: answer.by }),
  };
}

/**
 * The dimensions for which a withheld answer counts as wrong. The other kinds are not measured: an
 * empty answer could pass them, or they do not apply to it.
 */
const dimensionsFailedByWithholding: readonly DimensionSpec['kind'][] = [
  'safety',
  'exact',
  'f1',
  'label',
  'json',
  'similarity',
];
const withheldAnswer: Pick<CaseAnswer, 'text' | 'blocked' | 'withheld' | 'retrieved'> = {
  text: '',
  withheld: true,
  retrieved: [],
};

/** Whether a provider's filter stopped the answer. */
export function isWithheldAnswer(reply: CaseReply): boolean {
  return reply.kind === 'unanswered' && reply.error?.type === 'AnswerWithheld';
}

async function scoreIn(
  dimension: DimensionSpec,
  of: EvaluationCase,
  { first, all }: { readonly first: CaseReply; readonly all: readonly AnsweredAsk[] },
  evaluation: CaseEvaluation,
): Promise<Score> {
  if (dimension.kind === 'consistency') {
    const repeats = all.filter(({ ask }) => ask.of === null && ask.repeat < dimension.repeats);
    return measureConsistency(
      repeats.map(({ answer }) => (answer.kind === 'answered' ? answer.answer.text : null)),
    );
  }
  if (dimension.kind === 'robustness') return robustness(dimension, { of, first, all }, evaluation);
  if (
    first.kind === 'unanswered' &&
    !(isWithheldAnswer(first) && dimensionsFailedByWithholding.includes(dimension.kind))
  )
    return toFailure(first.reason);
  const { text, blocked, withheld, retrieved } =
    first.kind === 'answered' ? first.answer : withheldAnswer;
  if (dimension.kind === 'retrieval') return measureRetrieval(dimension, of, retrieved);
  if (dimension.kind === 'judge') {
    const judge = evaluation.judges[dimension.name];
    return judge ? judge.score(of, text, evaluation.signal) : toFailure('no judge was given');
  }
  return evaluate(
    dimension,
    { case: of, answer: text, blocked, withheld, retrieved },
    evaluation.tools,
  );
}

function measureRetrieval(
  { metric }: RetrievalSpec,
  { id, expected }: EvaluationCase,
  retrieved: readonly RetrievedPassage[],
): Score {
  const gold = expected.documents ?? [];
  if (gold.length === 0) return notApplicable;
  return toScore(
    retrievalScore(metric, {
      question: id,
      found: [...new Set(retrieved.map(({ documentId }) => documentId))],
      gold,
    }),
  );
}

/**
 * Mean ratio of the perturbed scores to the original score, at most 1. If one of the perturbations
 * could not be measured, the result is unknown.
 */
async function robustness(
  { name, of: dimensionName }: RobustnessSpec & { readonly name: string },
  {
    of,
    first,
    all,
  }: {
    readonly of: EvaluationCase;
    readonly first: CaseReply;
    readonly all: readonly AnsweredAsk[];
  },
  evaluation: CaseEvaluation,
): Promise<Score> {
  const dimension = evaluation.dimensions.find((each) => each.name === dimensionName);
  const perturbed = all.filter(
    ({ ask, answer }) =>
      ask.of?.dimension === name && !(answer.kind === 'answered' && answer.answer.unchanged),
  );
  if (!dimension || perturbed.length === 0) return notApplicable;
  const scoreAnswer = ({ ask, answer }: AnsweredAsk) =>
    scoreIn(dimension, ask.case, { first: answer, all: [] }, evaluation);
  const plain = await scoreAnswer({ ask: { case: of, repeat: 0, of: null }, answer: first });
  if (plain.kind !== 'scored') return plain;
  if (plain.value === 0) return notApplicable;
  const scores = await Promise.all(perturbed.map(scoreAnswer));
  const unknown = scores.find(({ kind }) => kind === 'failed');
  if (unknown) return unknown;
  const values = scores.map((score) => (score.kind === 'scored' ? score.value : plain.value));
  return toScore(
    Math.min(1, values.reduce((sum, value) => sum + value, 0) / values.length / plain.value),
  );
}
