import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import type { RunId } from '../../domain/ids';
import { bytewise, createdAt, restrictTo, tenantId } from '../columns';
import { runs } from '../run/schema';
import type { LineageKind } from './repository';

const kinds = ['source', 'dataset', 'run', 'index', 'model', 'deployment'] satisfies LineageKind[];

/** Version 0 means a node without versions, because key columns cannot be null. */
export const lineageEdges = pgTable(
  'lineage_edges',
  {
    tenantId: tenantId(),
    fromKind: text('from_kind').$type<LineageKind>().notNull(),
    fromName: text('from_name').notNull(),
    fromVersion: integer('from_version').notNull(),
    fromDigest: text('from_digest').$type<Digest>(),
    toKind: text('to_kind').$type<LineageKind>().notNull(),
    toName: text('to_name').notNull(),
    toVersion: integer('to_version').notNull(),
    toDigest: text('to_digest').$type<Digest>(),
    runId: bytewise('run_id').$type<RunId>(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({
      name: 'lineage_edges_pk',
      columns: [t.tenantId, t.fromKind, t.fromName, t.fromVersion, t.toKind, t.toName, t.toVersion],
    }),
    foreignKey({
      name: 'lineage_edges_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    restrictTo('lineage_edges_from_kind_check', t.fromKind, kinds),
    restrictTo('lineage_edges_to_kind_check', t.toKind, kinds),
    check('lineage_edges_version_check', sql`${t.fromVersion} >= 0 and ${t.toVersion} >= 0`),
    index('lineage_edges_upstream').on(t.tenantId, t.toKind, t.toName, t.toVersion),
  ],
);
