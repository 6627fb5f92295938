/** Input, progress and query of a prompt search. Constant = wire name + kind. */
import { defineQuery } from '@temporalio/workflow';
import type { ArtifactRef } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { RunId, Tenant } from '../../domain/ids';
import type { VariantProgress } from '../../domain/prompt-search/outcome';
import type { PromptSearchRequest } from '../../domain/prompt-search/request';

export const promptSearchWorkflow = 'promptSearch';

export interface PromptSearchInput {
  readonly tenant: Tenant;
  /** Id of the search. Its row, its branch and its artifacts are found by it. */
  readonly search: string;
  /** Name of the prompt; the winner becomes a version of it. */
  readonly prompt: string;
  /** JSON: the `PromptTemplate` that the winner is compared with. */
  readonly first: ArtifactRef;
  readonly request: PromptSearchRequest;
  /** Number of questions in flight at once. */
  readonly parallel: number;
  /** Budgets that pay for its questions, beside the search's own budget. */
  readonly budgets: readonly BudgetRef[];
  /** The run that the search is part of. */
  readonly runId: RunId | null;
  readonly actor: string;
  /** Maximum number of questions per activity. */
  readonly questionsPerPiece: number;
  /** Number of rounds after which it continues as new; null leaves that to Temporal. */
  readonly roundsPerExecution: number | null;
  /** Progress of an earlier execution of this search; null at the beginning. */
  readonly progress: PromptSearchProgress | null;
}

/** The state that is passed to a new execution. */
export interface PromptSearchProgress {
  /** JSON: the data that all its steps share. */
  readonly order: ArtifactRef;
  /** JSON: `SearchState`. */
  readonly state: ArtifactRef;
  readonly standing: VariantProgress;
}

export interface PromptSearchView {
  /** Null until its cases are read. */
  readonly standing: VariantProgress | null;
  /** Pieces of the current step. */
  readonly pieces: { readonly done: number; readonly of: number };
}

export const promptSearchQuery = defineQuery<PromptSearchView>('status');

/** Id of the search that a run makes as a child of its workflow. */
export function searchOfRun(run: RunId): string {
  return run.replace(/^run_/, 'search_');
}

/** The run that would have a search of this id; it may not exist. */
export function runOfSearch(search: string): RunId {
  return search.replace(/^search_/, 'run_') as RunId;
}

/** Workflow id of a search that was started without a run. */
export function promptSearchWorkflowId({
  tenant,
  search,
}: Pick<PromptSearchInput, 'tenant' | 'search'>): string {
  return `prompt-search/${tenant}/${search}`;
}
