import type { Budget, BudgetUnit } from '../../domain/budget';
import type { Tenant } from '../../domain/ids';
import type { BlockLedger } from '../../domain/llm/allowance';
import { budgetsFor } from '../../domain/llm/provider-budget';
import { openPurse, type Purse } from './purse';

export type Amounts = Readonly<Record<'usd' | 'tokens', number>>;

/** What a question was paid from. */
export interface Allowance {
  settle(spent: Amounts): void;
}

/** The operator's budgets for what callers ask, in blocks, so that no question waits for a write of its own. */
export interface Allowances {
  /** From every budget that an operator has set for the tenant or the provider, or from none. @throws BudgetSpent, DatabaseUnavailable */
  hold(asked: { readonly tenant: Tenant; readonly provider: string; readonly most: Amounts }): Promise<Allowance>;
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
  readonly onError: (what: string, error: unknown) => void;
}

interface KnownBudgets {
  budgets: readonly Budget[];
  askedAt: number;
}

/** An idle tenant's budgets are looked up anew. */
const forgetMs = 600_000;

export function openAllowances({ ledger, holder, accountMs = 2_000, leaseMs = 30_000, onError }: AllowancesOptions): Allowances {
  const known = new Map<Tenant, Promise<KnownBudgets>>();
  const purses = new Map<string, Purse>();
  let ticking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    ticking = ticking.then(tick);
  }, accountMs);
  timer.unref();

  async function budgetsOf(tenant: Tenant): Promise<readonly Budget[]> {
    let found = known.get(tenant);
    if (!found) {
      found = ledger.list({ tenant }).then((budgets) => ({ budgets, askedAt: performance.now() }));
      known.set(tenant, found);
      found.catch(() => known.delete(tenant));
    }
    const now = await found;
    now.askedAt = performance.now();
    return now.budgets;
  }

  /** The last that was known goes on while the registry is away. */
  async function refresh(tenant: Tenant, found: Promise<KnownBudgets>): Promise<void> {
    const now = await found;
    if (performance.now() - now.askedAt > forgetMs) known.delete(tenant);
    else now.budgets = await ledger.list({ tenant });
  }

  async function tick(): Promise<void> {
    const quiet = (what: string) => (error: unknown) => onError(what, error);
    await Promise.all([...known].map(([tenant, found]) => refresh(tenant, found).catch(quiet('budgets'))));
    await Promise.all([...purses.values()].map((purse) => purse.account().catch(quiet('account of budgets'))));
  }

  function purseOf(budget: Budget): Purse {
    const { tenant, scope, unit } = budget;
    const key = `${tenant}/${scope}/${unit}`;
    const purse = purses.get(key) ?? openPurse({ ledger, budget, holder, leaseMs });
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
      await Promise.all([...purses.values()].map((purse) => purse.close().catch((error: unknown) => onError('account of budgets', error))));
    },
  };
}

function hasAmount(budget: Budget): budget is Budget & { readonly unit: Exclude<BudgetUnit, 'seconds'> } {
  return budget.unit !== 'seconds';
}
