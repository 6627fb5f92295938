import { foreignKey, index, integer, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import type { RunId } from '../../domain/ids';
import { apiKeys } from '../access/schema';
import { bytewise, createdAt, restrictTo, tenantId } from '../columns';
import { modelVersions } from '../model/schema';
import { runs } from '../run/schema';

/**
 * Votes that a run waits for, append-only by trigger. They are written after the signature of the
 * command, the key and its scope were checked.
 */
export const approvals = pgTable(
  'approvals',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    model: text('model').notNull(),
    /** Null for a vote in the middle of a run, which is about no version. */
    version: integer('version'),
    /** The stage that waits: `promote`, or the name of a call of `run.approve`. */
    stage: text('stage').notNull().default('promote'),
    vote: text('vote').$type<'approve' | 'reject'>().notNull(),
    keyId: bytewise('key_id').notNull(),
    holderId: bytewise('holder_id').notNull(),
    keyName: text('key_name').notNull(),
    scope: text('scope').notNull(),
    comment: text('comment'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'approvals_pk', columns: [t.tenantId, t.id] }),
    unique('approvals_one_vote_unique').on(t.tenantId, t.runId, t.stage, t.holderId, t.vote),
    foreignKey({
      name: 'approvals_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    foreignKey({
      name: 'approvals_key_fk',
      columns: [t.tenantId, t.keyId],
      foreignColumns: [apiKeys.tenantId, apiKeys.id],
    }),
    foreignKey({
      name: 'approvals_version_fk',
      columns: [t.tenantId, t.model, t.version],
      foreignColumns: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
    }),
    restrictTo('approvals_vote_check', t.vote, ['approve', 'reject']),
    index('approvals_by_version').on(t.tenantId, t.model, t.version),
  ],
);
