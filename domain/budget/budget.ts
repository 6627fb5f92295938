import type { Tenant } from '../ids';

/** The unit of a budget. Amounts are whole numbers of its smallest part, so that sums are exact. */
export type BudgetUnit = 'usd' | 'tokens' | 'seconds' | 'cpuHours';

/**
 * Parts per unit: nanodollars (a token costs less than a microdollar), tokens, milliseconds, and
 * milliseconds of one CPU.
 */
export const budgetUnits = {
  usd: 1_000_000_000,
  tokens: 1,
  seconds: 1000,
  cpuHours: 3_600_000,
} as const satisfies Record<BudgetUnit, number>;

/**
 * `scope` is `tenant`, `run/<id>` or `provider/<name>`, and for jobs of a day or a month
 * `tenant/2026-11-29`, `model/<name>/2026-11`.
 */
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
  /** Held for requests in progress. */
  readonly reserved: number;
  readonly spent: number;
  /** The part of `spent` whose real cost is unknown; it is an upper bound. */
  readonly assumed: number;
}

/**
 * The result of a reservation. `spent` is final. `held` may succeed later, if requests in progress
 * cost less than was reserved.
 */
export type ReservationResult =
  | { readonly kind: 'reserved' }
  | { readonly kind: 'spent'; readonly budget: Budget; readonly asked: number }
  | { readonly kind: 'held'; readonly budget: Budget; readonly asked: number };

export function toParts(unit: BudgetUnit, value: number): number {
  return Math.ceil(value * budgetUnits[unit] - 1e-6);
}

export function formatBudgetAmount(unit: BudgetUnit, parts: number): string {
  switch (unit) {
    case 'usd':
      return `$${(parts / budgetUnits.usd).toFixed(4)}`;
    case 'tokens':
      return `${parts} tokens`;
    case 'seconds':
      return `${parts / budgetUnits.seconds} s`;
    case 'cpuHours':
      return `${Number((parts / budgetUnits.cpuHours).toPrecision(3))} CPU-hours`;
  }
}

/** The start of the message of `BudgetSpent`; workflows recognise the scope by it. */
export function spentMessage(scope: string): string {
  return `the budget of ${scope} is spent`;
}
