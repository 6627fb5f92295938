import { sql } from 'drizzle-orm';
import { check, foreignKey, integer, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { DataContracts } from '../../domain/dataset/contract';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';
import { createdAt, document, instant, isDigest, tenantId } from '../columns';
import { tenants } from '../tenant/schema';

export const lifecycles = pgTable(
  'lifecycles',
  {
    tenantId: tenantId(),
    name: text('name').notNull(),
    kind: text('kind').notNull(),
    owner: text('owner').notNull(),
    currentRevision: integer('current_revision').notNull(),
    revisions: integer('revisions').notNull(),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    /**
     * Up to here, every time of the schedule has a run or a row in `schedule_skips`. Null before
     * the first check.
     */
    scheduleCheckedUntil: instant('schedule_checked_until'),
    /** While it is set, no run can start. */
    archivedAt: instant('archived_at'),
    archivedBy: text('archived_by'),
    archiveReason: text('archive_reason'),
    /**
     * Runs, versions and lineage of a deleted lifecycle stay. Applying its name again continues the
     * numbering.
     */
    deletedAt: instant('deleted_at'),
  },
  (t) => [
    check('lifecycles_archived_check', sql`(${t.archivedAt} is null) = (${t.archivedBy} is null)`),
    check('lifecycles_deleted_check', sql`${t.deletedAt} is null or ${t.archivedAt} is not null`),
    primaryKey({ name: 'lifecycles_pk', columns: [t.tenantId, t.name] }),
    foreignKey({
      name: 'lifecycles_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
  ],
);

/** Every revision that was ever applied; rows never change. */
export const lifecycleRevisions = pgTable(
  'lifecycle_revisions',
  {
    tenantId: tenantId(),
    lifecycle: text('lifecycle').notNull(),
    revision: integer('revision').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    spec: document<LifecycleSpec>('spec').notNull(),
    files: document<Readonly<Record<string, ArtifactRef>>>('files').notNull(),
    contracts: document<DataContracts>('contracts').notNull(),
    appliedBy: text('applied_by').notNull(),
    appliedByKey: text('applied_by_key'),
    appliedAt: instant('applied_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'lifecycle_revisions_pk', columns: [t.tenantId, t.lifecycle, t.revision] }),
    unique('lifecycle_revisions_digest_unique').on(t.tenantId, t.lifecycle, t.digest),
    foreignKey({
      name: 'lifecycle_revisions_lifecycle_fk',
      columns: [t.tenantId, t.lifecycle],
      foreignColumns: [lifecycles.tenantId, lifecycles.name],
    }),
    isDigest('lifecycle_revisions_digest_check', t.digest),
  ],
);
