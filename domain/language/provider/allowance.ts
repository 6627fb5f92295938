import type { Budget, BudgetRef } from '../../budget/budget';
import type { Tenant } from '../../ids';

/**
 * What one gateway tells of its block of a budget. A block is reserved ahead, so that a question is
 * paid from memory; the account says what has been spent of it, and asks for the next one. Totals,
 * not differences: an account that is written twice counts once.
 */
export interface BlockAccount extends BudgetRef {
  readonly tenant: Tenant;
  /** One gateway process. */
  readonly holder: string;
  /** By this holder since it began. */
  readonly spent: number;
  /**
   * The part of it that was surely told before: what a ledger that has not kept the holder's row,
   * which is settled for long, goes on from.
   */
  readonly told: number;
  /** The most that the questions under way may cost. */
  readonly held: number;
  /** What is left of the block before and goes on being spent while this account is under way. */
  readonly kept: number;
  /** What the next question may cost; 0 when none waits. */
  readonly need: number;
  /** How much would be good to have beside what is held. */
  readonly wanted: number;
  /**
   * After it the holder counts as dead: what it had under way at its last account counts as spent,
   * and the rest of its block goes back.
   */
  readonly leaseMs: number;
}

export interface BlockGrant {
  /** What the holder may spend from the `spent` of its account on, what it holds included. */
  readonly granted: number;
  /** Why there is not as much as is needed; `held`: others have the rest, and may bring it back. */
  readonly refused: 'spent' | 'held' | null;
  readonly budget: Budget;
}

/** The operator's budgets as a gateway sees them. */
export interface BlockLedger {
  list(input: { readonly tenant: Tenant }): Promise<readonly Budget[]>;
  /** NotFound for a budget that is not there. */
  account(account: BlockAccount): Promise<BlockGrant>;
}

/**
 * One block never takes more of what is left than this, so that several gateways share the end of a
 * budget.
 */
const mostShare = 0.25;

/**
 * `reserved` is what others hold. What is under way or may become so meanwhile stays with the
 * holder, whatever became of the limit.
 */
export function blockOf(
  { limit, spent, reserved }: Pick<Budget, 'limit' | 'spent' | 'reserved'>,
  { held, kept, need, wanted }: Pick<BlockAccount, 'held' | 'kept' | 'need' | 'wanted'>,
): Omit<BlockGrant, 'budget'> {
  const left = limit - spent - reserved - held;
  if (need > 0 && left < need)
    return { granted: held + kept, refused: spent + need > limit ? 'spent' : 'held' };
  const ahead = Math.min(wanted, Math.max(need, Math.floor(left * mostShare)));
  return { granted: held + Math.max(kept, need, ahead), refused: null };
}
