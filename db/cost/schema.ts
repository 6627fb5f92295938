import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { SeenAttempt } from '../../domain/cost/usage';
import type { RunId } from '../../domain/ids';
import type { ComputeKind } from '../../domain/training/job';
import { bytewise, counter, createdAt, document, instant, restrictTo, tenantId } from '../columns';
import { runs } from '../run/schema';

/** One row per job: what it reserved and used. Amounts are in parts of the ledger. */
export const jobCosts = pgTable(
  'job_costs',
  {
    tenantId: tenantId(),
    jobId: bytewise('job_id').notNull(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    lifecycle: text('lifecycle').notNull(),
    backend: text('backend').$type<ComputeKind>().notNull(),
    queue: text('queue'),
    cpus: integer('cpus').notNull(),
    memoryBytes: counter('memory_bytes').notNull(),
    gpus: integer('gpus').notNull(),
    timeoutSeconds: integer('timeout_seconds').notNull(),
    /** Nanodollars per hour of its newest attempt; null when its backend had no price. */
    hourPrice: counter('hour_price'),
    /** `open` until its end is known. */
    state: text('state').$type<'open' | 'ended'>().notNull(),
    reservedCpu: counter('reserved_cpu').notNull().default(0),
    reservedUsd: counter('reserved_usd').notNull().default(0),
    usedCpu: counter('used_cpu').notNull().default(0),
    usedUsd: counter('used_usd').notNull().default(0),
    attempts: document<readonly SeenAttempt[]>('attempts').notNull(),
    createdAt: createdAt(),
    /** When a worker last saw it. */
    touchedAt: instant('touched_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'job_costs_pk', columns: [t.tenantId, t.jobId] }),
    foreignKey({
      name: 'job_costs_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    restrictTo('job_costs_state_check', t.state, ['open', 'ended']),
    check(
      'job_costs_amounts_check',
      sql`${t.reservedCpu} >= 0 and ${t.reservedUsd} >= 0 and ${t.usedCpu} >= 0 and ${t.usedUsd} >= 0`,
    ),
    index('job_costs_by_run').on(t.tenantId, t.runId),
    index('job_costs_by_time').on(t.tenantId, t.createdAt),
    index('job_costs_open')
      .on(t.touchedAt)
      .where(sql`${t.state} = 'open'`),
  ],
);

export type JobCostRow = typeof jobCosts.$inferSelect;
