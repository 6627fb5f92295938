import type { PromptValues } from '../../prompt/prompt';
import type { Rule } from '../dimension/rule';

/**
 * One question with what is known of its right answer. A case set is a dataset version: NDJSON, a
 * case a line.
 */
export interface EvaluationCase {
  readonly id: string;
  /** Values of the prompt's variables. */
  readonly input: PromptValues;
  readonly expected: ExpectedAnswer;
  readonly tags: readonly string[];
  /** Of people, in paired prompts; null where bias is not asked for. */
  readonly group: string | null;
  /** Cases that differ in their group alone have the same pair. */
  readonly pair: string | null;
  /** What this case alone asks of the answer. */
  readonly rules: readonly Rule[];
}

/** What is not given is not measured: a case without gold documents says nothing of retrieval. */
export interface ExpectedAnswer {
  readonly answer?: string | undefined;
  /** Others that are as right. */
  readonly otherAnswers?: readonly string[] | undefined;
  /** Ids of the documents that hold the answer. */
  readonly documents?: readonly string[] | undefined;
  readonly label?: string | undefined;
  /** JSON Schema of the answer. */
  readonly schema?: Readonly<Record<string, unknown>> | undefined;
}

export function rightAnswers({ answer, otherAnswers = [] }: ExpectedAnswer): readonly string[] {
  return answer === undefined ? otherAnswers : [answer, ...otherAnswers];
}
