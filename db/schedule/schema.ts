import { foreignKey, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { RunId } from '../../domain/ids';
import { bytewise, instant, tenantId } from '../columns';
import { lifecycles } from '../lifecycle/schema';

/** Times of a schedule at which no run started, with the cause. */
export const scheduleSkips = pgTable(
  'schedule_skips',
  {
    tenantId: tenantId(),
    lifecycle: text('lifecycle').notNull(),
    scheduledAt: instant('scheduled_at').notNull(),
    cause: text('cause').notNull(),
    /** The run that was still open; null if none was. */
    runId: bytewise('run_id').$type<RunId>(),
    noticedAt: instant('noticed_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'schedule_skips_pk', columns: [t.tenantId, t.lifecycle, t.scheduledAt] }),
    foreignKey({
      name: 'schedule_skips_lifecycle_fk',
      columns: [t.tenantId, t.lifecycle],
      foreignColumns: [lifecycles.tenantId, lifecycles.name],
    }),
  ],
);
