import type { Budget, BudgetUnit } from '../../domain/budget/budget';
import type { Tenant } from '../../domain/ids';
import type { BlockLedger } from '../../domain/provider/budget-block';
import { budgetsFor } from '../../domain/provider/budget';
import { withTimeout } from '../timeout';
import { openBudgetBlock, type BudgetBlock } from './budget-block';
import { shareConcurrentCalls } from '../share-in-flight';

export type Amounts = Readonly<Record<'usd' | 'tokens', number>>;

/** The reservation for one question. */
export interface QuestionReservation {
  settle(spent: Amounts): void;
}

/** The operator's budgets for served questions, in blocks, so that a question needs no write. */
export interface ServingBudgets {
  /**
   * Reserve from every budget of the tenant and of the provider, or from none of them.
   * @throws BudgetSpent, DatabaseUnavailable
   */
  hold(asked: {
    readonly tenant: Tenant;
    readonly provider: string;
    readonly worstCase: Amounts;
  }): Promise<QuestionReservation>;
  /** Return all blocks. */
  close(): Promise<void>;
}

export interface ServingBudgetsOptions {
  readonly ledger: BlockLedger;
  /** A unique name of this process. */
  readonly holder: string;
  /** The interval for reading changed budgets and reporting what was spent. */
  readonly accountMs?: number;
  readonly leaseMs?: number;
  /** The longest single wait of a question for the registry. */
  readonly registryTimeoutMs?: number;
  readonly onError: (what: string, error: unknown) => void;
}

interface KnownBudgets {
  readonly budgets: readonly Budget[];
  askedAt: number;
}

/**
 * After this time the budgets of an idle tenant are not refreshed. Its next question reads them
 * again, and uses the last known ones if that fails.
 */
const idleMs = 600_000;
const notTold = {
  type: 'DatabaseUnavailable',
  message: 'the registry did not return the budgets in time',
} as const;
const notAccounted = {
  type: 'DatabaseUnavailable',
  message: 'the registry did not record the spending of a budget in time',
} as const;

export function openServingBudgets(options: ServingBudgetsOptions): ServingBudgets {
  const {
    ledger,
    holder,
    accountMs = 2_000,
    leaseMs = 30_000,
    registryTimeoutMs = 3_000,
    onError,
  } = options;
  const known = new Map<Tenant, KnownBudgets>();
  const reading = new Map<Tenant, Promise<KnownBudgets>>();
  const purses = new Map<string, BudgetBlock>();
  let ticking: Promise<void> | null = null;
  const timer = setInterval(() => {
    ticking ??= tick().finally(() => (ticking = null));
  }, accountMs);
  timer.unref();

  /** Concurrent callers share one query. */
  function read(tenant: Tenant): Promise<KnownBudgets> {
    return shareConcurrentCalls(reading, tenant, async () => {
      const budgets = await withTimeout(registryTimeoutMs, ledger.list({ tenant }), notTold);
      const found = { budgets, askedAt: known.get(tenant)?.askedAt ?? performance.now() };
      known.set(tenant, found);
      return found;
    });
  }

  async function listBudgets(tenant: Tenant): Promise<readonly Budget[]> {
    const before = known.get(tenant);
    const now =
      before && !isIdle(before)
        ? before
        : await read(tenant).catch((error: unknown) => lastKnown(before, error));
    now.askedAt = performance.now();
    return now.budgets;
  }

  function lastKnown(before: KnownBudgets | undefined, error: unknown): KnownBudgets {
    if (!before) throw error;
    onError('budgets', error);
    return before;
  }

  async function tick(): Promise<void> {
    const quiet = (what: string) => (error: unknown) => onError(what, error);
    const followed = [...known].filter(([, each]) => !isIdle(each)).map(([tenant]) => tenant);
    await Promise.all(followed.map((tenant) => read(tenant).catch(quiet('budgets'))));
    await accountAll((purse) => purse.account(), quiet('account of budgets'));
  }

  /** A report without a response does not delay the others or the next tick. */
  async function accountAll(
    account: (purse: BudgetBlock) => Promise<void>,
    quiet: (error: unknown) => void,
  ): Promise<void> {
    await Promise.all(
      [...purses.values()].map((purse) =>
        withTimeout(registryTimeoutMs, account(purse), notAccounted).catch(quiet),
      ),
    );
  }

  function openPurse(budget: Budget): BudgetBlock {
    const { tenant, scope, unit } = budget;
    const key = `${tenant}/${scope}/${unit}`;
    const purse =
      purses.get(key) ?? openBudgetBlock({ ledger, budget, holder, leaseMs, registryTimeoutMs });
    purses.set(key, purse);
    return purse;
  }

  return {
    async hold({ tenant, provider, worstCase }) {
      const paying = budgetsFor(provider, await listBudgets(tenant)).filter(hasAmount);
      const holding: { readonly purse: BudgetBlock; readonly unit: keyof Amounts }[] = [];
      const settle = (spent: Amounts) => {
        for (const { purse, unit } of holding) purse.settle(worstCase[unit], spent[unit]);
      };
      for (const budget of paying) {
        const purse = openPurse(budget);
        try {
          await purse.hold(worstCase[budget.unit]);
        } catch (error) {
          settle({ usd: 0, tokens: 0 });
          throw error;
        }
        holding.push({ purse, unit: budget.unit });
      }
      return { settle };
    },
    async close() {
      clearInterval(timer);
      await ticking;
      await accountAll(
        (purse) => purse.close(),
        (error) => onError('account of budgets', error),
      );
    },
  };
}

function isIdle({ askedAt }: KnownBudgets): boolean {
  return performance.now() - askedAt > idleMs;
}

function hasAmount(
  budget: Budget,
): budget is Budget & { readonly unit: Extract<BudgetUnit, keyof Amounts> } {
  return budget.unit === 'usd' || budget.unit === 'tokens';
}
