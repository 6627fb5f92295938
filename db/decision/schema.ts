import { sql } from 'drizzle-orm';
import { check, foreignKey, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import type { RunId } from '../../domain/ids';
import type { Verdict } from '../../domain/verdict';
import { bytewise, createdAt, document, tenantId } from '../columns';
import { evidence, policies } from './evidence-schema';
import { runs } from '../run/schema';

/** The foreign keys require that policy and evidence are stored before the decision. */
export const decisions = pgTable(
  'decisions',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    stage: text('stage').notNull(),
    policy: text('policy').$type<Digest>().notNull(),
    evidence: text('evidence').$type<Digest>().notNull(),
    verdict: document<Verdict>('verdict').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'decisions_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'decisions_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    foreignKey({
      name: 'decisions_policy_fk',
      columns: [t.tenantId, t.policy],
      foreignColumns: [policies.tenantId, policies.digest],
    }),
    foreignKey({
      name: 'decisions_evidence_fk',
      columns: [t.tenantId, t.evidence],
      foreignColumns: [evidence.tenantId, evidence.digest],
    }),
    check(
      'decisions_verdict_check',
      sql`${t.verdict} ->> 'kind' in ('passed', 'failed', 'inconclusive')`,
    ),
    index('decisions_by_run').on(t.tenantId, t.runId, t.id),
  ],
);
