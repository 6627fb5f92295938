import type { PromptValues } from '../../prompt/prompt';
import type { Rule } from '../dimension/rule';

/** One question with its expected answer. A case set is a dataset version: NDJSON, one per line. */
export interface EvaluationCase {
  readonly id: string;
  /** Values of the prompt's variables. */
  readonly input: PromptValues;
  readonly expected: ExpectedAnswer;
  readonly tags: readonly string[];
  /** The group of people in a pair, to measure bias; else null. */
  readonly group: string | null;
  /** Cases that differ only in their group have the same pair. */
  readonly pair: string | null;
  /** Rules for the answer to this case. */
  readonly rules: readonly Rule[];
}

/** What is absent is not measured: retrieval does not apply to a case without documents. */
export interface ExpectedAnswer {
  readonly answer?: string | undefined;
  /** Alternatives that are equally right. */
  readonly otherAnswers?: readonly string[] | undefined;
  /** Ids of the documents that contain the answer. */
  readonly documents?: readonly string[] | undefined;
  readonly label?: string | undefined;
  /** JSON Schema of the answer. */
  readonly schema?: Readonly<Record<string, unknown>> | undefined;
}

export function expectedAnswers({ answer, otherAnswers = [] }: ExpectedAnswer): readonly string[] {
  return answer === undefined ? otherAnswers : [answer, ...otherAnswers];
}
