import type { Database } from '../connection';
import { runIdempotently } from '../idempotency/idempotency';
import { createIndexAliases } from './aliases';
import { createIndexChanges } from './changes';
import { endVersion, retireVersion } from './end';
import { findBuild, openVersion, sealVersion, toRecord, type VersionRow } from './versions';
import { afterKey, rowsToAsk, toPage } from '../page';
import { guardRun } from '../run/guard';
import type { indexes } from './schema';
import type { IndexRepository } from './records';

export function createIndexRepository({ sql }: Database): IndexRepository {
  const get: IndexRepository['get'] = async ({ tenant, index, version }) => {
    const [row] = await sql<VersionRow[]>`
      select * from index_versions where tenant_id = ${tenant} and index = ${index} and version = ${version}`;
    return row ? toRecord(row) : null;
  };

  return {
    ...createIndexAliases(sql),
    changes: createIndexChanges(sql),
    get,

    open: (input) =>
      sql.begin((tx) => {
        const {
          tenant,
          index,
          recipe,
          dataset,
          datasetVersion,
          runId,
          idempotencyKey: key,
        } = input;
        // Leave out the probe, because an endpoint may round it differently in a second attempt.
        // Leave out `headings`, because another release of this code may set it differently.
        const { headings: _counted, ...chunking } = { headings: undefined, ...recipe.chunking };
        const request = {
          index,
          embedder: recipe.embedder.digest,
          chunking,
          dataset,
          datasetVersion,
        };
        return runIdempotently(tx, { tenant, operation: 'index.open', key, request }, async () => {
          if (runId !== null) await guardRun(tx, { tenant, runId });
          return openVersion(tx, input);
        });
      }),

    async served({ tenant, index, version = 'champion' }) {
      if (typeof version === 'number') {
        const found = await get({ tenant, index, version });
        return found?.state === 'ready' ? found : null;
      }
      const [row] = await sql<VersionRow[]>`
        select v.* from index_aliases a
        join index_versions v on v.tenant_id = a.tenant_id and v.index = a.index and v.version = a.version
        where a.tenant_id = ${tenant} and a.index = ${index} and a.alias = ${version} and v.state = 'ready'`;
      return row ? toRecord(row) : null;
    },

    seal: (input) => sql.begin((tx) => sealVersion(tx, input)),

    end: (input) => sql.begin((tx) => endVersion(tx, input)),

    findBuild: (name) => findBuild(sql, name),

    // `endedBuild` is not part of the request, so it may differ between attempts.
    retire: ({ idempotencyKey: key, tenant, endedBuild = null, ...request }) =>
      sql.begin((tx) =>
        runIdempotently(tx, { tenant, operation: 'index.retire', key, request }, () =>
          retireVersion(tx, { tenant, ...request }, endedBuild),
        ),
      ),

    async ready({ tenant, index }) {
      const rows = await sql<VersionRow[]>`
        select * from index_versions where tenant_id = ${tenant} and index = ${index} and state = 'ready' order by version`;
      return rows.map(toRecord);
    },

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<
        (typeof indexes.$inferSelect & { readonly champion: number | null })[]
      >`
        select i.*, a.version as champion from indexes i
        left join index_aliases a on a.tenant_id = i.tenant_id and a.index = i.name and a.alias = 'champion'
        where i.tenant_id = ${tenant} and ${after === null ? sql`true` : sql`i.name > ${after}`}
        order by i.name limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => row.name,
        ({ name, versions, champion, changes, createdAt }) => ({
          name,
          versions,
          champion,
          changes,
          createdAt,
        }),
      );
    },

    async versions({ tenant, index, ...page }) {
      const after = afterKey(page);
      const rows = await sql<VersionRow[]>`
        select * from index_versions where tenant_id = ${tenant} and index = ${index}
          and ${after === null ? sql`true` : sql`version < ${Number(after)}`}
        order by version desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => String(row.version), toRecord);
    },
  };
}
