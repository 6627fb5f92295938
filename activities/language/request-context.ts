import { activityInfo } from '@temporalio/activity';
import { toParts } from '../../domain/budget/budget';
import type { RunRef } from '../../domain/run/run';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import { runBudgets, runLimits, runScope } from '../../domain/budget/run-budget';
import type { LedgerAccess } from '../../data/language/reranker';
import type { LedgerChat } from '../../data/language/ledger-chat';
import type { Registry } from '../../db/registry';
import { questionBudgets } from './question-budgets';

export interface StageRequests extends RunRef {
  readonly stage: string;
  readonly spec: Pick<LlmLifecycleSpec, 'budget'>;
}

export function createRunBudgetActivities({
  registry,
}: {
  readonly registry: Pick<Registry, 'budgets'>;
}) {
  return {
    /** Sets the run's budgets before its first request. Idempotent; spent amounts stay. */
    async openRunBudget({
      tenant,
      runId,
      budget,
    }: RunRef & Pick<LlmLifecycleSpec, 'budget'>): Promise<void> {
      for (const { unit, limit } of runLimits(budget)) {
        await registry.budgets.set({
          tenant,
          scope: runScope(runId),
          unit,
          limit: toParts(unit, limit),
        });
      }
    },
  };
}

/**
 * The scope and the budgets of an activity's requests: the run's own budget, and the operator's
 * limits for the tenant and its providers.
 */
export async function buildRequestContext(
  { chat, registry }: { readonly chat: LedgerChat; readonly registry: Pick<Registry, 'budgets'> },
  { tenant, runId, stage, spec }: StageRequests,
  asked: readonly { readonly provider: string }[],
): Promise<LedgerAccess> {
  const { workflowExecution, activityId, attempt } = activityInfo();
  const providers = asked.map(({ provider }) => provider);
  const given = {
    tenant,
    scope: runScope(runId),
    budgetUsd: null,
    others: runBudgets(runId, spec.budget),
    providers,
  };
  return {
    chat,
    tenant,
    scope: `${runScope(runId)}/${stage}`,
    owner: { execution: `${workflowExecution?.runId ?? ''}/${activityId}`, attempt },
    budgets: await questionBudgets(registry.budgets, given),
  };
}
