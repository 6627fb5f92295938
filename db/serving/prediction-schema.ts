import { sql } from 'drizzle-orm';
import { bigint, date, index, integer, pgTable, primaryKey, real, text } from 'drizzle-orm/pg-core';
import type { PredictionId, RolloutId } from '../../domain/ids';
import type { PredictionArm } from '../../domain/serving/prediction';
import type { OtherScore } from './prediction-records';
import { bytewise, document, instant, tenantId, transactionId } from '../columns';

/**
 * Partitioned by day of receipt, by hand in the migration, because drizzle-kit cannot express it.
 * Partitions are created ahead and dropped by retention.
 */
export const predictions = pgTable(
  'predictions',
  {
    tenantId: tenantId(),
    day: date('day', { mode: 'string' }).notNull(),
    id: bytewise('id').$type<PredictionId>().notNull(),
    receivedAt: instant('received_at').notNull(),
    model: text('model').notNull(),
    version: integer('version').notNull(),
    arm: text('arm').$type<PredictionArm>().notNull(),
    entity: text('entity'),
    eventTime: instant('event_time'),
    input: document<unknown>('input').notNull(),
    output: document<unknown>('output').notNull(),
    latencyMs: real('latency_ms').notNull(),
    /** The open rollout of this request, and the step by which the gateway served it. */
    rolloutId: bytewise('rollout_id').$type<RolloutId>(),
    rolloutStep: integer('rollout_step'),
    /** A hash of the rollout and of what it assigned: an entity, a conversation or a request. */
    rolloutUnit: bigint('rollout_unit', { mode: 'bigint' }),
    other: document<OtherScore>('other'),
    /**
     * Of a language application: the worst outcome of its policy, and the side that withheld the
     * answer. These are columns, because PostgreSQL would have to read every document to find the
     * few.
     */
    verdict: text('verdict'),
    blocked: text('blocked'),
    /** The transaction that stored the row, by which a monitor reads each row once. */
    storedXid: transactionId('stored_xid').default(sql`pg_current_xact_id()`),
  },
  (t) => [
    primaryKey({ name: 'predictions_pk', columns: [t.day, t.id] }),
    index('predictions_by_model').on(t.tenantId, t.model, t.version, t.receivedAt),
    index('predictions_by_model_received').on(t.tenantId, t.model, t.receivedAt, t.id),
    index('predictions_received').on(t.tenantId, t.receivedAt, t.id),
    index('predictions_by_stored').on(t.tenantId, t.model, t.storedXid, t.id),
    // Partial indexes: only the rows that they list pay for them.
    index('predictions_not_passed')
      .on(t.tenantId, t.receivedAt, t.id)
      .where(sql`${t.verdict} in ('blocked', 'redacted', 'flagged')`),
    index('predictions_passed')
      .on(t.tenantId, t.receivedAt, t.id)
      .where(sql`${t.verdict} = 'passed'`),
    index('predictions_other_arms')
      .on(t.tenantId, t.arm, t.receivedAt, t.id)
      .where(sql`${t.arm} <> 'champion'`),
  ],
);
