import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  integer,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core';
import type { ArtifactRef } from '../../domain/artifact';
import {
  monitorStatuses,
  type MonitorSettings,
  type MonitorStatus,
} from '../../domain/monitoring/monitor';
import type { MonitorResults } from '../../domain/monitoring/observation/monitor-results';
import type { MonitorState } from '../../domain/monitoring/observation/monitor-state';
import type { WindowCounts } from '../../domain/monitoring/observation/window';
import {
  bytewise,
  counter,
  createdAt,
  document,
  instant,
  restrictTo,
  tenantId,
  transactionId,
} from '../columns';
import { models } from '../model/schema';

/** The monitor of a model's champion. The row lock orders everything that it counts. */
export const monitors = pgTable(
  'monitors',
  {
    tenantId: tenantId(),
    model: text('model').notNull(),
    version: integer('version').notNull(),
    /** Fencing number of the move that made the version the champion. */
    fencing: counter('fencing').notNull(),
    /** Lifecycle revision of the settings. */
    revision: integer('revision').notNull(),
    status: text('status').$type<MonitorStatus>().notNull(),
    /** Why the monitor is off, or the input that it is missing. */
    waitingFor: text('waiting_for'),
    /** Null while the monitor is off. */
    settings: document<MonitorSettings>('settings'),
    everySeconds: integer('every_seconds').notNull(),
    /** JSON `MonitorReference`; null when there is none. */
    reference: document<ArtifactRef>('reference'),
    /** Updated in the transaction that moves the cursor. */
    state: document<MonitorState>('state').notNull(),
    results: document<MonitorResults>('results'),
    /** Alarm key → digest of the text of its last incident. */
    raised: document<Readonly<Record<string, string>>>('raised').notNull().default({}),
    /** Everything up to this row of the prediction log is counted. */
    cursorXid: transactionId('cursor_xid').notNull().default('0'),
    cursorId: bytewise('cursor_id').notNull().default(''),
    /** False if the last check found no new rows. */
    isBusy: boolean('is_busy').notNull().default(true),
    lookedAt: instant('looked_at'),
    /** When its workflow was last asked to check for new rows. */
    wokenAt: instant('woken_at').notNull().default('-infinity'),
    createdAt: createdAt(),
    /** When the current version was first watched. */
    startedAt: instant('started_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'monitors_pk', columns: [t.tenantId, t.model] }),
    foreignKey({
      name: 'monitors_model_fk',
      columns: [t.tenantId, t.model],
      foreignColumns: [models.tenantId, models.name],
    }),
    restrictTo('monitors_status_check', t.status, monitorStatuses),
    check('monitors_off_check', sql`${t.status} <> 'off' or ${t.waitingFor} is not null`),
  ],
);

/**
 * All requests of a model that gateways received in one hour, by their clocks, for all versions.
 * Health probes are excluded. The monitor counts these requests.
 */
export const requestHours = pgTable(
  'request_hours',
  {
    tenantId: tenantId(),
    model: text('model').notNull(),
    hour: instant('hour').notNull(),
    /** Rows of the prediction log. */
    logged: counter('logged').notNull().default(0),
    /** Rows that failed, and requests that were refused. */
    unanswered: counter('unanswered').notNull().default(0),
  },
  (t) => [
    primaryKey({ name: 'request_hours_pk', columns: [t.tenantId, t.model, t.hour] }),
    foreignKey({
      name: 'request_hours_monitor_fk',
      columns: [t.tenantId, t.model],
      foreignColumns: [monitors.tenantId, monitors.model],
    }),
  ],
);

export type MonitorRow = typeof monitors.$inferSelect;
export type MonitorKey = Pick<MonitorRow, 'tenantId' | 'model'>;

/** What a version predicted and received in one hour of event time, for charts. */
export const monitorWindows = pgTable(
  'monitor_windows',
  {
    tenantId: tenantId(),
    model: text('model').notNull(),
    version: integer('version').notNull(),
    hour: instant('hour').notNull(),
    counts: document<WindowCounts>('counts').notNull(),
    storedAt: instant('stored_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'monitor_windows_pk', columns: [t.tenantId, t.model, t.version, t.hour] }),
    foreignKey({
      name: 'monitor_windows_monitor_fk',
      columns: [t.tenantId, t.model],
      foreignColumns: [monitors.tenantId, monitors.model],
    }),
  ],
);
