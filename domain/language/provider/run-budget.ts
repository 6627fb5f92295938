import type { BudgetRef } from '../../budget/budget';
import type { RunId } from '../../ids';
import type { LlmLifecycleSpec } from '../lifecycle/llm-lifecycle';

export function runScope(runId: RunId): string {
  return `run/${runId}`;
}

/** Of the search in a run: a budget of its own, and where the ledger's report of it is found. */
/** Of an evaluation of a prompt that belongs to no run. */
export function evaluationScope(evaluation: string): string {
  return `prompt-evaluation/${evaluation}`;
}

/** Of a search that belongs to no run. */
export function promptSearchScope(search: string): string {
  return `prompt-search/${search}`;
}

export function searchScope(runId: RunId): string {
  return `${runScope(runId)}/prompt-search`;
}

export function runLimits({ usd, tokens }: LlmLifecycleSpec['budget']) {
  return [
    ...(usd === null ? [] : [{ unit: 'usd' as const, limit: usd }]),
    ...(tokens === null ? [] : [{ unit: 'tokens' as const, limit: tokens }]),
  ];
}

/** What everything that a run asks is paid from: questions, embeddings, searches. */
export function runBudgets(runId: RunId, budget: LlmLifecycleSpec['budget']): readonly BudgetRef[] {
  return runLimits(budget).map(({ unit }) => ({ scope: runScope(runId), unit }));
}
