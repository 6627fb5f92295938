import { sortCases, caseSlice } from '../../../../domain/language/cases/case-slices';
import { expectedAnswers, type EvaluationCase } from '../../../../domain/language/cases/case';
import { readStoredCases } from '../../../../domain/language/cases/case-set-document';
import type { LlmLifecycleSpec } from '../../../../domain/lifecycle/llm/llm-lifecycle';
import { CliError } from '../../cli-error';
import { appliedSpec } from '../../lifecycle/applied';
import type { CliContext } from '../../context';
import { knownGateway } from './gateway';
import { openQuestionGateway } from './question-gateway';
import { replay, type ReplayEnd, type ReplayState } from './replay';
import type { ReplayRow } from './rows';

export interface ReplayQuestion {
  readonly text: string;
  /**
   * All of them are right answers. If it is empty, none is known and no label is sent.
   */
  readonly answers: readonly string[];
}

interface QuestionPace {
  /**
   * The number of rounds through all questions. A repetition shows how stable answers are, but adds
   * no new question.
   */
  readonly rounds: number;
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly onProgress: (state: ReplayState) => void;
}

/**
 * The evaluation questions of a language application, with their right answers as labels. Questions
 * that chose its prompt would favour it.
 */
export async function replayQuestions(
  context: CliContext,
  { lifecycle, ...pace }: QuestionPace & { readonly lifecycle: string },
): Promise<ReplayEnd> {
  const { gatewayUrl, apiKey } = knownGateway(context.settings);
  const api = context.api();
  const spec = await appliedSpec(api, lifecycle);
  if (spec.kind !== 'LlmLifecycle')
    throw new CliError(
      `${lifecycle} is a ${spec.kind}; questions can be replayed only for an LlmLifecycle`,
      2,
    );
  const { files } = await api.call('GET /lifecycles/{name}/files', { path: { name: lifecycle } });
  const questions = listQuestions(spec, files[spec.cases.file] ?? '');
  if (questions.length === 0)
    throw new CliError(`${spec.cases.file} of ${lifecycle} has no evaluation questions`, 1);
  return askQuestions({ gatewayUrl, apiKey, model: lifecycle, questions, ...pace });
}

export async function askQuestions(
  options: QuestionPace & {
    readonly gatewayUrl: string;
    readonly apiKey: string;
    readonly model: string;
    readonly questions: readonly ReplayQuestion[];
  },
): Promise<ReplayEnd> {
  const { questions, rounds, parallel, signal, onProgress } = options;
  const gateway = openQuestionGateway(options);
  // Questions have no event time. Each is sent in its turn, and its label is known at once.
  const from = Date.now();
  try {
    const batches = streamRows(questions, rounds, from);
    return await replay({
      batches,
      gateway,
      from,
      speed: Infinity,
      labelDelayMs: 0,
      parallel,
      signal,
      onProgress,
    });
  } finally {
    await gateway.close();
  }
}

/** Questions in the order of the evaluation, which does not depend on answers. */
export function listQuestions(
  { cases, prompt }: Pick<LlmLifecycleSpec, 'cases' | 'prompt'>,
  ndjson: string,
): readonly ReplayQuestion[] {
  const judging = readStoredCases(ndjson, cases.file).filter(
    (each) => caseSlice(each, cases) === 'judge',
  );
  return sortCases(judging).map((each) => ({
    text: String(each.input[prompt.input] ?? ''),
    answers: listAnswers(each),
  }));
}

function listAnswers({ expected }: EvaluationCase): readonly string[] {
  const answers = expectedAnswers(expected);
  return answers.length === 0 && expected.label !== undefined ? [expected.label] : answers;
}

async function* streamRows(
  questions: readonly ReplayQuestion[],
  rounds: number,
  from: number,
): AsyncGenerator<readonly ReplayRow[]> {
  for (let round = 0; round < rounds; round += 1) {
    const before = from + round * questions.length;
    yield await Promise.resolve(
      questions.map(({ text, answers }, index) => ({
        at: before + index,
        columns: { question: text },
        label: answers.length === 0 ? null : answers,
      })),
    );
  }
}
