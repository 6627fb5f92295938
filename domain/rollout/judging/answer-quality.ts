import type { Digest } from '../../dataset/artifact';
import type { JudgeCalibration } from '../../language/judge/judge';
import { evaluateExact, evaluateF1, evaluateLabel } from '../../language/dimension/quality';
import type { Score } from '../../language/evaluation/score';

/**
 * How the answers of a language application are scored by what people say, from 0 to 1. A loss is
 * what is missing to 1.
 */
export interface AnswerQuality {
  /**
   * `references`: right answers, known whatever was answered, so that both versions' answers to a
   * question are scored by one. `callers`: what people say of the answer that they were given, a
   * score or how it should have been; it says nothing of the answer that they were not given.
   * `judge`: a model's verdicts on both answers to a question, corrected for its errors
   * (`judge-error.ts`).
   */
  readonly from: 'references' | 'callers' | 'judge';
  /** Given where `from` is `judge`. */
  readonly judge?: AnswerJudge;
  /** Between an answer and a right one. */
  readonly measure: AnswerMeasure;
  /**
   * Event time after which such feedback is due: as long as the slowest of it takes, or the quick
   * answers are counted first.
   */
  readonly availableAfterSeconds: number;
}

export interface AnswerJudge {
  /** The dimension of `spec.evaluate` whose judge it is. */
  readonly dimension: string;
  /** Of the questions that both versions answered, drawn by a hash of their id. */
  readonly share: number;
  /** What is beyond is not asked, and costs nothing. */
  readonly mostPairs: number;
  /**
   * The version of the judge whose verdicts count, and how often it was right on answers that
   * people have judged: put in by the run, before anything is opened.
   */
  readonly calibrated?: Pick<JudgeCalibration, 'judge' | 'positives' | 'negatives'>;
}

/**
 * Evaluators of `domain/language/dimension/quality.ts`: what an answer was released by, it is
 * watched by.
 */
export type AnswerMeasure =
  | { readonly kind: 'exact' }
  | { readonly kind: 'f1' }
  | { readonly kind: 'label'; readonly labels: readonly string[] };

export type AnswerLoss = `${AnswerMeasure['kind'] | 'caller' | 'judge'}-loss`;

/** The name under which it is measured: positive is worse, as of every loss. */
export function answerLossOf({
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

/** What feedback says of an answer, as it is stored. */
export interface AnswerFeedback {
  /** Right answers, the one as good as the other. */
  readonly references?: readonly string[];
  /** From 0 to 1. */
  readonly score?: number;
  /** The answer that should have been given. */
  readonly correction?: string;
  readonly judged?: JudgedPair;
}

/**
 * A judge's verdicts on both answers to a question: 1 right, 0 wrong, null where there was none, or
 * no answer.
 */
export interface JudgedPair {
  /** Another version of the judge is another judge, whose errors are not known. */
  readonly judge: Digest;
  readonly served: 0 | 1 | null;
  readonly beside: 0 | 1 | null;
}

/**
 * Null: no answer, or one that may not be known. An empty one was kept back by a policy or a
 * provider's filter, and is as wrong as any that is not right.
 */
export interface GivenAnswers {
  readonly served: string | null;
  readonly beside: string | null;
}

export interface AnswerScores {
  readonly served: number | null;
  readonly beside: number | null;
}

/** Null where the feedback is none of the kind that is asked for: such a request has no label. */
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
  // A number is what somebody thinks of the answer; a correction only tells how far it was from
  // another.
  if (score !== undefined) return { served: score, beside: null };
  return correction === undefined
    ? null
    : { served: against([correction], measure, served), beside: null };
}

/**
 * An answer that was kept back, or is empty, is known to be wrong, whatever a judge says. A version
 * that answers wrongly in its place gains by the mistakes of the judge; the labels of people, which
 * are drawn from such pairs too, take that gain away again (`judge-error.ts`).
 */
function judgedScores(
  calibrated: AnswerJudge['calibrated'],
  judged: JudgedPair,
  { served, beside }: GivenAnswers,
): AnswerScores | null {
  if (judged.judge !== calibrated?.judge) return null;
  const scoreOf = (answer: string | null, verdict: JudgedPair['served']) =>
    answer === null ? null : isKnownWrong(answer) ? 0 : verdict;
  return { served: scoreOf(served, judged.served), beside: scoreOf(beside, judged.beside) };
}

/** Nobody need be asked. */
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
  return valueOf(
    measure.kind === 'exact'
      ? evaluateExact(judged)
      : measure.kind === 'f1'
        ? evaluateF1(judged)
        : evaluateLabel(judged, measure.labels),
  );
}

function valueOf(score: Score): number | null {
  return score.kind === 'scored' ? score.value : null;
}
