import { sql } from 'drizzle-orm';
import { check, doublePrecision, foreignKey, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytewise, document, instant, oneOf, tenantId } from './columns';
import { runs } from './runs';

/** One hyperparameter attempt of a run's study. */
export const trials = pgTable(
  'trials',
  {
    tenantId: tenantId(),
    runId: bytewise('run_id').notNull(),
    study: text('study').notNull(),
    number: integer('number').notNull(),
    params: document<Readonly<Record<string, unknown>>>('params').notNull(),
    status: text('status').notNull(),
    value: doublePrecision('value'),
    startedAt: instant('started_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'trials_pk', columns: [t.tenantId, t.runId, t.study, t.number] }),
    foreignKey({ name: 'trials_run_fk', columns: [t.tenantId, t.runId], foreignColumns: [runs.tenantId, runs.id] }),
    oneOf('trials_status_check', t.status, ['running', 'complete', 'pruned', 'failed']),
    check('trials_ended_check', sql`(${t.endedAt} is null) = (${t.status} = 'running')`),
    check('trials_value_check', sql`${t.status} <> 'complete' or ${t.value} is not null`),
  ],
);
