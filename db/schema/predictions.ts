import { boolean, date, index, integer, pgTable, primaryKey, real, text } from 'drizzle-orm/pg-core';
import type { PredictionId, Tenant } from '../../domain/ids';
import { bytewise, document, instant, tenantId } from './columns';

/** Partitioned by day received (written by hand into the migration: drizzle-kit cannot say it); partitions are made ahead and dropped by retention. */
export const predictions = pgTable(
  'predictions',
  {
    tenantId: tenantId().$type<Tenant>(),
    day: date('day', { mode: 'string' }).notNull(),
    id: bytewise('id').$type<PredictionId>().notNull(),
    receivedAt: instant('received_at').notNull(),
    model: text('model').notNull(),
    version: integer('version').notNull(),
    arm: text('arm').notNull(),
    entity: text('entity'),
    eventTime: instant('event_time'),
    input: document<unknown>('input').notNull(),
    output: document<unknown>('output').notNull(),
    latencyMs: real('latency_ms').notNull(),
    shadow: boolean('shadow').notNull(),
  },
  (t) => [
    primaryKey({ name: 'predictions_pk', columns: [t.day, t.id] }),
    index('predictions_by_model').on(t.tenantId, t.model, t.version, t.receivedAt),
  ],
);
