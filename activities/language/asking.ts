import { activityInfo } from '@temporalio/activity';
import { toParts } from '../../domain/budget/budget';
import type { RunRef } from '../../domain/run/run';
import type { LlmLifecycleSpec } from '../../domain/language/lifecycle/llm-lifecycle';
import { runBudgets, runLimits, runScope } from '../../domain/language/provider/run-budget';
import type { Asking } from '../../data/language/evaluation/answerer';
import type { LedgeredChat } from '../../data/language/ledgered-chat';
import type { Registry } from '../../db/registry';
import { questionBudgets } from './question-budgets';

export interface AskingInStage extends RunRef {
  readonly stage: string;
  readonly spec: Pick<LlmLifecycleSpec, 'budget'>;
}

export function createRunBudgetActivities({
  registry,
}: {
  readonly registry: Pick<Registry, 'budgets'>;
}) {
  return {
    /**
     * What the run may spend, before it asks anything. Again: the limit stays, and what was spent.
     */
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
 * On whose behalf an activity asks, and what it is paid from: the run's own budget, and those that
 * an operator has set for the tenant or a provider.
 */
export async function askingIn(
  { chat, registry }: { readonly chat: LedgeredChat; readonly registry: Pick<Registry, 'budgets'> },
  { tenant, runId, stage, spec }: AskingInStage,
  asked: readonly { readonly provider: string }[],
): Promise<Asking> {
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
