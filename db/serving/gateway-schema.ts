import { sql } from 'drizzle-orm';
import { boolean, check, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { counter, instant } from '../columns';

/** Gateways serve every tenant, so these two tables alone have no tenant. */
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
