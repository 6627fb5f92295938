import type { EvaluationCase } from '../cases/case';
import type { RuleTools } from '../dimension/rule';

/** What an evaluator sees of one case. */
export interface JudgedCase {
  readonly case: EvaluationCase;
  readonly answer: string;
  /** By which side a safety policy kept it back; not given where it did not. */
  readonly blocked?: 'input' | 'output' | undefined;
  /** By the provider's own filter: what there is of the answer is no answer. */
  readonly withheld?: boolean | undefined;
  /** What stood in the prompt, in its order; empty without retrieval. */
  readonly retrieved: readonly RetrievedPassage[];
}

export interface RetrievedPassage {
  readonly documentId: string;
  readonly text: string;
}

export interface EvaluatorTools extends RuleTools {
  /** Unit vectors, one a text; null where no embedder was given. */
  readonly embed: ((texts: readonly string[]) => Promise<readonly Float32Array[]>) | null;
}
