import type { EvaluationCase } from '../cases/case';
import type { RuleTools } from '../dimension/rule';

/** The part of a case that an evaluator reads. */
export interface EvaluatorInput {
  readonly case: EvaluationCase;
  readonly answer: string;
  /** What the safety policy blocked; absent if it did not block. */
  readonly blocked?: 'input' | 'output' | undefined;
  /** The provider's own filter withheld the answer, so its text is not an answer. */
  readonly withheld?: boolean | undefined;
  /** The passages in the prompt, in their order; empty without retrieval. */
  readonly retrieved: readonly RetrievedPassage[];
}

export interface RetrievedPassage {
  readonly documentId: string;
  readonly text: string;
}

export interface EvaluatorTools extends RuleTools {
  /** Unit vectors, one per text; null without an embedder. */
  readonly embed: ((texts: readonly string[]) => Promise<readonly Float32Array[]>) | null;
}
