import { sql } from 'drizzle-orm';
import { check, foreignKey, integer, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import type { RunId } from '../../domain/ids';
import type { ModelVersionStatus } from '../../domain/model/model';
import type { PromotionOverride } from '../../domain/promotion/promotion';
import { bytewise, counter, document, instant, restrictTo, tenantId } from '../columns';
import { decisions } from '../decision/schema';
import { models, modelVersions } from '../model/schema';
import { runs } from '../run/schema';

/** All moves of champions, append-only. Each row has what an undo needs. */
export const aliasHistory = pgTable(
  'alias_history',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    model: text('model').notNull(),
    kind: text('kind').$type<'promote' | 'rollback' | 'withdraw'>().notNull(),
    fromVersion: integer('from_version'),
    toVersion: integer('to_version'),
    fencing: counter('fencing').notNull(),
    previousBefore: integer('previous_before'),
    previousAfter: integer('previous_after'),
    /** Status of `to_version` before a promotion. */
    statusBefore: text('status_before').$type<ModelVersionStatus>(),
    /** Fencing token of the promotion that a withdrawal undid. */
    undoes: counter('undoes'),
    actor: text('actor').notNull(),
    cause: text('cause').notNull(),
    runId: bytewise('run_id').$type<RunId>(),
    decisionId: bytewise('decision_id'),
    /** Set for a promotion by a person that did not meet all requirements. */
    override: document<PromotionOverride>('override'),
    movedAt: instant('moved_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'alias_history_pk', columns: [t.tenantId, t.id] }),
    unique('alias_history_fencing_unique').on(t.tenantId, t.model, t.fencing),
    foreignKey({
      name: 'alias_history_model_fk',
      columns: [t.tenantId, t.model],
      foreignColumns: [models.tenantId, models.name],
    }),
    foreignKey({
      name: 'alias_history_to_fk',
      columns: [t.tenantId, t.model, t.toVersion],
      foreignColumns: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
    }),
    foreignKey({
      name: 'alias_history_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    foreignKey({
      name: 'alias_history_decision_fk',
      columns: [t.tenantId, t.decisionId],
      foreignColumns: [decisions.tenantId, decisions.id],
    }),
    restrictTo('alias_history_kind_check', t.kind, ['promote', 'rollback', 'withdraw']),
    check('alias_history_moved_check', sql`${t.fromVersion} is distinct from ${t.toVersion}`),
    check('alias_history_target_check', sql`${t.kind} = 'withdraw' or ${t.toVersion} is not null`),
  ],
);
