import { sql } from 'drizzle-orm';
import { check, doublePrecision, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Tenant } from '../../domain/ids';
import { costPeriods, type CostPeriod } from '../../domain/cost/compute-budget';
import { createdAt, instant, restrictTo } from '../columns';

export const tenants = pgTable(
  'tenants',
  {
    id: text('id').$type<Tenant>().notNull(),
    createdAt: createdAt(),
    /** Null for the tenant that every installation has. */
    createdBy: text('created_by'),
    /** Time from which its keys are refused and none of its runs starts. */
    suspendedAt: instant('suspended_at'),
    /** Limits; null is no limit. */
    maxOpenRuns: integer('max_open_runs'),
    maxLifecycles: integer('max_lifecycles'),
    /** What the jobs of one period may use. */
    maxCpuHours: doublePrecision('max_cpu_hours'),
    maxUsd: doublePrecision('max_usd'),
    costPeriod: text('cost_period').$type<CostPeriod>().notNull().default('month'),
  },
  (t) => [
    primaryKey({ name: 'tenants_pk', columns: [t.id] }),
    // The id is part of workflow ids and bucket keys.
    check('tenants_id_check', sql`${t.id} ~ '^[a-z0-9][a-z0-9-]{0,62}$'`),
    check('tenants_limits_check', sql`${t.maxOpenRuns} >= 0 and ${t.maxLifecycles} >= 0`),
    check('tenants_cost_check', sql`${t.maxCpuHours} > 0 and ${t.maxUsd} > 0`),
    restrictTo('tenants_period_check', t.costPeriod, costPeriods),
  ],
);
