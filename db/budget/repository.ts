import type {
  Budget,
  BudgetAmount,
  BudgetRef,
  ReservationResult,
} from '../../domain/budget/budget';
import { formatBudgetAmount } from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { BlockLedger } from '../../domain/language/provider/budget-block';
import type { Database } from '../connection';
import type { BudgetRow } from './schema';
import { appendAudit } from '../audit/entry';
import { accountBlock } from './block';
import {
  assumeBudgets,
  reserveBudgets,
  settleBudgets,
  toBudget,
  type Reservation,
} from './reservation';

/**
 * One ledger of what may be spent, for language models and for compute. Never overspent: what may
 * be needed is reserved before, what was needed settled after.
 */
export interface BudgetRepository extends BlockLedger {
  /**
   * Makes it, or changes its limit; what was spent stays. A limit below that refuses everything
   * further. With `actor` the change is on the audit log.
   */
  set(
    input: BudgetRef & { readonly tenant: Tenant; readonly limit: number; readonly actor?: string },
  ): Promise<Budget>;
  /**
   * All amounts or none. The same holder may reserve once. After `leaseMs` a holder that did not
   * settle counts as dead and its amount as spent.
   */
  reserve(
    input: Reservation & { readonly amounts: readonly BudgetAmount[]; readonly leaseMs: number },
  ): Promise<ReservationResult>;
  /** What is not named cost nothing. Again: changes nothing. */
  settle(input: Reservation & { readonly spent: readonly BudgetAmount[] }): Promise<void>;
  /** When nobody knows what it cost. */
  assume(input: Reservation): Promise<void>;
  get(input: BudgetRef & { readonly tenant: Tenant }): Promise<Budget | null>;
  /** Those that operators set, by scope; those of runs and searches are told with these. */
  list(input: { readonly tenant: Tenant }): Promise<readonly Budget[]>;
}

export function createBudgetRepository({ sql }: Database): BudgetRepository {
  return {
    set: ({ tenant, scope, unit, limit, actor }) =>
      sql.begin(async (tx) => {
        const [before] = await tx<BudgetRow[]>`
          select * from budgets where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit} for update`;
        const [row] = await tx<BudgetRow[]>`
          insert into budgets (tenant_id, scope, unit, "limit") values (${tenant}, ${scope}, ${unit}, ${limit})
          on conflict on constraint budgets_pk do update set "limit" = excluded."limit" returning *`;
        if (!row) throw failure('DatabaseUnavailable', 'a budget was written and not answered');
        if (actor !== undefined && before?.limit !== limit) {
          const subject = `budget:${scope}/${unit}`;
          const cause = `set to ${formatBudgetAmount(unit, limit)}`;
          await appendAudit(tx, {
            tenant,
            actor,
            action: 'budget.set',
            subject,
            cause,
            before: before ? { limit: before.limit } : null,
            after: { limit },
          });
        }
        return toBudget(row);
      }),

    reserve: (input) => sql.begin((tx) => reserveBudgets(tx, input)),
    settle: (input) => sql.begin((tx) => settleBudgets(tx, input)),
    account: (account) => sql.begin((tx) => accountBlock(tx, account)),
    assume: (input) => sql.begin((tx) => assumeBudgets(tx, input)),

    async get({ tenant, scope, unit }) {
      const [row] = await sql<
        BudgetRow[]
      >`select * from budgets where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit}`;
      return row ? toBudget(row) : null;
    },

    async list({ tenant }) {
      const rows = await sql<BudgetRow[]>`
        select * from budgets where tenant_id = ${tenant} and (scope = 'tenant' or starts_with(scope, 'provider/')) and unit in ('usd', 'tokens') order by scope, unit`;
      return rows.map(toBudget);
    },
  };
}
