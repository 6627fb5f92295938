/** Input, outcome and query of a prompt evaluation. Constant = wire name + kind. */
import { defineQuery } from '@temporalio/workflow';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { Sampling } from '../../domain/chat/chat';
import type { AnswersSummary } from '../../domain/language/evaluation/answers-summary';
import type { DimensionSpec } from '../../domain/language/dimension/dimension';
import type { SearchTarget } from '../../domain/prompt-search/request';

export const promptEvaluationWorkflow = 'promptEvaluation';

export interface PromptEvaluationInput {
  readonly tenant: Tenant;
  readonly evaluation: string;
  /** `name@version`, shown to people. */
  readonly prompt: string;
  /** JSON: `PromptTemplate`. */
  readonly template: ArtifactRef;
  /** NDJSON with one case per line. */
  readonly cases: ArtifactRef;
  readonly count: number;
  readonly dimensions: readonly DimensionSpec[];
  readonly route: readonly [SearchTarget, ...SearchTarget[]];
  readonly sampling: Sampling;
  /** Number of questions in flight at once. */
  readonly parallel: number;
  readonly budgetUsd: number | null;
  /** Maximum number of cases per activity. */
  readonly casesPerPiece: number;
}

export interface PromptEvaluationOutcome {
  readonly candidate: Digest;
  readonly summary: AnswersSummary;
  /** JSON: `CaseResult[]`, in the order of the cases. */
  readonly results: ArtifactRef;
}

export interface PromptEvaluationView {
  /** Number of cases that were answered and scored. */
  readonly done: number;
  readonly of: number;
}

export const promptEvaluationQuery = defineQuery<PromptEvaluationView>('status');

export function promptEvaluationWorkflowId({
  tenant,
  evaluation,
}: Pick<PromptEvaluationInput, 'tenant' | 'evaluation'>): string {
  return `prompt-evaluation/${tenant}/${evaluation}`;
}
