import type { Digest } from '../../artifact';
import type { JudgeCalibration } from '../../language/judge/calibration';
import { evaluateExact, evaluateF1, evaluateLabel } from '../../language/dimension/quality';
import type { Score } from '../../language/evaluation/score';

/**
 * How feedback scores the answers of a language application, from 0 to 1. The loss is 1 − score.
 */
export interface AnswerQuality {
  /**
   * `references`: right answers, which score both versions' answers to a question. `callers`: a
   * score or a correction of the answer that was returned, which says nothing about the other one.
   * `judge`: a model's verdicts on both answers, corrected for its errors (`judge-error.ts`).
   */
  readonly from: 'references' | 'callers' | 'judge';
  /** Given if `from` is `judge`. */
  readonly judge?: AnswerJudge;
  /** Compares an answer with a right one. */
  readonly measure: AnswerMeasure;
  /** Event time until feedback is due. It must cover slow feedback, or quick feedback dominates. */
  readonly availableAfterSeconds: number;
}

export interface AnswerJudge {
  /** Name of the judge's dimension in `spec.evaluate`. */
  readonly dimension: string;
  /** Share of the questions with two answers that are judged, sampled by a hash of their ids. */
  readonly share: number;
  /** Largest number of pairs to judge. */
  readonly mostPairs: number;
  /**
   * The judge's version and its agreement with labels of people. The run adds it before it opens
   * the rollout.
   */
  readonly calibrated?: Pick<JudgeCalibration, 'judge' | 'positives' | 'negatives'>;
}

/** The evaluators of `domain/language/dimension/quality.ts`, as used before the release. */
export type AnswerMeasure =
  | { readonly kind: 'exact' }
  | { readonly kind: 'f1' }
  | { readonly kind: 'label'; readonly labels: readonly string[] };

export type AnswerLoss = `${AnswerMeasure['kind'] | 'caller' | 'judge'}-loss`;

/** The name of the quality metric. Positive differences are worse, as for every loss. */
export function nameAnswerLoss({
  from,
  measure,
}: Pick<AnswerQuality, 'from' | 'measure'>): AnswerLoss {
  switch (from) {
    case 'callers':
      return 'caller-loss';
    case 'judge':
      return 'judge-loss';
    case 'references':
      return `${measure.kind}-loss`;
  }
}

/** Stored feedback on an answer. */
export interface AnswerFeedback {
  /** Equally right answers. */
  readonly references?: readonly string[];
  /** Score from 0 to 1. */
  readonly score?: number;
  /** The answer that should have been given. */
  readonly correction?: string;
  readonly judged?: JudgedPair;
}

/** A judge's verdicts on both answers: 1 right, 0 wrong, null without an answer or a verdict. */
export interface JudgedPair {
  /** Version of the judge. Verdicts of other versions do not count: their errors are unknown. */
  readonly judge: Digest;
  readonly served: 0 | 1 | null;
  readonly beside: 0 | 1 | null;
}

/**
 * Null: no answer, or one that was not stored. Empty: blocked by a safety policy or a provider's
 * filter, and scored as wrong.
 */
export interface GivenAnswers {
  readonly served: string | null;
  readonly beside: string | null;
}

export interface AnswerScores {
  readonly served: number | null;
  readonly beside: number | null;
}

/** Null if the feedback is of another kind than `from`; the request then has no label. */
export function answerScores(
  { from, measure, judge }: Pick<AnswerQuality, 'from' | 'measure' | 'judge'>,
  feedback: unknown,
  { served, beside }: GivenAnswers,
): AnswerScores | null {
  if (typeof feedback !== 'object' || feedback === null) return null;
  const { references, score, correction, judged } = feedback as AnswerFeedback;
  if (from === 'judge')
    return judged === undefined
      ? null
      : judgedScores(judge?.calibrated, judged, { served, beside });
  if (from === 'references') {
    if (references === undefined) return null;
    return {
      served: against(references, measure, served),
      beside: against(references, measure, beside),
    };
  }
  // A score is a direct opinion of the answer, so it takes precedence over a correction.
  if (score !== undefined) return { served: score, beside: null };
  return correction === undefined
    ? null
    : { served: against([correction], measure, served), beside: null };
}

/**
 * A blocked or empty answer is wrong, whatever the judge says. A version that gives a wrong answer
 * instead gains from the judge's errors. Labels of people are sampled from such pairs too, and
 * correct for that gain (`judge-error.ts`).
 */
function judgedScores(
  calibrated: AnswerJudge['calibrated'],
  judged: JudgedPair,
  { served, beside }: GivenAnswers,
): AnswerScores | null {
  if (judged.judge !== calibrated?.judge) return null;
  const toScore = (answer: string | null, verdict: JudgedPair['served']) =>
    answer === null ? null : isKnownWrong(answer) ? 0 : verdict;
  return { served: toScore(served, judged.served), beside: toScore(beside, judged.beside) };
}

/** Whether an answer is wrong without a verdict: it is empty or was blocked. */
export function isKnownWrong(answer: string): boolean {
  return answer.trim() === '';
}

function against(
  [first, ...others]: readonly string[],
  measure: AnswerMeasure,
  answer: string | null,
): number | null {
  if (answer === null || first === undefined) return null;
  const expected =
    measure.kind === 'label' ? { label: first } : { answer: first, otherAnswers: others };
  const judged = {
    case: { id: '', input: {}, expected, tags: [], group: null, pair: null, rules: [] },
    answer,
    retrieved: [],
  };
  return readScoreValue(
    measure.kind === 'exact'
      ? evaluateExact(judged)
      : measure.kind === 'f1'
        ? evaluateF1(judged)
        : evaluateLabel(judged, measure.labels),
  );
}

function readScoreValue(score: Score): number | null {
  return score.kind === 'scored' ? score.value : null;
}
