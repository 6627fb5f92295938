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
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { DataContracts } from '../../domain/dataset/contract';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';
import type { Loosening } from '../../domain/lifecycle/loosenings';
import { bytewise, document, instant, isDigest, restrictTo, tenantId } from '../columns';
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
      .$type<'pending' | 'accepted' | 'rejected' | 'superseded' | 'expired'>()
      .notNull()
      .default('pending'),
    decidedBy: text('decided_by'),
    decidedByKey: text('decided_by_key'),
    decidedAt: instant('decided_at'),
    reason: text('reason'),
    /** Accepted by its author, an admin who set `selfApprove`. */
    selfApproved: boolean('self_approved').notNull().default(false),
    /** When a self-approved revision ends, unless other people confirm it; null without an end. */
    expiresAt: instant('expires_at'),
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
    restrictTo('lifecycle_proposals_status_check', t.status, [
      'pending',
      'accepted',
      'rejected',
      'superseded',
      'expired',
    ]),
    check(
      'lifecycle_proposals_decided_check',
      sql`(${t.decidedAt} is null) = (${t.status} = 'pending')`,
    ),
    isDigest('lifecycle_proposals_digest_check', t.digest),
  ],
);

/** Who accepts a proposal, each person once. */
export const proposalApprovals = pgTable(
  'lifecycle_proposal_approvals',
  {
    tenantId: tenantId(),
    proposalId: bytewise('proposal_id').notNull(),
    /** The person: the holder of the key, which a rotation keeps. */
    holderId: text('holder_id').notNull(),
    keyName: text('key_name').notNull(),
    reason: text('reason').notNull(),
    /** Whether the vote is by the author, an admin who set `selfApprove`. */
    isAuthor: boolean('is_author').notNull(),
    approvedAt: instant('approved_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({
      name: 'lifecycle_proposal_approvals_pk',
      columns: [t.tenantId, t.proposalId, t.holderId],
    }),
    foreignKey({
      name: 'lifecycle_proposal_approvals_proposal_fk',
      columns: [t.tenantId, t.proposalId],
      foreignColumns: [lifecycleProposals.tenantId, lifecycleProposals.id],
    }),
  ],
);
