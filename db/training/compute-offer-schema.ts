import { pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { ComputeOffer } from '../../domain/training/compute-offer';
import { document, instant } from '../columns';

/** The backends of each worker process. Workers serve every tenant, so there is no tenant. */
export const computeOffers = pgTable(
  'compute_offers',
  {
    worker: text('worker').notNull(),
    offers: document<readonly ComputeOffer[]>('offers').notNull(),
    leaseUntil: instant('lease_until').notNull(),
  },
  (t) => [primaryKey({ name: 'compute_offers_pk', columns: [t.worker] })],
);
