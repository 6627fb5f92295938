import type { Digest } from '../../../domain/artifact';
import type { PerennialError } from '../../../domain/failure';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import type { EvaluatorTools } from '../../../domain/language/judge/evaluator-input';
import type { LatencySample } from '../../../domain/language/evaluation/latency-sample';
import type { Answerer, CaseAnswer } from './answerer';
import type { ModelJudge } from './judge';
import type { Paraphraser } from './paraphraser';
import type { Pool } from './pool';

export interface CaseEvaluation {
  readonly cases: readonly EvaluationCase[];
  /** The digest of the case set. It seeds the perturbations. */
  readonly caseSet: Digest;
  readonly dimensions: readonly DimensionSpec[];
  readonly answerer: Answerer;
  /** By the name of the dimension. Each dimension of kind `judge` needs one. */
  readonly judges: Readonly<Record<string, ModelJudge>>;
  readonly tools: EvaluatorTools;
  /** Required when a robustness dimension has paraphrases. */
  readonly paraphraser?: Paraphraser | undefined;
  /** The number of concurrent questions. The provider's rate limits apply in any case. */
  readonly parallel: number;
  /** Shared with other evaluations that run at the same time; its own pool by default. */
  readonly pool?: Pool;
  /** Measure latencies in this run: ask up to so many recorded questions again. */
  readonly latency?: LatencySample | null;
  /**
   * End the evaluation with ProviderRefused when the first so many cases were all refused. Without
   * it all cases are asked.
   */
  readonly maxLeadingRefusals?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

export interface EvaluationProgress {
  readonly asked: number;
  readonly of: number;
  readonly unanswered: number;
  /** Answers that were recorded and paid before. */
  readonly fromLedger: number;
  /** Nanodollars, including recorded answers. */
  readonly cost: number;
}

export type CaseReply =
  | { readonly kind: 'answered'; readonly answer: CaseAnswer }
  | {
      readonly kind: 'unanswered';
      readonly reason: string;
      /** Null when the question was not asked. */
      readonly error: PerennialError | null;
    };
