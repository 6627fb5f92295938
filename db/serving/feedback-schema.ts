import { sql } from 'drizzle-orm';
import { check, date, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { PredictionId, RolloutId } from '../../domain/ids';
import { bytewise, counter, document, instant, tenantId } from '../columns';

/** A value of a label, as it arrived. */
export interface ReceivedValue {
  readonly label: unknown;
  /** RFC 3339. */
  readonly labelledAt: string;
}

/**
 * A label by its prediction's id. `day`, `model` and `version` are copied from the prediction and
 * outlive its partition. The uncounted labels of a rollout form a queue by event time.
 */
export const feedback = pgTable(
  'feedback',
  {
    tenantId: tenantId(),
    predictionId: bytewise('prediction_id').$type<PredictionId>().notNull(),
    label: document<unknown>('label').notNull(),
    labelledAt: instant('labelled_at').notNull(),
    receivedAt: instant('received_at').notNull().defaultNow(),
    day: date('day', { mode: 'string' }),
    model: text('model'),
    version: integer('version'),
    /** Copied from the prediction. Without an event time, it is the time of receipt. */
    rolloutId: bytewise('rollout_id').$type<RolloutId>(),
    eventTime: instant('event_time'),
    /** When the rollout counted the label. */
    countedAt: instant('counted_at'),
    /** When the monitor of the model counted the label. */
    monitoredAt: instant('monitored_at'),
    /** When a label arrived last that contradicts an earlier one; null without such labels. */
    contradictedAt: instant('contradicted_at'),
    /**
     * The value that counted when a label first contradicted it, then each value that contradicted,
     * in the order of arrival, up to `maxValueBytes`. Null until then.
     */
    receivedValues: document<readonly ReceivedValue[]>('received_values'),
  },
  (t) => [
    primaryKey({ name: 'feedback_pk', columns: [t.tenantId, t.predictionId] }),
    check(
      'feedback_rollout_check',
      sql`${t.rolloutId} is null or (${t.day} is not null and ${t.eventTime} is not null)`,
    ),
    check(
      'feedback_joined_check',
      sql`(${t.day} is null) = (${t.model} is null) and (${t.day} is null) = (${t.version} is null)`,
    ),
    index('feedback_waiting')
      .on(t.receivedAt)
      .where(sql`${t.day} is null`),
    index('feedback_uncounted')
      .on(t.tenantId, t.rolloutId, t.eventTime, t.predictionId)
      .where(sql`${t.rolloutId} is not null and ${t.countedAt} is null`),
    index('feedback_unmonitored')
      .on(t.tenantId, t.model, t.version, t.eventTime, t.predictionId)
      .where(sql`${t.model} is not null and ${t.monitoredAt} is null`),
    index('feedback_monitored')
      .on(t.tenantId, t.model, t.version, t.monitoredAt, t.predictionId)
      .where(sql`${t.monitoredAt} is not null`),
    index('feedback_contradicted')
      .on(t.tenantId, t.model, t.version, t.eventTime)
      .where(sql`${t.contradictedAt} is not null`),
    index('feedback_by_age').on(t.tenantId, t.receivedAt),
  ],
);

/**
 * How far waiting labels were checked for predictions, for each of `joinAges` in
 * db/serving/feedback-repository.ts.
 */
export const labelJoinCursors = pgTable(
  'label_join_cursors',
  {
    ageSeconds: integer('age_seconds').notNull(),
    /** Labels received later are not checked at this age yet. */
    lookedUntil: instant('looked_until').notNull().default('-infinity'),
    /** Labels whose last check found no prediction. */
    givenUp: counter('given_up').notNull().default(0),
  },
  (table) => [primaryKey({ name: 'label_join_cursors_pk', columns: [table.ageSeconds] })],
);
