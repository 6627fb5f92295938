import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Database, Query } from '../connection';
import type { artifacts } from './schema';

export interface SweepableArtifact {
  readonly tenant: Tenant;
  readonly digest: Digest;
  /**
   * Null when the upload was leased but never recorded. The store derives the place from the
   * digest.
   */
  readonly uri: string | null;
}

/**
 * The artifacts of the store, their leases and references, and their collection (DESIGN §8). A
 * writer leases, uploads if the object is missing, records and references. The collector marks,
 * waits longer than `maxLeaseSeconds`, and deletes what is still unused.
 */
export interface ArtifactRepository {
  /** Whether no tenant has an artifact. */
  isEmpty(): Promise<boolean>;
  /**
   * Protects a digest from collection for `seconds` (at most `maxLeaseSeconds`), whether it exists
   * or not, and clears its mark. When `mustUpload` is true, the collector may be deleting the
   * object, so upload it without checking whether it exists.
   */
  lease(input: {
    readonly tenant: Tenant;
    readonly digest: Digest;
    readonly owner: string;
    readonly seconds: number;
  }): Promise<{ readonly mustUpload: boolean }>;
  /** Ends the lease early; harmless after it expired. */
  release(input: {
    readonly tenant: Tenant;
    readonly digest: Digest;
    readonly owner: string;
  }): Promise<void>;
  /**
   * Records that the object is in the store. Conflict when the lease expired and the collector
   * deleted the object.
   */
  record(input: { readonly tenant: Tenant; readonly ref: ArtifactRef }): Promise<void>;
  /**
   * `by` names the holder, such as `model:flight-delay@7` or `run:run_…`. ArtifactMissing when the
   * artifact was collected or never recorded.
   */
  reference(input: {
    readonly tenant: Tenant;
    readonly digest: Digest;
    readonly by: string;
  }): Promise<void>;
  unreference(input: {
    readonly tenant: Tenant;
    readonly by: string;
    readonly digest?: Digest | undefined;
  }): Promise<number>;
  get(input: { readonly tenant: Tenant; readonly digest: Digest }): Promise<ArtifactRef | null>;
  /**
   * Removes what batch predictions held that have ended in the last week, and returns the number of
   * references. A worker that was presumed dead may add one after the undo of its run.
   */
  unreferenceEndedBatches(input: { readonly tenant: Tenant }): Promise<number>;
  /** The artifacts that a holder references, by digest. */
  heldBy(input: { readonly tenant: Tenant; readonly by: string }): Promise<readonly ArtifactRef[]>;
  /**
   * Checks up to `limit` artifacts that are unused for `idleSeconds` and that were never checked or
   * lost a reference since. Marks those without references and leases. Artifacts in use are checked
   * again only after they lose a reference.
   */
  mark(input: {
    readonly tenant: Tenant;
    readonly idleSeconds: number;
    readonly limit: number;
  }): Promise<{ readonly marked: number; readonly inUse: number }>;
  /**
   * Claims for deletion artifacts that were marked longer than `maxLeaseSeconds` ago and are still
   * unused, except those in `except`. Until `delete`, leases return `mustUpload`.
   */
  sweepable(input: {
    readonly tenant: Tenant;
    readonly limit: number;
    readonly except?: readonly Digest[] | undefined;
  }): Promise<readonly SweepableArtifact[]>;
  /**
   * Checks again and calls `remove` under the row lock. Returns false without removing anything
   * when a writer leased the digest meanwhile.
   */
  delete(input: {
    readonly tenant: Tenant;
    readonly digest: Digest;
    readonly remove: () => Promise<void>;
  }): Promise<boolean>;
}

/**
 * The longest lease, and the shortest time between mark and deletion. Writers renew it for longer
 * uploads.
 */
export const maxLeaseSeconds = 3600;

type ArtifactRow = typeof artifacts.$inferSelect;

export function createArtifactRepository({ sql }: Database): ArtifactRepository {
  return {
    async isEmpty() {
      const [found] = await sql<
        { empty: boolean }[]
      >`select not exists (select from artifacts) as empty`;
      return found?.empty ?? true;
    },

    /**
     * The row lock makes this safe: the collector holds it while it deletes the object, and deletes
     * the row afterwards. A `sweeping` row comes from a collector that crashed; its last request to
     * the store may still be executed.
     */
    async lease({ tenant, digest, owner, seconds }) {
      if (seconds <= 0 || seconds > maxLeaseSeconds)
        throw failure('InvalidInput', `a lease lasts at most ${maxLeaseSeconds} s, not ${seconds}`);
      const [lease] = await sql<{ mustUpload: boolean }[]>`
        with seen as (
          select sweeping_at from artifacts where tenant_id = ${tenant} and digest = ${digest}
        ), held as (
          insert into artifacts (tenant_id, digest) values (${tenant}, ${digest})
          on conflict on constraint artifacts_pk do update set touched_at = now(), marked_at = null, sweeping_at = null
          returning tenant_id, digest
        ), leased as (
          insert into artifact_leases as l (tenant_id, digest, owner, until)
          select tenant_id, digest, ${owner}, now() + make_interval(secs => ${seconds}) from held
          on conflict on constraint artifact_leases_pk do update set until = greatest(l.until, excluded.until)
        )
        select coalesce((select sweeping_at is not null from seen), false) as must_upload from held`;
      return { mustUpload: lease?.mustUpload ?? true };
    },

    async release({ tenant, digest, owner }) {
      await sql`delete from artifact_leases where tenant_id = ${tenant} and digest = ${digest} and owner = ${owner}`;
    },

    async record({ tenant, ref }) {
      const [row] = await sql`
        update artifacts set uri = ${ref.uri}, bytes = ${ref.bytes}, media_type = coalesce(media_type, ${ref.mediaType}), touched_at = now(), marked_at = null
        where tenant_id = ${tenant} and digest = ${ref.digest} and sweeping_at is null returning true as recorded`;
      if (!row)
        throw failure(
          'Conflict',
          `${ref.digest} was collected, or never leased, before it was recorded`,
          { next: 'upload it again' },
        );
    },

    reference: (input) => referenceArtifact(sql, input),

    unreference: (input) => unreferenceArtifact(sql, input),

    async unreferenceEndedBatches({ tenant }) {
      const holders = await sql<{ heldBy: string }[]>`
        select distinct r.held_by from runs join artifact_references r
          on r.tenant_id = runs.tenant_id and r.held_by = 'batch:' || runs.id
        where runs.tenant_id = ${tenant} and runs.ended_at > now() - interval '7 days'
          and runs.request -> 'batch' is not null order by r.held_by limit 100`;
      let gone = 0;
      for (const { heldBy: by } of holders) gone += await unreferenceArtifact(sql, { tenant, by });
      return gone;
    },

    async get({ tenant, digest }) {
      const [row] = await sql<ArtifactRow[]>`
        select * from artifacts where tenant_id = ${tenant} and digest = ${digest} and sweeping_at is null`;
      if (!row || row.uri === null || row.bytes === null || row.mediaType === null) return null;
      return { uri: row.uri, digest: row.digest, bytes: row.bytes, mediaType: row.mediaType };
    },

    async heldBy({ tenant, by }) {
      return sql<ArtifactRef[]>`
      select a.uri, a.digest, a.bytes, a.media_type from artifact_references r
      join artifacts a on a.tenant_id = r.tenant_id and a.digest = r.digest
      where r.tenant_id = ${tenant} and r.held_by = ${by} and a.uri is not null
        and a.bytes is not null and a.media_type is not null order by a.digest`;
    },

    async mark({ tenant, idleSeconds, limit }) {
      await sql`delete from artifact_leases where tenant_id = ${tenant} and until < now()`;
      return sql.begin(async (tx) => {
        const idle = await tx<Pick<ArtifactRow, 'digest'>[]>`
          ${idleArtifacts(tx, { tenant, idleSeconds, limit })} for update skip locked`;
        // Only a second statement sees references that were removed before the locks were granted.
        // Later removals wait for the locks.
        const looked = await tx<{ isMarked: boolean }[]>`
          with seen as materialized (
            select a.tenant_id, a.digest, ${isReferenced(tx)} as is_referenced, ${isWithoutLease(tx)} as is_unheld
            from artifacts a where a.tenant_id = ${tenant} and a.digest = any(${idle.map(({ digest }) => digest)})
          )
          update artifacts a set marked_at = case when s.is_unheld then now() end, referenced_at = case when s.is_referenced then now() end
          from seen s where a.tenant_id = s.tenant_id and a.digest = s.digest and (s.is_unheld or s.is_referenced)
          returning s.is_unheld as is_marked`;
        const marked = looked.filter(({ isMarked }) => isMarked).length;
        return { marked, inUse: looked.length - marked };
      });
    },

    async sweepable({ tenant, limit, except = [] }) {
      const rows = await sql<Pick<ArtifactRow, 'digest' | 'uri'>[]>`
        with due as materialized (
          select tenant_id, digest from artifacts a
          where tenant_id = ${tenant} and marked_at < now() - make_interval(secs => ${maxLeaseSeconds}) and ${isWithoutLease(sql)}
            and digest <> all(${[...except]}::text[])
          order by marked_at limit ${limit} for update skip locked
        )
        update artifacts a set sweeping_at = now() from due where a.tenant_id = due.tenant_id and a.digest = due.digest
        returning a.digest, a.uri`;
      return rows.map(({ digest, uri }) => ({ tenant, digest, uri }));
    },

    delete: ({ tenant, digest, remove }) =>
      sql.begin(async (tx) => {
        const [row] = await tx`
          select from artifacts a where tenant_id = ${tenant} and digest = ${digest} and sweeping_at is not null for update`;
        // Only a second statement sees commits from before the lock was granted.
        const [free] = row
          ? await tx`select from artifacts a where tenant_id = ${tenant} and digest = ${digest} and ${isWithoutLease(tx)}`
          : [];
        if (!free) return false;
        await remove();
        await tx`delete from artifacts where tenant_id = ${tenant} and digest = ${digest}`;
        return true;
      }),
  };
}

/** The statement of `reference`, also for a transaction that stores what refers to the artifact. */
export async function referenceArtifact(
  sql: Query,
  { tenant, digest, by }: Parameters<ArtifactRepository['reference']>[0],
): Promise<void> {
  const [row] = await sql`
    with held as (
      update artifacts set touched_at = now(), marked_at = null, referenced_at = now()
      where tenant_id = ${tenant} and digest = ${digest} and uri is not null and sweeping_at is null returning tenant_id, digest
    ), referred as (
      insert into artifact_references (tenant_id, digest, held_by) select tenant_id, digest, ${by} from held on conflict do nothing
    )
    select digest from held`;
  if (!row)
    throw failure(
      'ArtifactMissing',
      `${digest} is not in the artifact store, or is being collected`,
      { next: 'run the stage that made it again' },
    );
}

/**
 * The statement of `unreference`. Locks artifacts in the order of their digests, as all writers do,
 * to avoid deadlocks.
 */
export async function unreferenceArtifact(
  sql: Query,
  { tenant, by, digest }: Parameters<ArtifactRepository['unreference']>[0],
): Promise<number> {
  const gone = await sql`
    with locked as materialized (
      select a.tenant_id, a.digest from artifacts a join artifact_references r on r.tenant_id = a.tenant_id and r.digest = a.digest
      where r.tenant_id = ${tenant} and r.held_by = ${by} and ${digest === undefined ? sql`true` : sql`r.digest = ${digest}`}
      order by a.digest for update of a
    ), unchecked as (
      update artifacts a set referenced_at = null from locked l where a.tenant_id = l.tenant_id and a.digest = l.digest
    )
    delete from artifact_references r using locked l where r.tenant_id = l.tenant_id and r.digest = l.digest and r.held_by = ${by}`;
  return gone.count;
}

/** The conditions must match the index `artifacts_to_check`. */
export function idleArtifacts(
  sql: Query,
  {
    tenant,
    idleSeconds,
    limit,
  }: { readonly tenant: Tenant; readonly idleSeconds: number; readonly limit: number },
) {
  return sql`
    select digest from artifacts where tenant_id = ${tenant} and marked_at is null and referenced_at is null
      and touched_at < now() - make_interval(secs => ${idleSeconds}) order by touched_at limit ${limit}`;
}

/** Requires the row `a`. */
function isReferenced(sql: Query) {
  return sql`exists (select from artifact_references r where r.tenant_id = a.tenant_id and r.digest = a.digest)`;
}

/** Whether the row `a` has no references and no valid lease. */
function isWithoutLease(sql: Query) {
  return sql`
    not ${isReferenced(sql)}
    and not exists (select from artifact_leases l where l.tenant_id = a.tenant_id and l.digest = a.digest and l.until > now())`;
}
