import { foreignKey, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytewise, counter, document, instant, tenantId } from '../columns';
import { runs } from './schema';

export const runEvents = pgTable(
  'run_events',
  {
    tenantId: tenantId(),
    runId: bytewise('run_id').notNull(),
    seq: counter('seq').notNull(),
    kind: text('kind').notNull(),
    stage: text('stage'),
    data: document<Readonly<Record<string, unknown>>>('data').notNull(),
    at: instant('at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'run_events_pk', columns: [t.tenantId, t.runId, t.seq] }),
    foreignKey({
      name: 'run_events_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
  ],
);
