import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
} from 'drizzle-orm/pg-core';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { RunId } from '../../domain/ids';
import type { IndexAlias, IndexRecipe, IndexReport, IndexState } from '../../domain/index/version';
import {
  aliasColumns,
  aliasConstraints,
  bytewise,
  counter,
  createdAt,
  document,
  instant,
  isDigest,
  restrictTo,
  tenantId,
} from '../columns';
import { datasetVersions } from '../dataset/schema';
import { runs } from '../run/schema';
import { tenants } from '../tenant/schema';

export const indexes = pgTable(
  'indexes',
  {
    tenantId: tenantId(),
    name: text('name').notNull(),
    /**
     * Number of the newest version. The row lock numbers versions, changes and moves without gaps.
     */
    versions: integer('versions').notNull().default(0),
    /** Number of the newest change of documents. */
    changes: counter('changes').notNull().default(0),
    /** Number of alias moves. */
    fencing: counter('fencing').notNull().default(0),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'indexes_pk', columns: [t.tenantId, t.name] }),
    foreignKey({ name: 'indexes_tenant_fk', columns: [t.tenantId], foreignColumns: [tenants.id] }),
  ],
);

/** One vector space, filled from one dataset version and the later changes. */
export const indexVersions = pgTable(
  'index_versions',
  {
    tenantId: tenantId(),
    index: text('index').notNull(),
    version: integer('version').notNull(),
    /** Digest of recipe and dataset version. */
    digest: text('digest').$type<Digest>().notNull(),
    recipe: document<IndexRecipe>('recipe').notNull(),
    dataset: text('dataset').notNull(),
    datasetVersion: integer('dataset_version').notNull(),
    state: text('state').$type<IndexState>().notNull(),
    /** Changes up to this one are in the dataset version or the table. */
    applied: counter('applied').notNull(),
    /** Version of the table that queries read; null while it is filled. */
    tableVersion: counter('table_version'),
    chunks: counter('chunks'),
    /**
     * Documents in the table, including changes; null for old versions, which did not count them.
     */
    documents: counter('documents'),
    report: document<IndexReport>('report'),
    runId: bytewise('run_id').$type<RunId>(),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'index_versions_pk', columns: [t.tenantId, t.index, t.version] }),
    foreignKey({
      name: 'index_versions_index_fk',
      columns: [t.tenantId, t.index],
      foreignColumns: [indexes.tenantId, indexes.name],
    }),
    foreignKey({
      name: 'index_versions_dataset_fk',
      columns: [t.tenantId, t.dataset, t.datasetVersion],
      foreignColumns: [datasetVersions.tenantId, datasetVersions.dataset, datasetVersions.version],
    }),
    foreignKey({
      name: 'index_versions_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    isDigest('index_versions_digest_check', t.digest),
    restrictTo('index_versions_state_check', t.state, [
      'building',
      'ready',
      'failed',
      'retired',
    ] satisfies IndexState[]),
    check(
      'index_versions_ready_check',
      sql`${t.state} <> 'ready' or ${t.tableVersion} is not null`,
    ),
    index('index_versions_by_run').on(t.tenantId, t.runId),
  ],
);

const version = [indexVersions.tenantId, indexVersions.index, indexVersions.version] as const;

export const indexAliases = pgTable(
  'index_aliases',
  { tenantId: tenantId(), index: text('index').notNull(), ...aliasColumns<IndexAlias>() },
  (t) =>
    aliasConstraints(
      'index_aliases',
      { ...t, owner: t.index },
      { aliases: ['champion', 'previous'] satisfies IndexAlias[], versions: version },
    ),
);

export const indexAliasHistory = pgTable(
  'index_alias_history',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    index: text('index').notNull(),
    kind: text('kind').$type<'promote' | 'rollback'>().notNull(),
    fromVersion: integer('from_version'),
    toVersion: integer('to_version').notNull(),
    fencing: counter('fencing').notNull(),
    actor: text('actor').notNull(),
    cause: text('cause').notNull(),
    /** The bundle whose promotion or rollback it followed; null for a move of the index alone. */
    model: text('model'),
    modelVersion: integer('model_version'),
    movedAt: instant('moved_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'index_alias_history_pk', columns: [t.tenantId, t.id] }),
    unique('index_alias_history_fencing_unique').on(t.tenantId, t.index, t.fencing),
    foreignKey({
      name: 'index_alias_history_version_fk',
      columns: [t.tenantId, t.index, t.toVersion],
      foreignColumns: [...version],
    }),
    restrictTo('index_alias_history_kind_check', t.kind, ['promote', 'rollback']),
    check('index_alias_history_moved_check', sql`${t.fromVersion} is distinct from ${t.toVersion}`),
    check(
      'index_alias_history_bundle_check',
      sql`(${t.model} is null) = (${t.modelVersion} is null)`,
    ),
  ],
);

/**
 * Changes of documents in order. Every version that is ready or building applies each change once.
 */
export const indexChanges = pgTable(
  'index_changes',
  {
    tenantId: tenantId(),
    index: text('index').notNull(),
    seq: counter('seq').notNull(),
    /** Added or changed documents, NDJSON; null when documents were only deleted. */
    documents: document<ArtifactRef>('documents'),
    /** Ids of deleted documents. */
    deleted: document<readonly string[]>('deleted').notNull(),
    actor: text('actor').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'index_changes_pk', columns: [t.tenantId, t.index, t.seq] }),
    foreignKey({
      name: 'index_changes_index_fk',
      columns: [t.tenantId, t.index],
      foreignColumns: [indexes.tenantId, indexes.name],
    }),
    check('index_changes_seq_check', sql`${t.seq} > 0`),
  ],
);
