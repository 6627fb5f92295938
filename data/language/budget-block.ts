import { formatBudgetAmount, spentMessage, type Budget } from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import type { BlockGrant, BlockLedger } from '../../domain/provider/budget-block';
import { withTimeout } from '../timeout';

/** The block of one budget that this process may spend without a registry write per question. */
export interface BudgetBlock {
  /**
   * Reserve the maximum cost of a question. @throws BudgetSpent; DatabaseUnavailable when the block
   * is too small and the registry does not respond
   */
  hold(need: number): Promise<void>;
  /** Release the reservation and count what the question cost. */
  settle(need: number, spent: number): void;
  /**
   * Report what was spent and return the unused part of the block. Does nothing while another
   * report is in progress.
   */
  account(): Promise<void>;
  /** Return the whole block. Call it after the last question has ended. */
  close(): Promise<void>;
}

export interface BudgetBlockOptions {
  readonly ledger: Pick<BlockLedger, 'account'>;
  readonly budget: Budget;
  readonly holder: string;
  readonly leaseMs: number;
  /**
   * The longest that a question waits for the registry. The request to the registry continues, and
   * no other one starts before it has ended.
   */
  readonly registryTimeoutMs: number;
}

/** The share of the budget's limit in one block. */
const blockShare = 0.01;
/** The minimum size of a block, as a multiple of the question that needs it. */
const blockQuestions = 8;
const noBlock = {
  type: 'DatabaseUnavailable',
  message: 'the registry did not grant a block of the budget',
} as const;
/** How long a refusal is remembered, so that not every question asks the registry. */
const refusedMs = 1_000;

/**
 * A purse never has more than its row in the ledger. What a report returns is not spent from the
 * moment the report is sent, even if the report fails. Nothing is spent after the lease has
 * expired.
 */
export function openBudgetBlock({
  ledger,
  budget,
  holder,
  leaseMs,
  registryTimeoutMs,
}: BudgetBlockOptions): BudgetBlock {
  const { tenant, scope, unit } = budget;
  let { limit } = budget;
  let held = 0;
  let total = 0;
  /** The confirmed size of the block, counted from the total `base`. */
  let granted = 0;
  let base = 0;
  /** The last total that the registry confirmed, and what was reserved with it. */
  let told = 0;
  let toldHeld = 0;
  /** Whether the ledger may have granted more than `granted`, because a response was lost. */
  let unsure = false;
  let overdrawn = false;
  let used = false;
  let leasedAt = -Infinity;
  let asking: Promise<BlockGrant> | null = null;
  let refusal: { readonly need: number; readonly until: number; readonly error: Error } | null =
    null;

  const free = (): number =>
    performance.now() < leasedAt + leaseMs ? Math.max(0, granted - (total - base) - held) : 0;

  /** One report at a time, because each one counts from the one before. */
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
    asking = takeAnswer(ledger.account(account), account, sentAt).finally(() => (asking = null));
    return asking;
  }

  async function takeAnswer(
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
        return withTimeout(Math.max(1, Math.ceil(until - performance.now())), work, noBlock);
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
          // The question that started this request gets its error.
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
      // The request in progress reports, too; the next report covers the rest.
      if (asking !== null) return;
      // If this process dies, no budget counts a reservation that was not reported.
      const changed = total !== told || held > toldHeld;
      if (!changed && !used && !unsure && granted === held) return;
      // An unused block is returned for other gateways; a used one is reported, its lease renewed.
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
    `this question may need ${amount(need)}`,
  ];
  if (refused === 'spent') {
    return failure('BudgetSpent', `${spentMessage(scope)}: ${ofWhat}; ${may}`, {
      next: `perennial budget set ${scope} <more>`,
    });
  }
  return failure(
    'BudgetSpent',
    `the budget of ${scope}: ${ofWhat} are spent and the rest is reserved; ${may}`,
    {
      next: 'retry in a second, when unused reservations have been released',
      retryAfterMs: refusedMs,
    },
  );
}
