import { foreignKey, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import type { RunId } from '../../domain/ids';
import type { RetrainingState } from '../../domain/retraining/retraining';
import type { EventReceipt } from '../../domain/retraining/incoming-event';
import { bytewise, document, instant, tenantId } from '../columns';
import { lifecycles } from '../lifecycle/schema';
import { tenants } from '../tenant/schema';

/** The automatic runs of a lifecycle. The row lock makes one run of concurrent requests. */
export const retrainings = pgTable(
  'retrainings',
  {
    tenantId: tenantId(),
    lifecycle: text('lifecycle').notNull(),
    state: document<RetrainingState>('state').notNull(),
    /** The automatic run in progress, as in the state. */
    runId: bytewise('run_id').$type<RunId>(),
    /** When a queued run is tried next. */
    dueAt: instant('due_at'),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'retrainings_pk', columns: [t.tenantId, t.lifecycle] }),
    foreignKey({
      name: 'retrainings_lifecycle_fk',
      columns: [t.tenantId, t.lifecycle],
      foreignColumns: [lifecycles.tenantId, lifecycles.name],
    }),
    index('retrainings_in_progress')
      .on(t.tenantId, t.runId)
      .where(sql`${t.runId} is not null`),
    index('retrainings_due')
      .on(t.dueAt)
      .where(sql`${t.dueAt} is not null`),
  ],
);

/** CloudEvents that were accepted. Source and id identify an event, so a repetition is found. */
export const receivedEvents = pgTable(
  'received_events',
  {
    tenantId: tenantId(),
    source: bytewise('source').notNull(),
    id: bytewise('id').notNull(),
    type: text('type').notNull(),
    subject: text('subject'),
    receivedAt: instant('received_at').notNull().defaultNow(),
    receipts: document<readonly EventReceipt[]>('receipts').notNull(),
  },
  (t) => [
    primaryKey({ name: 'received_events_pk', columns: [t.tenantId, t.source, t.id] }),
    foreignKey({
      name: 'received_events_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
    index('received_events_by_time').on(t.receivedAt),
  ],
);
