import type { Budget, BudgetRef } from '../budget/budget';
import type { Tenant } from '../ids';

/**
 * One gateway's report on its block of a budget. A block is reserved ahead, so that requests need
 * no database. The report states the spending and requests the next block. It has totals, not
 * differences, so that a repeated report counts once.
 */
export interface BlockReport extends BudgetRef {
  readonly tenant: Tenant;
  /** One gateway process. */
  readonly holder: string;
  /** Total of this holder since it started. */
  readonly spent: number;
  /** The part of `spent` that is already recorded, if the ledger no longer has the holder's row. */
  readonly told: number;
  /** The most that requests in progress may cost. */
  readonly held: number;
  /** The rest of the previous block, which may be spent while this report is in progress. */
  readonly kept: number;
  /** The most that the next request may cost; 0 if none waits. */
  readonly need: number;
  /** The preferred amount in addition to `held`. */
  readonly wanted: number;
  /**
   * After this time without a report the holder counts as dead: its `held` counts as spent, and the
   * rest of its block is released.
   */
  readonly leaseMs: number;
}

export interface BlockGrant {
  /** What the holder may spend beyond the `spent` of its report, including `held`. */
  readonly granted: number;
  /** Why `need` is not covered. `held`: others have reserved the rest and may release it. */
  readonly refused: 'spent' | 'held' | null;
  readonly budget: Budget;
}

/** The budgets that a gateway spends from. */
export interface BlockLedger {
  list(input: { readonly tenant: Tenant }): Promise<readonly Budget[]>;
  /** @throws NotFound for an unknown budget. */
  account(account: BlockReport): Promise<BlockGrant>;
}

/** Largest share of the rest that one block takes, so that gateways share the end of a budget. */
const maxShare = 0.25;

/**
 * The next block of a holder. `reserved` is what others hold. The holder always keeps `held` and
 * `kept`, even if the limit was lowered.
 */
export function nextBlock(
  { limit, spent, reserved }: Pick<Budget, 'limit' | 'spent' | 'reserved'>,
  { held, kept, need, wanted }: Pick<BlockReport, 'held' | 'kept' | 'need' | 'wanted'>,
): Omit<BlockGrant, 'budget'> {
  const left = limit - spent - reserved - held;
  if (need > 0 && left < need)
    return { granted: held + kept, refused: spent + need > limit ? 'spent' : 'held' };
  const ahead = Math.min(wanted, Math.max(need, Math.floor(left * maxShare)));
  return { granted: held + Math.max(kept, need, ahead), refused: null };
}
