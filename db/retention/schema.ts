import { sql } from 'drizzle-orm';
import { check, foreignKey, integer, pgTable, primaryKey } from 'drizzle-orm/pg-core';
import { tenantId } from '../columns';
import { tenants } from '../tenant/schema';

/** These defaults also apply to tenants without a row. */
export const retentionSettings = pgTable(
  'retention_settings',
  {
    tenantId: tenantId(),
    predictionDays: integer('prediction_days').notNull().default(90),
    feedbackDays: integer('feedback_days').notNull().default(365),
    runDetailDays: integer('run_detail_days').notNull().default(180),
    idempotencyDays: integer('idempotency_days').notNull().default(30),
    artifactIdleDays: integer('artifact_idle_days').notNull().default(7),
    callAnswerDays: integer('call_answer_days').notNull().default(90),
  },
  (t) => [
    primaryKey({ name: 'retention_settings_pk', columns: [t.tenantId] }),
    foreignKey({
      name: 'retention_settings_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
    check(
      'retention_settings_days_check',
      sql`least(${t.predictionDays}, ${t.feedbackDays}, ${t.runDetailDays}, ${t.idempotencyDays}, ${t.artifactIdleDays}, ${t.callAnswerDays}) >= 1`,
    ),
  ],
);
