import type { BudgetRef } from '../budget';
import type { RunId } from '../ids';
import type { LlmLifecycleSpec } from './llm-lifecycle';

export function runScope(runId: RunId): string {
  return `run/${runId}`;
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
