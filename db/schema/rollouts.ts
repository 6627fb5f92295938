import { sql } from 'drizzle-orm';
import { check, foreignKey, integer, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { Verdict } from '../../domain/verdict';
import { bytewise, document, instant, oneOf, tenantId } from './columns';
import { modelVersions } from './models';
import { runs } from './runs';

/** A canary or A/B: one open one a model. */
export const rollouts = pgTable(
  'rollouts',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    model: text('model').notNull(),
    runId: bytewise('run_id').notNull(),
    champion: integer('champion').notNull(),
    challenger: integer('challenger').notNull(),
    status: text('status').notNull(),
    /** Version → share of entities, and the salt that assigns them. */
    arms: document<unknown>('arms').notNull(),
    state: document<unknown>('state').notNull(),
    verdict: document<Verdict>('verdict'),
    startedAt: instant('started_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'rollouts_pk', columns: [t.tenantId, t.id] }),
    foreignKey({ name: 'rollouts_run_fk', columns: [t.tenantId, t.runId], foreignColumns: [runs.tenantId, runs.id] }),
    foreignKey({
      name: 'rollouts_champion_fk',
      columns: [t.tenantId, t.model, t.champion],
      foreignColumns: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
    }),
    foreignKey({
      name: 'rollouts_challenger_fk',
      columns: [t.tenantId, t.model, t.challenger],
      foreignColumns: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
    }),
    uniqueIndex('rollouts_one_open')
      .on(t.tenantId, t.model)
      .where(sql`${t.endedAt} is null`),
    oneOf('rollouts_status_check', t.status, ['running', 'held', 'promoted', 'rolledBack', 'aborted']),
    check('rollouts_ended_check', sql`(${t.endedAt} is null) = (${t.status} in ('running', 'held'))`),
    check('rollouts_arms_check', sql`${t.champion} <> ${t.challenger}`),
  ],
);
