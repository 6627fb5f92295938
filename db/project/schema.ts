import { foreignKey, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { createdAt, document, isDigest, tenantId } from '../columns';
import { tenants } from '../tenant/schema';

/** Compiled projects. Rows never change. */
export const projectBuilds = pgTable(
  'project_builds',
  {
    tenantId: tenantId(),
    project: text('project').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    lifecycles: document<readonly string[]>('lifecycles').notNull(),
    workflows: document<ArtifactRef>('workflows').notNull(),
    stages: document<ArtifactRef>('stages').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'project_builds_pk', columns: [t.tenantId, t.project, t.digest] }),
    foreignKey({
      name: 'project_builds_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
    isDigest('project_builds_digest_check', t.digest),
    index('project_builds_by_time').on(t.tenantId, t.project, t.createdAt),
  ],
);
