import { foreignKey, index, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import type { RunId } from '../../domain/ids';
import { bytewise, createdAt, document, instant, tenantId } from '../columns';
import { runs } from './schema';

/** Events that were sent to a run. Each is taken by at most one wait of the run, in order. */
export const sentEvents = pgTable(
  'sent_events',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    event: text('event').notNull(),
    data: document<unknown>('data').notNull(),
    actor: text('actor').notNull(),
    createdAt: createdAt(),
    /** The stage that received the event; null while the event is kept. */
    takenBy: text('taken_by'),
    takenAt: instant('taken_at'),
  },
  (t) => [
    primaryKey({ name: 'sent_events_pk', columns: [t.tenantId, t.id] }),
    unique('sent_events_taken_unique').on(t.tenantId, t.runId, t.takenBy),
    foreignKey({
      name: 'sent_events_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    index('sent_events_by_run').on(t.tenantId, t.runId, t.event, t.id),
  ],
);
