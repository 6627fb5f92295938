import { sql } from 'drizzle-orm';
import { check, foreignKey, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import { counter, createdAt, instant, isDigest, tenantId } from '../columns';

/**
 * A row exists from the first lease on, and has a `uri` once the object is in the store. Writers
 * and the collector synchronise on its lock.
 */
export const artifacts = pgTable(
  'artifacts',
  {
    tenantId: tenantId(),
    digest: text('digest').$type<Digest>().notNull(),
    uri: text('uri'),
    bytes: counter('bytes'),
    mediaType: text('media_type'),
    createdAt: createdAt(),
    /** Time of the newest lease, record or reference. */
    touchedAt: instant('touched_at').notNull().defaultNow(),
    markedAt: instant('marked_at'),
    /**
     * When a reference was last made or found. Null when the collector must check the artifact: it
     * is new or lost a reference. This keeps artifacts in use out of each pass.
     */
    referencedAt: instant('referenced_at'),
    /**
     * Set when the collector is about to delete the object. It cannot be relied on from then on.
     */
    sweepingAt: instant('sweeping_at'),
  },
  (t) => [
    primaryKey({ name: 'artifacts_pk', columns: [t.tenantId, t.digest] }),
    isDigest('artifacts_digest_check', t.digest),
    check(
      'artifacts_recorded_check',
      sql`(${t.uri} is null) = (${t.bytes} is null) and (${t.uri} is null) = (${t.mediaType} is null)`,
    ),
    check('artifacts_sweeping_check', sql`${t.sweepingAt} is null or ${t.markedAt} is not null`),
    index('artifacts_to_check')
      .on(t.tenantId, t.touchedAt)
      .where(sql`${t.markedAt} is null and ${t.referencedAt} is null`),
    index('artifacts_marked')
      .on(t.tenantId, t.markedAt)
      .where(sql`${t.markedAt} is not null`),
  ],
);

export const artifactLeases = pgTable(
  'artifact_leases',
  {
    tenantId: tenantId(),
    digest: text('digest').notNull(),
    owner: text('owner').notNull(),
    until: instant('until').notNull(),
  },
  (t) => [
    primaryKey({ name: 'artifact_leases_pk', columns: [t.tenantId, t.digest, t.owner] }),
    foreignKey({
      name: 'artifact_leases_artifact_fk',
      columns: [t.tenantId, t.digest],
      foreignColumns: [artifacts.tenantId, artifacts.digest],
    }).onDelete('cascade'),
    index('artifact_leases_by_end').on(t.until),
  ],
);

export const artifactReferences = pgTable(
  'artifact_references',
  {
    tenantId: tenantId(),
    digest: text('digest').notNull(),
    heldBy: text('held_by').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'artifact_references_pk', columns: [t.tenantId, t.digest, t.heldBy] }),
    // No cascade, so that the database refuses to delete an artifact with references.
    foreignKey({
      name: 'artifact_references_artifact_fk',
      columns: [t.tenantId, t.digest],
      foreignColumns: [artifacts.tenantId, artifacts.digest],
    }),
    index('artifact_references_by_holder').on(t.tenantId, t.heldBy),
  ],
);
