import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  integer,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { ArtifactRef, Digest } from '../../domain/dataset/artifact';
import type { DataContracts } from '../../domain/dataset/contract';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';
import type { Loosening } from '../../domain/lifecycle/loosenings';
import { bytewise, document, instant, isDigest, oneOf, tenantId } from '../columns';
import { lifecycles } from './schema';

/**
 * Revisions that loosen the policy. An accepted one becomes a row of `lifecycle_revisions`; until
 * then no run can use it.
 */
export const lifecycleProposals = pgTable(
  'lifecycle_proposals',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    lifecycle: text('lifecycle').notNull(),
    /** The number that the revision has or gets on acceptance. */
    revision: integer('revision').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    spec: document<LifecycleSpec>('spec').notNull(),
    files: document<Readonly<Record<string, ArtifactRef>>>('files').notNull(),
    contracts: document<DataContracts>('contracts').notNull(),
    /**
     * The revision in force at the time of the proposal, with which `loosenings` compares. Applying
     * another revision supersedes the proposal.
     */
    baseRevision: integer('base_revision').notNull(),
    loosenings: document<readonly Loosening[]>('loosenings').notNull(),
    proposedBy: text('proposed_by').notNull(),
    proposedByKey: text('proposed_by_key').notNull(),
    proposedAt: instant('proposed_at').notNull().defaultNow(),
    status: text('status')
      .$type<'pending' | 'accepted' | 'rejected' | 'superseded'>()
      .notNull()
      .default('pending'),
    decidedBy: text('decided_by'),
    decidedByKey: text('decided_by_key'),
    decidedAt: instant('decided_at'),
    reason: text('reason'),
    /** Accepted by its author, an admin who set `selfApprove`. */
    selfApproved: boolean('self_approved').notNull().default(false),
  },
  (t) => [
    primaryKey({ name: 'lifecycle_proposals_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'lifecycle_proposals_lifecycle_fk',
      columns: [t.tenantId, t.lifecycle],
      foreignColumns: [lifecycles.tenantId, lifecycles.name],
    }),
    uniqueIndex('lifecycle_proposals_one_pending')
      .on(t.tenantId, t.lifecycle)
      .where(sql`${t.status} = 'pending'`),
    oneOf('lifecycle_proposals_status_check', t.status, [
      'pending',
      'accepted',
      'rejected',
      'superseded',
    ]),
    check(
      'lifecycle_proposals_decided_check',
      sql`(${t.decidedAt} is null) = (${t.status} = 'pending')`,
    ),
    isDigest('lifecycle_proposals_digest_check', t.digest),
  ],
);
