/** What others say to a search for a better prompt. The constant is the wire name and its kind. */
import { defineQuery } from '@temporalio/workflow';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { RunId, Tenant } from '../../domain/ids';
import type { SearchStanding } from '../../domain/prompt/search/outcome';
import type { PromptSearchRequest } from '../../domain/prompt/search/request';

export const promptSearchWorkflow = 'promptSearch';

export interface PromptSearchInput {
  readonly tenant: Tenant;
  /** Its row, its branch and its artifacts are found by this. */
  readonly search: string;
  /** Name of the prompt: the winner becomes a version of it. */
  readonly prompt: string;
  /** JSON: the `PromptTemplate` that the winner is compared with. */
  readonly first: ArtifactRef;
  readonly request: PromptSearchRequest;
  /** Questions under way at once. */
  readonly parallel: number;
  /** What its questions are paid from, beside a budget of its own. */
  readonly budgets: readonly BudgetRef[];
  /** The run that it is part of. */
  readonly runId: RunId | null;
  readonly actor: string;
  /** Questions of one activity at most. */
  readonly questionsPerPiece: number;
  /** Rounds after which it continues as new at the latest; null leaves that to Temporal. */
  readonly roundsPerExecution: number | null;
  /** Where an earlier execution of this search stopped; null at the beginning. */
  readonly progress: PromptSearchProgress | null;
}

/** What continues in a new execution. */
export interface PromptSearchProgress {
  /** JSON: everything that its steps share. */
  readonly order: ArtifactRef;
  /** JSON: `SearchState`. */
  readonly state: ArtifactRef;
  readonly standing: SearchStanding;
}

export interface PromptSearchView {
  /** Null until its cases were read. */
  readonly standing: SearchStanding | null;
  /** Of the step that is under way. */
  readonly pieces: { readonly done: number; readonly of: number };
}

export const promptSearchQuery = defineQuery<PromptSearchView>('status');

/**
 * The id of the search that a run makes for itself: as a child of its own workflow, whose end is
 * the search's.
 */
export function searchOfRun(run: RunId): string {
  return run.replace(/^run_/, 'search_');
}

/** The run that makes this search for itself, if there is one of that name. */
export function runOfSearch(search: string): RunId {
  return search.replace(/^search_/, 'run_') as RunId;
}

/** Of a search that somebody asked for by itself. */
export function promptSearchWorkflowId({
  tenant,
  search,
}: Pick<PromptSearchInput, 'tenant' | 'search'>): string {
  return `prompt-search/${tenant}/${search}`;
}
