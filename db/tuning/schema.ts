import { sql } from 'drizzle-orm';
import {
  check,
  doublePrecision,
  foreignKey,
  integer,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core';
import { bytewise, document, instant, restrictTo, tenantId } from '../columns';
import type { RunId } from '../../domain/ids';
import type { SamplerState, TrialStatus, TrialStep } from '../../domain/tuning/tuning';
import { trialStatuses } from '../../domain/tuning/tuning';
import { runs } from '../run/schema';

/** One hyperparameter trial of a run's study. */
export const trials = pgTable(
  'trials',
  {
    tenantId: tenantId(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    study: text('study').notNull(),
    number: integer('number').notNull(),
    params: document<Readonly<Record<string, unknown>>>('params').notNull(),
    status: text('status').$type<TrialStatus>().notNull(),
    value: doublePrecision('value'),
    /** One value per objective of a study with several; null otherwise. */
    values: document<readonly number[]>('values'),
    /** The lane of the study that runs it; null for a trial that its workflow asked for itself. */
    lane: integer('lane'),
    /** What the sampler keeps with the trial, such as the generation of an evolution strategy. */
    samplerState: document<SamplerState>('sampler_state')
      .notNull()
      .default(sql`'{}'`),
    /** Intermediate values by rising step, for the pruner. */
    intermediate: document<readonly TrialStep[]>('intermediate')
      .notNull()
      .default(sql`'[]'`),
    /** Why it was pruned or failed. */
    reason: text('reason'),
    startedAt: instant('started_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'trials_pk', columns: [t.tenantId, t.runId, t.study, t.number] }),
    foreignKey({
      name: 'trials_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    restrictTo('trials_status_check', t.status, trialStatuses),
    check('trials_ended_check', sql`(${t.endedAt} is null) = (${t.status} = 'running')`),
    check('trials_value_check', sql`${t.status} <> 'complete' or ${t.value} is not null`),
  ],
);
