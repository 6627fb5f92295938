import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import type { RunId } from '../../domain/ids';
import type { Failure, StageStatus } from '../../domain/run/run';
import { bytewise, document, instant, isDigest, restrictTo, tenantId } from '../columns';
import { decisions } from '../decision/schema';
import { runs } from '../run/schema';

export const stageRecords = pgTable(
  'stage_records',
  {
    tenantId: tenantId(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    stage: text('stage').notNull(),
    generation: integer('generation').notNull(),
    /** Copied from the run, so that one index finds reusable stages. */
    lifecycle: text('lifecycle').notNull(),
    status: text('status').$type<StageStatus>().notNull(),
    cacheKey: text('cache_key').$type<Digest>().notNull(),
    output: document<unknown>('output'),
    decisionId: bytewise('decision_id'),
    failure: document<Failure>('failure'),
    reusedFrom: bytewise('reused_from').$type<RunId>(),
    startedAt: instant('started_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'stage_records_pk', columns: [t.tenantId, t.runId, t.stage, t.generation] }),
    foreignKey({
      name: 'stage_records_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    foreignKey({
      name: 'stage_records_reused_fk',
      columns: [t.tenantId, t.reusedFrom],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    foreignKey({
      name: 'stage_records_decision_fk',
      columns: [t.tenantId, t.decisionId],
      foreignColumns: [decisions.tenantId, decisions.id],
    }),
    restrictTo('stage_records_status_check', t.status, [
      'running',
      'succeeded',
      'stopped',
      'failed',
      'cancelled',
    ] satisfies StageStatus[]),
    isDigest('stage_records_cache_key_check', t.cacheKey),
    check('stage_records_ended_check', sql`(${t.endedAt} is null) = (${t.status} = 'running')`),
    check('stage_records_reused_check', sql`${t.reusedFrom} is null or ${t.status} = 'succeeded'`),
    check('stage_records_generation_check', sql`${t.generation} >= 0`),
    index('stage_records_reusable')
      .on(t.tenantId, t.lifecycle, t.stage, t.cacheKey, t.endedAt)
      .where(sql`${t.status} = 'succeeded' and ${t.reusedFrom} is null`),
  ],
);
