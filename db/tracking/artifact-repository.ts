import type { ArtifactRef } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { TrackedArtifact } from '../../domain/tracking/tracking';
import { referenceArtifact, unreferenceArtifact } from '../artifact/repository';
import type { Columns } from '../columns';
import type { Database } from '../connection';
import type { trackedArtifacts } from './schema';

export interface TrackedArtifactRepository {
  /** Stores or replaces the file at a path, and holds its artifact. @throws ArtifactMissing */
  put(input: {
    readonly tenant: Tenant;
    readonly path: string;
    readonly artifact: ArtifactRef;
  }): Promise<void>;
  get(input: { readonly tenant: Tenant; readonly path: string }): Promise<ArtifactRef | null>;
  /** The files at a path and below it, by path. */
  below(input: {
    readonly tenant: Tenant;
    readonly path: string;
    readonly limit: number;
  }): Promise<readonly TrackedArtifact[]>;
  /** Removes the file at a path and those below it, and returns their number. */
  delete(input: { readonly tenant: Tenant; readonly path: string }): Promise<number>;
}

type StoredFile = Columns<typeof trackedArtifacts, 'path' | 'digest'>;

export function createTrackedArtifactRepository({ sql }: Database): TrackedArtifactRepository {
  return {
    put: ({ tenant, path, artifact }) =>
      sql.begin(async (tx) => {
        const { digest, bytes } = artifact;
        const by = `tracking:${path}`;
        await tx`select pg_advisory_xact_lock(hashtextextended(${`${tenant}/${by}`}, 0))`;
        const [before] = await tx<StoredFile[]>`
          select path, digest from tracked_artifacts where tenant_id = ${tenant} and path = ${path}`;
        await referenceArtifact(tx, { tenant, digest, by });
        await tx`
          insert into tracked_artifacts (tenant_id, path, digest, bytes) values (${tenant}, ${path}, ${digest}, ${bytes})
          on conflict on constraint tracked_artifacts_pk do update set digest = excluded.digest, bytes = excluded.bytes, created_at = now()`;
        if (before && before.digest !== digest)
          await unreferenceArtifact(tx, { tenant, by, digest: before.digest });
      }),

    async get({ tenant, path }) {
      const [row] = await sql<ArtifactRef[]>`
        select a.uri, a.digest, a.bytes, a.media_type from tracked_artifacts f
        join artifacts a on a.tenant_id = f.tenant_id and a.digest = f.digest
        where f.tenant_id = ${tenant} and f.path = ${path}
          and a.uri is not null and a.bytes is not null and a.media_type is not null`;
      return row ?? null;
    },

    async below({ tenant, path, limit }) {
      return sql<TrackedArtifact[]>`
        select path, bytes from tracked_artifacts
        where tenant_id = ${tenant} and (path = ${path} or starts_with(path, ${`${path}/`}))
        order by path limit ${limit}`;
    },

    delete: ({ tenant, path }) =>
      sql.begin(async (tx) => {
        const gone = await tx<StoredFile[]>`
          delete from tracked_artifacts
          where tenant_id = ${tenant} and (path = ${path} or starts_with(path, ${`${path}/`}))
          returning path, digest`;
        for (const { path: each } of gone)
          await unreferenceArtifact(tx, { tenant, by: `tracking:${each}` });
        return gone.length;
      }),
  };
}
