import type { BudgetRef } from './budget';
import type { RunId } from '../ids';

/** The limits of one run; null without one. */
export interface RunBudget {
  readonly usd: number | null;
  readonly tokens: number | null;
}

export function runScope(runId: RunId): string {
  return `run/${runId}`;
}

/** The scope of a prompt evaluation outside a run. */
export function evaluationScope(evaluation: string): string {
  return `prompt-evaluation/${evaluation}`;
}

/** The scope of a prompt search outside a run. */
export function promptSearchScope(search: string): string {
  return `prompt-search/${search}`;
}

/** The scope of a run's prompt search, which has a budget of its own. */
export function searchScope(runId: RunId): string {
  return `${runScope(runId)}/prompt-search`;
}

export function runLimits({ usd, tokens }: RunBudget) {
  return [
    ...(usd === null ? [] : [{ unit: 'usd' as const, limit: usd }]),
    ...(tokens === null ? [] : [{ unit: 'tokens' as const, limit: tokens }]),
  ];
}

/** The budgets that pay for all requests of a run: questions, embeddings and searches. */
export function runBudgets(runId: RunId, budget: RunBudget): readonly BudgetRef[] {
  return runLimits(budget).map(({ unit }) => ({ scope: runScope(runId), unit }));
}
