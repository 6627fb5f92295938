/** Caps on what jobs may use, and the budgets of the ledger that hold them. */
import { toParts, type BudgetRef } from '../budget/budget';
import type { RunId } from '../ids';
import {
  costPeriods,
  costUnits,
  type ComputeBudget,
  type CostCap,
  type CostPeriod,
  type CostUnit,
} from './compute-budget';
import { runScope } from '../budget/run-budget';

/** A budget that a job counts against. `limit` is in parts; null counts without a cap. */
export interface CostBudget extends BudgetRef {
  readonly unit: CostUnit;
  readonly limit: number | null;
}

export interface CapsOfJob {
  readonly runId: RunId;
  readonly lifecycle: string;
  readonly budget: ComputeBudget;
  readonly tenantCap: CostCap & { readonly period: CostPeriod };
  /** When the job first reserved. It counts in the day and month of that time, in UTC. */
  readonly at: string;
}

/**
 * All budgets that may count a job, sorted as the ledger locks them. One without a cap counts only
 * if it exists, so that a cap that returns later is right.
 */
export function costBudgets(given: CapsOfJob): readonly CostBudget[] {
  const { runId, lifecycle, budget, tenantCap, at } = given;
  const { model } = budget;
  const scopes = [
    { scope: runScope(runId), cap: budget },
    ...costPeriods.flatMap((period) => [
      {
        scope: modelScope(lifecycle, { period, at }),
        cap: model?.period === period ? model : null,
      },
      {
        scope: `tenant/${formatPeriod(period, at)}`,
        cap: tenantCap.period === period ? tenantCap : null,
      },
    ]),
  ];
  const budgets = scopes.flatMap(({ scope, cap }) =>
    costUnits.map((unit) => {
      const limit = cap?.[unit] ?? null;
      return { scope, unit, limit: limit === null ? null : toParts(unit, limit) };
    }),
  );
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return budgets.sort((a, b) => order(a.scope, b.scope) || order(a.unit, b.unit));
}

/** The key of the ledger's budgets for all jobs of a lifecycle in the day or month of `at`. */
export function modelScope(
  lifecycle: string,
  { period, at }: { readonly period: CostPeriod; readonly at: string },
): string {
  return `model/${lifecycle}/${formatPeriod(period, at)}`;
}

/** `2026-11-29` or `2026-11`, in UTC. */
export function formatPeriod(period: CostPeriod, at: string): string {
  return new Date(at).toISOString().slice(0, period === 'day' ? 10 : 7);
}

/** How to get more of a budget that is spent. */
export function raiseCap(scope: string, tenant: string): string {
  const [kind, name = '', period = ''] = scope.split('/');
  if (kind === 'run')
    return 'raise spec.budget of the lifecycle and apply it, then: perennial run rerun <run>';
  if (kind === 'model')
    return `raise spec.budget.model of the lifecycle, or wait until ${period} (UTC) has ended`;
  return (
    `ask an administrator of the platform: perennial tenant limits ${tenant} --cpu-hours … ` +
    `--money …; or wait until ${name} (UTC) has ended`
  );
}
