/** What others say to the evaluation of a prompt. The constant is the wire name and its kind. */
import { defineQuery } from '@temporalio/workflow';
import type { ArtifactRef, Digest } from '../../domain/dataset/artifact';
import type { Tenant } from '../../domain/ids';
import type { Sampling } from '../../domain/language/chat';
import type { AnswersSummary } from '../../domain/language/evaluation/answered';
import type { DimensionSpec } from '../../domain/language/dimension/dimension';
import type { SearchTarget } from '../../domain/prompt/search/request';

export const promptEvaluationWorkflow = 'promptEvaluation';

export interface PromptEvaluationInput {
  readonly tenant: Tenant;
  readonly evaluation: string;
  /** `name@version`, for people. */
  readonly prompt: string;
  /** JSON: `PromptTemplate`. */
  readonly template: ArtifactRef;
  /** NDJSON, a case a line. */
  readonly cases: ArtifactRef;
  readonly count: number;
  readonly dimensions: readonly DimensionSpec[];
  readonly route: readonly [SearchTarget, ...SearchTarget[]];
  readonly sampling: Sampling;
  /** Questions under way at once. */
  readonly parallel: number;
  readonly budgetUsd: number | null;
  /** Cases of one activity at most. */
  readonly casesPerPiece: number;
}

export interface PromptEvaluationOutcome {
  readonly candidate: Digest;
  readonly summary: AnswersSummary;
  /** JSON: `CaseResult[]`, in the order of the cases. */
  readonly results: ArtifactRef;
}

export interface PromptEvaluationView {
  /** Cases that were asked and scored. */
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
