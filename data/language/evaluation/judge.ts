import type { Digest } from '../../../domain/dataset/artifact';
import { isPerennialError, type FailureType } from '../../../domain/failure';
import type { Sampling } from '../../../domain/language/chat';
import { rightAnswers, type EvaluationCase } from '../../../domain/language/cases/case';
import {
  calibrate,
  type JudgeCalibration,
  type LabelledVerdict,
} from '../../../domain/language/judge/judge';
import { judgeSchema, judgeScore, verdictIn } from '../../../domain/language/judge/answer';
import type { LabelledAnswer } from '../../../domain/language/cases/labelled';
import { failed, notApplicable, type Score } from '../../../domain/language/evaluation/score';
import type { PromptTemplate, PromptValues } from '../../../domain/prompt/prompt';
import { renderPrompt, variablesOf } from '../../../domain/prompt/render';
import { digestOf } from '../../digest';
import type { ModelTarget } from '../model-access';
import type { Asking } from './answerer';
import { inParallel } from './pool';

/** A model that says of an answer whether it is right. */
export interface ModelJudge {
  /** Of its prompt, model and sampling: with another of them it is another judge. */
  readonly digest: Digest;
  score(of: EvaluationCase, answer: string, signal?: AbortSignal): Promise<Score>;
  /** Its verdicts, one an order in which it is asked; null where it gave none. */
  verdicts(
    of: EvaluationCase,
    answer: string,
    signal?: AbortSignal,
  ): Promise<readonly (boolean | null)[]>;
}

export interface JudgeOptions {
  readonly asking: Asking;
  /**
   * May use the case's variables, `answer` and `reference`; with `first` and `second` it is asked
   * in both orders.
   */
  readonly template: PromptTemplate;
  readonly target: ModelTarget;
  readonly sampling: Sampling;
  /**
   * Of an answer that did not come, or not in time: no verdict where nobody asks again, which is so
   * unless it is said.
   */
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
  const promptDigest = digestOf(template);
  const wanted = variablesOf(template);
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
      // Prose, or an answer too long to judge: no verdict, not no judge.
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
    const reference = rightAnswers(of.expected).join(' / ');
    if (!inBothOrders) return [await ask(of, { answer, reference }, signal)];
    const both = [
      { first: answer, second: reference },
      { first: reference, second: answer },
    ];
    return Promise.all(both.map((order) => ask(of, order, signal)));
  };

  return {
    digest: digestOf({ promptDigest, target, sampling }),
    async score(of, answer, signal) {
      if (needsReference && rightAnswers(of.expected).length === 0) return notApplicable;
      const said = await texts(of, answer, signal);
      const answered = said.filter((text) => text !== null);
      return answered.length < said.length
        ? failed('the judge gave no verdict')
        : judgeScore(answered);
    },
    async verdicts(of, answer, signal) {
      return (await texts(of, answer, signal)).map((text) =>
        text === null ? null : (verdictIn(text)?.right ?? null),
      );
    },
  };
}

/**
 * What the judge says of answers that people have judged. Calls go through the ledger: calibrating
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
