import { sql } from 'drizzle-orm';
import { check, date, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytewise, document, instant, tenantId } from './columns';

/** A label by its prediction's id. `day`, `model` and `version` are the prediction's, once it was found: they outlive its partition. */
export const feedback = pgTable(
  'feedback',
  {
    tenantId: tenantId(),
    predictionId: bytewise('prediction_id').notNull(),
    label: document<unknown>('label').notNull(),
    labelledAt: instant('labelled_at').notNull(),
    receivedAt: instant('received_at').notNull().defaultNow(),
    day: date('day', { mode: 'string' }),
    model: text('model'),
    version: integer('version'),
  },
  (t) => [
    primaryKey({ name: 'feedback_pk', columns: [t.tenantId, t.predictionId] }),
    check('feedback_joined_check', sql`(${t.day} is null) = (${t.model} is null) and (${t.day} is null) = (${t.version} is null)`),
    index('feedback_waiting')
      .on(t.receivedAt)
      .where(sql`${t.day} is null`),
    index('feedback_by_age').on(t.tenantId, t.receivedAt),
  ],
);
