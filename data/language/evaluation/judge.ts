import type { Digest } from '../../../domain/artifact';
import { isPerennialError, type FailureType } from '../../../domain/failure';
import type { Sampling } from '../../../domain/chat/chat';
import { expectedAnswers, type EvaluationCase } from '../../../domain/language/cases/case';
import {
  calibrate,
  type JudgeCalibration,
  type LabelledVerdict,
} from '../../../domain/language/judge/calibration';
import {
  judgeSchema,
  judgeScore,
  parseJudgeVerdict,
} from '../../../domain/language/judge/judge-answer';
import type { LabelledAnswer } from '../../../domain/language/cases/labelled-answer';
import { toFailure, notApplicable, type Score } from '../../../domain/language/evaluation/score';
import type { PromptTemplate, PromptValues } from '../../../domain/prompt/prompt';
import { renderPrompt, listVariables } from '../../../domain/prompt/render';
import { computeDigest } from '../../digest';
import type { ModelTarget } from '../attempt';
import type { LedgerAccess } from '../reranker';
import { inParallel } from './pool';

/** A language model that decides whether an answer is right. */
export interface ModelJudge {
  /** Identifies the judge: its prompt, model and sampling. */
  readonly digest: Digest;
  score(of: EvaluationCase, answer: string, signal?: AbortSignal): Promise<Score>;
  /** The verdicts, one for each order in which it is asked; null for a missing verdict. */
  verdicts(
    of: EvaluationCase,
    answer: string,
    signal?: AbortSignal,
  ): Promise<readonly (boolean | null)[]>;
}

export interface JudgeOptions {
  readonly asking: LedgerAccess;
  /**
   * May use the case's variables, `answer` and `reference`. With `first` and `second` the judge
   * compares answer and reference in both orders.
   */
  readonly template: PromptTemplate;
  readonly target: ModelTarget;
  readonly sampling: Sampling;
  /** Whether a lost or late answer gives no verdict (the default) or throws, to be retried. */
  readonly whenLost?: 'noVerdict' | 'fails' | undefined;
}

const silent: readonly FailureType[] = [
  'AnswerInvalid',
  'AnswerWithheld',
  'ContextOverflow',
  'ProviderRefused',
];
const lost: readonly FailureType[] = ['AnswerLost', 'ProviderTimeout'];

export function createJudge({
  asking,
  template,
  target,
  sampling,
  whenLost = 'noVerdict',
}: JudgeOptions): ModelJudge {
  const { chat, ...shared } = asking;
  const promptDigest = computeDigest(template);
  const wanted = listVariables(template);
  const inBothOrders = wanted.includes('first') && wanted.includes('second');
  const needsReference = inBothOrders || wanted.includes('reference');

  const ask = async (
    of: EvaluationCase,
    values: PromptValues,
    signal: AbortSignal | undefined,
  ): Promise<string | null> => {
    const given = Object.fromEntries(
      Object.entries({ ...of.input, ...values }).filter(([name]) => wanted.includes(name)),
    );
    try {
      const { answer } = await chat.ask({
        ...shared,
        route: [target],
        question: { messages: renderPrompt(template, given), sampling, jsonSchema: judgeSchema },
        promptDigest,
        repeat: 0,
        ...(signal && { signal }),
      });
      return answer.text;
    } catch (error) {
      // Prose, or an answer that is too long to judge, is a missing verdict and no outage.
      if (
        isPerennialError(error) &&
        [...silent, ...(whenLost === 'fails' ? [] : lost)].includes(error.type)
      )
        return null;
      throw error;
    }
  };
  const texts = async (
    of: EvaluationCase,
    answer: string,
    signal: AbortSignal | undefined,
  ): Promise<readonly (string | null)[]> => {
    const reference = expectedAnswers(of.expected).join(' / ');
    if (!inBothOrders) return [await ask(of, { answer, reference }, signal)];
    const both = [
      { first: answer, second: reference },
      { first: reference, second: answer },
    ];
    return Promise.all(both.map((order) => ask(of, order, signal)));
  };

  return {
    digest: computeDigest({ promptDigest, target, sampling }),
    async score(of, answer, signal) {
      if (needsReference && expectedAnswers(of.expected).length === 0) return notApplicable;
      const said = await texts(of, answer, signal);
      const answered = said.filter((text) => text !== null);
      return answered.length < said.length
        ? toFailure('the judge gave no verdict')
        : judgeScore(answered);
    },
    async verdicts(of, answer, signal) {
      return (await texts(of, answer, signal)).map((text) =>
        text === null ? null : (parseJudgeVerdict(text)?.right ?? null),
      );
    },
  };
}

/**
 * Compare the judge's verdicts with those of people. Calls go through the ledger, so calibrating
 * the same judge again costs nothing.
 */
export async function calibrateJudge(
  judge: ModelJudge,
  labelled: readonly LabelledAnswer[],
  { parallel, signal }: { readonly parallel: number; readonly signal?: AbortSignal },
): Promise<JudgeCalibration> {
  const verdicts = await inParallel(
    labelled,
    parallel,
    async ({ case: of, answer, right: label }): Promise<LabelledVerdict> => {
      signal?.throwIfAborted();
      const [said = null, swapped] = await judge.verdicts(of, answer, signal);
      return swapped === undefined ? { label, said } : { label, said, saidSwapped: swapped };
    },
  );
  return calibrate(judge.digest, verdicts);
}
