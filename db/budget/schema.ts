import { sql } from 'drizzle-orm';
import { check, foreignKey, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { BudgetUnit } from '../../domain/budget/budget';
import { bytewise, counter, createdAt, instant, restrictTo, tenantId } from '../columns';
import { tenants } from '../tenant/schema';

const units = ['usd', 'tokens', 'seconds', 'cpuHours'];

/**
 * Budgets in whole smallest parts of their unit (domain/budget/budget.ts). `reserved` and `spent`
 * are sums of all reservations, including old ones that were deleted.
 */
export const budgets = pgTable(
  'budgets',
  {
    tenantId: tenantId(),
    scope: bytewise('scope').notNull(),
    unit: text('unit').$type<BudgetUnit>().notNull(),
    limit: counter('limit').notNull(),
    reserved: counter('reserved').notNull().default(0),
    spent: counter('spent').notNull().default(0),
    assumed: counter('assumed').notNull().default(0),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'budgets_pk', columns: [t.tenantId, t.scope, t.unit] }),
    foreignKey({ name: 'budgets_tenant_fk', columns: [t.tenantId], foreignColumns: [tenants.id] }),
    restrictTo('budgets_unit_check', t.unit, units),
    check(
      'budgets_amounts_check',
      sql`${t.limit} >= 0 and ${t.reserved} >= 0 and ${t.spent} >= ${t.assumed} and ${t.assumed} >= 0`,
    ),
  ],
);

/**
 * The reservations of holders, one row each. Settling twice changes nothing, and reservations of
 * crashed processes can be found.
 */
export const budgetReservations = pgTable(
  'budget_reservations',
  {
    tenantId: tenantId(),
    holder: bytewise('holder').notNull(),
    scope: bytewise('scope').notNull(),
    unit: text('unit').$type<BudgetUnit>().notNull(),
    amount: counter('amount').notNull(),
    /**
     * `open` reserves the amount. `assumed` counts all of it as spent until it is settled.
     * `settled` has the actual cost.
     */
    state: text('state').$type<'open' | 'assumed' | 'settled'>().notNull(),
    spent: counter('spent').notNull().default(0),
    /**
     * For a block of a gateway: the possible cost of requests in progress. It counts as spent when
     * the lease expires; the rest is released. Null: the whole amount counts.
     */
    inUse: counter('in_use'),
    /** Spending reported so far, which the budget includes; for a block of a gateway. */
    accounted: counter('accounted').notNull().default(0),
    /** An open reservation expires then, because its holder has crashed. */
    expiresAt: instant('expires_at').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({
      name: 'budget_reservations_pk',
      columns: [t.tenantId, t.holder, t.scope, t.unit],
    }),
    foreignKey({
      name: 'budget_reservations_budget_fk',
      columns: [t.tenantId, t.scope, t.unit],
      foreignColumns: [budgets.tenantId, budgets.scope, budgets.unit],
    }),
    restrictTo('budget_reservations_state_check', t.state, ['open', 'assumed', 'settled']),
    check(
      'budget_reservations_amounts_check',
      sql`${t.amount} >= 0 and ${t.spent} >= 0 and (${t.state} <> 'open' or ${t.spent} = 0)`,
    ),
    index('budget_reservations_open')
      .on(t.tenantId, t.scope, t.unit, t.expiresAt)
      .where(sql`${t.state} = 'open'`),
  ],
);

export type BudgetRow = typeof budgets.$inferSelect;
