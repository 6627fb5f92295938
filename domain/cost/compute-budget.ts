/** What a lifecycle and a tenant cap of the use of jobs. */
import type { BudgetRef } from '../budget/budget';

export const costPeriods = ['day', 'month'] as const;
export type CostPeriod = (typeof costPeriods)[number];

/** The units of the ledger in which jobs are counted. */
export const costUnits = ['cpuHours', 'usd'] as const satisfies readonly BudgetRef['unit'][];
export type CostUnit = (typeof costUnits)[number];

/** The most that may be used; null is no cap. */
export interface CostCap {
  readonly cpuHours: number | null;
  readonly usd: number | null;
}

/** What a lifecycle caps: each of its runs, and all its runs of a period together. */
export interface ComputeBudget extends CostCap {
  readonly model: (CostCap & { readonly period: CostPeriod }) | null;
}
