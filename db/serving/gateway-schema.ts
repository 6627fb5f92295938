import { sql } from 'drizzle-orm';
import {
  boolean,
  doublePrecision,
  check,
  integer,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core';
import type { UnansweredReason } from '../../domain/serving/refusal';
import { counter, document, instant, tenantId } from '../columns';
import type { BlockedVersion } from '../../domain/serving/blocked-version';
import type { DiskFailure } from '../../domain/serving/disk-failure';

/** Gateways serve every tenant, so this table and the next alone have no tenant. */
export const gateways = pgTable(
  'gateways',
  {
    id: text('id').notNull(),
    url: text('url').notNull(),
    epoch: counter('epoch').notNull(),
    /** Number of the newest accepted heartbeat. */
    beat: counter('beat').notNull().default(0),
    startedAt: instant('started_at').notNull().defaultNow(),
    beatAt: instant('beat_at').notNull().defaultNow(),
    leaseUntil: instant('lease_until').notNull(),
    /** Wanted versions that it cannot load; null if there are none. */
    blocked: document<readonly BlockedVersion[]>('blocked'),
    /** Null unless it could not write predictions to its disk. */
    diskFailure: document<DiskFailure>('disk_failure'),
    /** Predictions wait on its disk or in its memory, so the log lacks requests. */
    holdsPredictions: boolean('holds_predictions').notNull().default(false),
    /** How far its clock was ahead of PostgreSQL's at the newest heartbeat; negative: behind. */
    clockOffsetSeconds: doublePrecision('clock_offset_seconds').notNull().default(0),
  },
  (t) => [primaryKey({ name: 'gateways_pk', columns: [t.id] })],
);

/** One row: the number of the newest routing table. */
export const routingEpoch = pgTable(
  'routing_epoch',
  { only: boolean('only').notNull().default(true), epoch: counter('epoch').notNull() },
  (t) => [
    primaryKey({ name: 'routing_epoch_pk', columns: [t.only] }),
    check('routing_epoch_only_check', sql`${t.only}`),
  ],
);

/**
 * Rows that a version failed to answer, or that do not fit its signature. The prediction log does not
 * hold them. They are counted for each gateway and hour of wall-clock time.
 */
export const requestFailures = pgTable(
  'request_failures',
  {
    tenantId: tenantId(),
    model: text('model').notNull(),
    version: integer('version').notNull(),
    hour: instant('hour').notNull(),
    gatewayId: text('gateway_id').notNull(),
    reason: text('reason').$type<UnansweredReason>().notNull().default('failed'),
    /** Empty if the reason is about no column. */
    columnName: text('column_name').notNull().default(''),
    /** The whole number of the hour, so that a gateway may report it again. */
    failed: counter('failed').notNull(),
    countedAt: instant('counted_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({
      name: 'request_failures_pk',
      columns: [t.tenantId, t.model, t.version, t.hour, t.gatewayId, t.reason, t.columnName],
    }),
  ],
);
