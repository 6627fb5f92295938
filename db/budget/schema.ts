import { sql } from 'drizzle-orm';
import { check, foreignKey, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { BudgetUnit } from '../../domain/budget/budget';
import { bytewise, counter, createdAt, instant, oneOf, tenantId } from '../columns';
import { tenants } from '../access/tenant-schema';

const units = ['usd', 'tokens', 'seconds'];

/**
 * What may be spent, in whole smallest parts of its unit (domain/budget/budget.ts). `reserved` and
 * `spent` are the sums of the reservations below, those included that ended long ago and are not
 * kept.
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
    oneOf('budgets_unit_check', t.unit, units),
    check(
      'budgets_amounts_check',
      sql`${t.limit} >= 0 and ${t.reserved} >= 0 and ${t.spent} >= ${t.assumed} and ${t.assumed} >= 0`,
    ),
  ],
);

/**
 * Whose part of a budget: one row a holder, so that settling twice changes nothing and what a dead
 * process held is found.
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
     * `open` holds the amount; `assumed` counts all of it as spent, until somebody knows better;
     * `settled` is known.
     */
    state: text('state').$type<'open' | 'assumed' | 'settled'>().notNull(),
    spent: counter('spent').notNull().default(0),
    /**
     * Of a gateway's block: the part that questions under way may cost, which counts as spent when
     * its lease is over; the rest goes back. Null: all of it counts.
     */
    inUse: counter('in_use'),
    /**
     * Of a gateway's block: what its holder has told so far that it spent, which is in the budget
     * already.
     */
    accounted: counter('accounted').notNull().default(0),
    /** Of an open one: whoever holds it is dead by then. */
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
    oneOf('budget_reservations_state_check', t.state, ['open', 'assumed', 'settled']),
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
