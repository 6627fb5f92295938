import { formatBudgetAmount, spentMessage, type Budget } from '../../domain/budget';
import { failure } from '../../domain/failure';
import type { BlockGrant, BlockLedger } from '../../domain/llm/allowance';

/** What one process may spend of one budget without asking for it each time. */
export interface Purse {
  /** Holds the most that a question can cost. @throws BudgetSpent; DatabaseUnavailable where more is needed than there is and the registry is away */
  hold(need: number): Promise<void>;
  /** The question is over. */
  settle(need: number, spent: number): void;
  /** Tells what was spent, and gives back what nobody has used since the last time. */
  account(): Promise<void>;
  /** When nothing is under way any more. */
  close(): Promise<void>;
}

export interface PurseOptions {
  readonly ledger: Pick<BlockLedger, 'account'>;
  readonly budget: Budget;
  readonly holder: string;
  readonly leaseMs: number;
}

/** Of the limit, in one block. */
const blockShare = 0.01;
/** Questions of the size of the one that found the purse empty. */
const blockQuestions = 8;
/** A spent budget is not asked for again for each question. */
const refusedMs = 1_000;

export function openPurse({ ledger, budget, holder, leaseMs }: PurseOptions): Purse {
  const { tenant, scope, unit } = budget;
  let { limit } = budget;
  let held = 0;
  let total = 0;
  /** The last grant, and the total that it counts from. */
  let granted = 0;
  let base = 0;
  let used = false;
  let lastAt = -Infinity;
  let asking: Promise<BlockGrant> | null = null;
  let refusal: { readonly need: number; readonly until: number; readonly error: Error } | null = null;

  const free = (): number => granted - (total - base) - held;

  /** One at a time: an account counts from the one before. */
  function turn(need: number, wanted: number): Promise<BlockGrant> {
    const told = total;
    const asked = ledger.account({ tenant, scope, unit, holder, spent: told, held, need, wanted, leaseMs }).then((grant) => {
      granted = grant.granted;
      limit = grant.budget.limit;
      base = told;
      lastAt = performance.now();
      return grant;
    });
    asking = asked.finally(() => (asking = null));
    return asking;
  }

  return {
    async hold(need) {
      for (;;) {
        if (free() >= need) {
          held += need;
          used = true;
          return;
        }
        if (refusal !== null && performance.now() < refusal.until && need >= refusal.need) throw refusal.error;
        if (asking !== null) {
          // Its failure is told to who asked.
          await asking.catch(() => undefined);
          continue;
        }
        const { refused, budget: now } = await turn(need, Math.max(Math.floor(limit * blockShare), blockQuestions * need));
        if (refused === null) continue;
        refusal = { need, until: performance.now() + refusedMs, error: refusedError(refused, now, need) };
      }
    },
    settle(need, spent) {
      held -= need;
      total += spent;
    },
    async account() {
      await asking?.catch(() => undefined);
      const changed = total !== base;
      if (!changed && !used && granted === held) return;
      // What is kept without being used is in other gateways' way; what is used has to be told, and its lease to be renewed.
      if (used && !changed && performance.now() - lastAt < leaseMs / 3) return;
      const keep = used ? Math.max(0, free()) : 0;
      used = held > 0;
      await turn(0, keep);
    },
    async close() {
      await asking?.catch(() => undefined);
      if (granted > 0 || total !== base) await turn(0, 0);
    },
  };
}

function refusedError(refused: 'spent' | 'held', { scope, unit, limit, spent }: Budget, need: number): Error {
  const amount = (parts: number) => formatBudgetAmount(unit, parts);
  const why = refused === 'spent' ? '' : ', and the rest is held by questions under way';
  return failure(
    'BudgetSpent',
    `${spentMessage(scope)}: ${amount(spent)} of ${amount(limit)}${why}; this question may take ${amount(need)}`,
    {
      next: refused === 'spent' ? `perennial budget set ${scope} <more>` : 'ask again later',
    },
  );
}
