import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { RunId } from '../../domain/ids';
import type { ModelSignature, ModelVersionStatus } from '../../domain/model/model';
import {
  bytewise,
  counter,
  createdAt,
  document,
  instant,
  isDigest,
  restrictTo,
  tenantId,
} from '../columns';
import { runs } from '../run/schema';
import { tenants } from '../tenant/schema';

export const models = pgTable(
  'models',
  {
    tenantId: tenantId(),
    name: text('name').notNull(),
    /** Number of the newest version. The row lock prevents gaps. */
    versions: integer('versions').notNull().default(0),
    /**
     * Counts every move of an alias, also while there is no champion. The row lock orders the
     * moves.
     */
    fencing: counter('fencing').notNull().default(0),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'models_pk', columns: [t.tenantId, t.name] }),
    foreignKey({ name: 'models_tenant_fk', columns: [t.tenantId], foreignColumns: [tenants.id] }),
  ],
);

export const modelVersions = pgTable(
  'model_versions',
  {
    tenantId: tenantId(),
    model: text('model').notNull(),
    version: integer('version').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    manifest: document<ArtifactRef>('manifest').notNull(),
    signature: document<ModelSignature>('signature').notNull(),
    metrics: document<Readonly<Record<string, number>>>('metrics').notNull(),
    status: text('status').$type<ModelVersionStatus>().notNull(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'model_versions_pk', columns: [t.tenantId, t.model, t.version] }),
    foreignKey({
      name: 'model_versions_model_fk',
      columns: [t.tenantId, t.model],
      foreignColumns: [models.tenantId, models.name],
    }),
    foreignKey({
      name: 'model_versions_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    isDigest('model_versions_digest_check', t.digest),
    check('model_versions_version_check', sql`${t.version} > 0`),
    restrictTo('model_versions_status_check', t.status, [
      'candidate',
      'promoted',
      'rejected',
      'withdrawn',
    ] satisfies ModelVersionStatus[]),
    index('model_versions_by_digest').on(t.tenantId, t.digest),
    index('model_versions_by_run').on(t.tenantId, t.runId),
  ],
);
