import type { Tenant } from '../ids';

/**
 * What a budget is counted in. Stored and summed as whole numbers of `budgetUnits`' smallest part,
 * so that thousands of small amounts add up exactly.
 */
export type BudgetUnit = 'usd' | 'tokens' | 'seconds';

/** Parts of one: nanodollars, because a token costs fractions of a microdollar; milliseconds. */
export const budgetUnits = {
  usd: 1_000_000_000,
  tokens: 1,
  seconds: 1000,
} as const satisfies Record<BudgetUnit, number>;

/** `scope` says for what: `tenant`, `run/<id>`, `provider/<name>`. */
export interface BudgetRef {
  readonly scope: string;
  readonly unit: BudgetUnit;
}

/** Amounts are in the smallest part of the unit. */
export interface BudgetAmount extends BudgetRef {
  readonly amount: number;
}

export interface Budget extends BudgetRef {
  readonly tenant: Tenant;
  readonly limit: number;
  /** Held for work that is under way. */
  readonly reserved: number;
  readonly spent: number;
  /**
   * The part of `spent` that is the most it can have been: nobody saw what the work really cost.
   */
  readonly assumed: number;
}

/**
 * Whether a reservation got what it asked for. `spent` stays so; `held` may yet become possible,
 * when work that is under way turns out to cost less than was held for it.
 */
export type Reserved =
  | { readonly kind: 'reserved' }
  | { readonly kind: 'spent'; readonly budget: Budget; readonly asked: number }
  | { readonly kind: 'held'; readonly budget: Budget; readonly asked: number };

export function toParts(unit: BudgetUnit, value: number): number {
  return Math.ceil(value * budgetUnits[unit] - 1e-6);
}

export function formatBudgetAmount(unit: BudgetUnit, parts: number): string {
  return unit === 'usd'
    ? `$${(parts / budgetUnits.usd).toFixed(4)}`
    : unit === 'tokens'
      ? `${parts} tokens`
      : `${parts / budgetUnits.seconds} s`;
}

/**
 * How the message of `BudgetSpent` begins: a workflow, which gets type and message alone, knows by
 * it whose budget it was.
 */
export function spentMessage(scope: string): string {
  return `the budget of ${scope} is spent`;
}
