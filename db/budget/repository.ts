import type {
  Budget,
  BudgetAmount,
  BudgetRef,
  ReservationResult,
} from '../../domain/budget/budget';
import { formatBudgetAmount } from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { BlockLedger } from '../../domain/provider/budget-block';
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
 * One ledger of budgets for language models and compute. The amount that work may need is reserved
 * before it starts and settled after, so a budget is not overspent.
 */
export interface BudgetRepository extends BlockLedger {
  /**
   * Creates a budget or changes its limit; spending stays. A limit below the spent amount refuses
   * all further reservations. With `actor`, writes an audit row.
   */
  set(
    input: BudgetRef & { readonly tenant: Tenant; readonly limit: number; readonly actor?: string },
  ): Promise<Budget>;
  /**
   * Reserves all amounts or none. A holder can reserve once. If it does not settle within
   * `leaseMs`, its amount counts as spent.
   */
  reserve(
    input: Reservation & { readonly amounts: readonly BudgetAmount[]; readonly leaseMs: number },
  ): Promise<ReservationResult>;
  /** Settles a reservation; amounts that are not given are 0. A repeated call changes nothing. */
  settle(input: Reservation & { readonly spent: readonly BudgetAmount[] }): Promise<void>;
  /** Counts the reserved amount as spent, when the cost is unknown. */
  assume(input: Reservation): Promise<void>;
  get(input: BudgetRef & { readonly tenant: Tenant }): Promise<Budget | null>;
  /** Budgets that operators set, by scope. Budgets of runs and searches are reported with those. */
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
        if (!row)
          throw failure(
            'DatabaseUnavailable',
            'PostgreSQL returned no row for the budget that was written',
          );
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
