import type { Budget, BudgetUnit } from '../../domain/budget/budget';
import type { Tenant } from '../../domain/ids';
import type { BlockLedger } from '../../domain/language/provider/allowance';
import { budgetsFor } from '../../domain/language/provider/budget';
import { within } from '../within';
import { openPurse, type Purse } from './purse';
import { shareInFlight } from '../share-in-flight';

export type Amounts = Readonly<Record<'usd' | 'tokens', number>>;

/** What a question was paid from. */
export interface Allowance {
  settle(spent: Amounts): void;
}

/**
 * The operator's budgets for what callers ask, in blocks, so that no question waits for a write of
 * its own.
 */
export interface Allowances {
  /**
   * From every budget that an operator has set for the tenant or the provider, or from none.
   * @throws BudgetSpent, DatabaseUnavailable
   */
  hold(asked: {
    readonly tenant: Tenant;
    readonly provider: string;
    readonly most: Amounts;
  }): Promise<Allowance>;
  /** Gives everything back. */
  close(): Promise<void>;
}

export interface AllowancesOptions {
  readonly ledger: BlockLedger;
  /** This process, by a name that no other has. */
  readonly holder: string;
  /** How soon a budget that is set or raised is followed, and how often what was spent is told. */
  readonly accountMs?: number;
  readonly leaseMs?: number;
  /** A question waits no longer than this for the registry, each time that it needs it. */
  readonly registryTimeoutMs?: number;
  readonly onError: (what: string, error: unknown) => void;
}

interface KnownBudgets {
  readonly budgets: readonly Budget[];
  askedAt: number;
}

/**
 * An idle tenant's budgets are not followed any more; whoever comes again has them looked up, and
 * those that were known go on if that fails.
 */
const idleMs = 600_000;
const notTold = {
  type: 'DatabaseUnavailable',
  message: 'the registry did not tell the budgets',
} as const;
const notAccounted = {
  type: 'DatabaseUnavailable',
  message: 'the registry did not take the account of a budget',
} as const;

export function openAllowances(options: AllowancesOptions): Allowances {
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
  const purses = new Map<string, Purse>();
  let ticking: Promise<void> | null = null;
  const timer = setInterval(() => {
    ticking ??= tick().finally(() => (ticking = null));
  }, accountMs);
  timer.unref();

  /** However many ask at once, the registry is asked once. */
  function read(tenant: Tenant): Promise<KnownBudgets> {
    return shareInFlight(reading, tenant, async () => {
      const budgets = await within(registryTimeoutMs, ledger.list({ tenant }), notTold);
      const found = { budgets, askedAt: known.get(tenant)?.askedAt ?? performance.now() };
      known.set(tenant, found);
      return found;
    });
  }

  async function budgetsOf(tenant: Tenant): Promise<readonly Budget[]> {
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

  /** One that is not answered does not keep the others from the next tick. */
  async function accountAll(
    account: (purse: Purse) => Promise<void>,
    quiet: (error: unknown) => void,
  ): Promise<void> {
    await Promise.all(
      [...purses.values()].map((purse) =>
        within(registryTimeoutMs, account(purse), notAccounted).catch(quiet),
      ),
    );
  }

  function purseOf(budget: Budget): Purse {
    const { tenant, scope, unit } = budget;
    const key = `${tenant}/${scope}/${unit}`;
    const purse =
      purses.get(key) ?? openPurse({ ledger, budget, holder, leaseMs, registryTimeoutMs });
    purses.set(key, purse);
    return purse;
  }

  return {
    async hold({ tenant, provider, most }) {
      const paying = budgetsFor(provider, await budgetsOf(tenant)).filter(hasAmount);
      const holding: { readonly purse: Purse; readonly unit: keyof Amounts }[] = [];
      const settle = (spent: Amounts) => {
        for (const { purse, unit } of holding) purse.settle(most[unit], spent[unit]);
      };
      for (const budget of paying) {
        const purse = purseOf(budget);
        try {
          await purse.hold(most[budget.unit]);
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
): budget is Budget & { readonly unit: Exclude<BudgetUnit, 'seconds'> } {
  return budget.unit !== 'seconds';
}
