import { sql } from 'drizzle-orm';
import { check, foreignKey, integer, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import type { RunId } from '../../domain/ids';
import { bytewise, createdAt, isDigest, tenantId } from '../columns';
import { decisions } from './schema';
import { runs } from '../run/schema';

/** The candidates of a model that were evaluated on one holdout or case set, numbered in order. */
export const holdoutAttempts = pgTable(
  'holdout_attempts',
  {
    tenantId: tenantId(),
    model: text('model').notNull(),
    holdout: text('holdout').$type<Digest>().notNull(),
    number: integer('number').notNull(),
    /** Manifest digest, so the same bytes are not a new attempt. */
    candidate: text('candidate').$type<Digest>().notNull(),
    /** The first run that evaluated it. */
    runId: bytewise('run_id').$type<RunId>().notNull(),
    /**
     * The last decision on it; null while it is measured, and when the evaluation ended without
     * one.
     */
    decision: bytewise('decision'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({
      name: 'holdout_attempts_pk',
      columns: [t.tenantId, t.model, t.holdout, t.number],
    }),
    unique('holdout_attempts_candidate').on(t.tenantId, t.model, t.holdout, t.candidate),
    foreignKey({
      name: 'holdout_attempts_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    foreignKey({
      name: 'holdout_attempts_decision_fk',
      columns: [t.tenantId, t.decision],
      foreignColumns: [decisions.tenantId, decisions.id],
    }),
    isDigest('holdout_attempts_holdout_check', t.holdout),
    isDigest('holdout_attempts_candidate_check', t.candidate),
    check('holdout_attempts_number_check', sql`${t.number} >= 1`),
  ],
);
