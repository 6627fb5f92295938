import { formatBudgetAmount, spentMessage, type Budget } from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import type { BlockGrant, BlockLedger } from '../../domain/language/provider/allowance';
import { within } from '../within';

/** What one process may spend of one budget without asking for it each time. */
export interface Purse {
  /**
   * Holds the most that a question can cost. @throws BudgetSpent; DatabaseUnavailable where more is
   * needed than there is and the registry is away
   */
  hold(need: number): Promise<void>;
  /** The question is over. */
  settle(need: number, spent: number): void;
  /**
   * Tells what was spent, and gives back what nobody has used since the last time, unless an
   * account is under way.
   */
  account(): Promise<void>;
  /** When nothing is under way any more. */
  close(): Promise<void>;
}

export interface PurseOptions {
  readonly ledger: Pick<BlockLedger, 'account'>;
  readonly budget: Budget;
  readonly holder: string;
  readonly leaseMs: number;
  /**
   * A question waits no longer for the registry; the account that it asked for goes on, and no
   * other begins before it has ended.
   */
  readonly registryTimeoutMs: number;
}

/** Of the limit, in one block. */
const blockShare = 0.01;
/** Questions of the size of the one that found the purse empty. */
const blockQuestions = 8;
const noBlock = {
  type: 'DatabaseUnavailable',
  message: 'the registry did not grant a block of the budget',
} as const;
/** A spent budget is not asked for again for each question. */
const refusedMs = 1_000;

/**
 * Never has more than its row on the ledger: what an account gives back is no longer spent from
 * when the account is sent, whatever becomes of it, and past the lease, which others may end,
 * nothing is taken any more.
 */
export function openPurse({
  ledger,
  budget,
  holder,
  leaseMs,
  registryTimeoutMs,
}: PurseOptions): Purse {
  const { tenant, scope, unit } = budget;
  let { limit } = budget;
  let held = 0;
  let total = 0;
  /** What there surely is, from the total `base` on. */
  let granted = 0;
  let base = 0;
  /** The last total that was surely told, and the most that was under way with it. */
  let told = 0;
  let toldHeld = 0;
  /** Whether the ledger may have more for us than `granted`: an answer was lost. */
  let unsure = false;
  let overdrawn = false;
  let used = false;
  let leasedAt = -Infinity;
  let asking: Promise<BlockGrant> | null = null;
  let refusal: { readonly need: number; readonly until: number; readonly error: Error } | null =
    null;

  const free = (): number =>
    performance.now() < leasedAt + leaseMs ? Math.max(0, granted - (total - base) - held) : 0;

  /** One at a time, and looked for in the same tick: an account counts from the one before. */
  function turn(need: number, wanted: number, kept: number): Promise<BlockGrant> {
    const [telling, sentAt] = [total, performance.now()];
    [granted, base] = [held + kept, telling];
    const account = {
      tenant,
      scope,
      unit,
      holder,
      spent: telling,
      told,
      held,
      kept,
      need,
      wanted,
      leaseMs,
    };
    asking = answered(ledger.account(account), account, sentAt).finally(() => (asking = null));
    return asking;
  }

  async function answered(
    answer: Promise<BlockGrant>,
    account: { readonly spent: number; readonly held: number },
    sentAt: number,
  ) {
    unsure = true;
    const grant = await answer;
    ({ granted } = grant);
    ({ limit } = grant.budget);
    overdrawn = grant.budget.spent + grant.budget.reserved > limit;
    [told, toldHeld] = [account.spent, account.held];
    leasedAt = sentAt;
    unsure = false;
    return grant;
  }

  return {
    async hold(need) {
      const until = performance.now() + registryTimeoutMs;
      const inTime = <T>(work: Promise<T>) => {
        work.catch(() => undefined);
        return within(Math.max(1, Math.ceil(until - performance.now())), work, noBlock);
      };
      for (;;) {
        if (free() >= need) {
          held += need;
          used = true;
          return;
        }
        if (refusal !== null && performance.now() < refusal.until && need >= refusal.need)
          throw refusal.error;
        if (asking !== null) {
          // Its failure is told to who asked.
          await inTime(asking.catch(() => undefined));
          continue;
        }
        const { refused, budget: now } = await inTime(
          turn(need, Math.max(Math.floor(limit * blockShare), blockQuestions * need), free()),
        );
        if (refused === null) continue;
        refusal = {
          need,
          until: performance.now() + refusedMs,
          error: refusedError(refused, now, need),
        };
      }
    },
    settle(need, spent) {
      held -= need;
      total += spent;
    },
    async account() {
      // What is under way tells as well, and the rest is for the next time.
      if (asking !== null) return;
      // What is under way and not told is on no budget if this process dies.
      const changed = total !== told || held > toldHeld;
      if (!changed && !used && !unsure && granted === held) return;
      // What is kept without being used is in other gateways' way; what is used has to be told, and
      // its lease to be renewed.
      if (used && !changed && !unsure && !overdrawn && performance.now() - leasedAt < leaseMs / 3)
        return;
      const kept = used && !overdrawn ? free() : 0;
      used = held > 0;
      await turn(0, 0, kept);
    },
    async close() {
      while (asking !== null) await asking.catch(() => undefined);
      if (granted > 0 || unsure || total !== told) await turn(0, 0, 0);
    },
  };
}

function refusedError(
  refused: 'spent' | 'held',
  { scope, unit, limit, spent }: Budget,
  need: number,
): Error {
  const amount = (parts: number) => formatBudgetAmount(unit, parts);
  const [ofWhat, may] = [
    `${amount(spent)} of ${amount(limit)}`,
    `this question may take ${amount(need)}`,
  ];
  if (refused === 'spent') {
    return failure('BudgetSpent', `${spentMessage(scope)}: ${ofWhat}; ${may}`, {
      next: `perennial budget set ${scope} <more>`,
    });
  }
  return failure(
    'BudgetSpent',
    `of the budget of ${scope} ${ofWhat} are spent, and the rest is reserved; ${may}`,
    {
      next: 'ask again in a second: what is reserved and not needed comes back',
      retryAfterMs: refusedMs,
    },
  );
}
