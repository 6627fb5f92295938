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
import type { Column } from '../../domain/dataset/dataset';
import type { RunId } from '../../domain/ids';
import {
  aliasColumns,
  aliasConstraints,
  bytewise,
  counter,
  createdAt,
  document,
  instant,
  isDigest,
  tenantId,
} from '../columns';
import { runs } from '../run/schema';
import { tenants } from '../tenant/schema';
import type { DatasetAlias } from './records';

export const datasets = pgTable(
  'datasets',
  {
    tenantId: tenantId(),
    name: text('name').notNull(),
    /** Number of the newest version. The row lock keeps the numbers without gaps. */
    versions: integer('versions').notNull().default(0),
    /** Number of alias moves. */
    fencing: counter('fencing').notNull().default(0),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'datasets_pk', columns: [t.tenantId, t.name] }),
    foreignKey({ name: 'datasets_tenant_fk', columns: [t.tenantId], foreignColumns: [tenants.id] }),
  ],
);

export const datasetVersions = pgTable(
  'dataset_versions',
  {
    tenantId: tenantId(),
    dataset: text('dataset').notNull(),
    version: integer('version').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    manifest: document<ArtifactRef>('manifest').notNull(),
    rows: counter('rows').notNull(),
    columns: document<readonly Column[]>('columns').notNull(),
    statistics: document<unknown>('statistics'),
    runId: bytewise('run_id').$type<RunId>(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'dataset_versions_pk', columns: [t.tenantId, t.dataset, t.version] }),
    unique('dataset_versions_digest_unique').on(t.tenantId, t.dataset, t.digest),
    foreignKey({
      name: 'dataset_versions_dataset_fk',
      columns: [t.tenantId, t.dataset],
      foreignColumns: [datasets.tenantId, datasets.name],
    }),
    foreignKey({
      name: 'dataset_versions_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    isDigest('dataset_versions_digest_check', t.digest),
    check('dataset_versions_rows_check', sql`${t.rows} >= 0`),
  ],
);

const version = {
  columns: [datasetVersions.tenantId, datasetVersions.dataset, datasetVersions.version],
} as const;

export const datasetAliases = pgTable(
  'dataset_aliases',
  { tenantId: tenantId(), dataset: text('dataset').notNull(), ...aliasColumns<DatasetAlias>() },
  (t) =>
    aliasConstraints(
      'dataset_aliases',
      { ...t, owner: t.dataset },
      { aliases: ['latest', 'approved'] satisfies DatasetAlias[], versions: version.columns },
    ),
);

export const datasetAliasHistory = pgTable(
  'dataset_alias_history',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    dataset: text('dataset').notNull(),
    alias: text('alias').$type<DatasetAlias>().notNull(),
    fromVersion: integer('from_version'),
    /** Null when an undo removed the first version of the alias. */
    toVersion: integer('to_version'),
    fencing: counter('fencing').notNull(),
    actor: text('actor').notNull(),
    cause: text('cause').notNull(),
    movedAt: instant('moved_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'dataset_alias_history_pk', columns: [t.tenantId, t.id] }),
    unique('dataset_alias_history_fencing_unique').on(t.tenantId, t.dataset, t.fencing),
    check(
      'dataset_alias_history_moved_check',
      sql`${t.fromVersion} is distinct from ${t.toVersion}`,
    ),
    index('dataset_alias_history_by_actor').on(t.tenantId, t.actor),
    foreignKey({
      name: 'dataset_alias_history_version_fk',
      columns: [t.tenantId, t.dataset, t.toVersion],
      foreignColumns: [...version.columns],
    }),
  ],
);

export const quarantines = pgTable(
  'quarantines',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    dataset: text('dataset').notNull(),
    version: integer('version').notNull(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    rows: counter('rows').notNull(),
    artifact: document<ArtifactRef>('artifact').notNull(),
    reasons: document<Readonly<Record<string, number>>>('reasons').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'quarantines_pk', columns: [t.tenantId, t.id] }),
    unique('quarantines_run_unique').on(t.tenantId, t.dataset, t.version, t.runId),
    foreignKey({
      name: 'quarantines_version_fk',
      columns: [t.tenantId, t.dataset, t.version],
      foreignColumns: [...version.columns],
    }),
    foreignKey({
      name: 'quarantines_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    check('quarantines_rows_check', sql`${t.rows} > 0`),
  ],
);
