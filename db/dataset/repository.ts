import type { Database, Transaction } from '../connection';
import { versionsAroundMoves, lockDataset, move, movedBy, findVersion } from './aliases';
import { createQuarantine } from './quarantine';
import { toJson } from '../document';
import { runIdempotently } from '../idempotency/idempotency';
import { afterKey, rowsToAsk, toPage } from '../page';
import { guardRun } from '../run/guard';
import type { datasetAliases, datasetVersions, datasets } from './schema';
import { appendAudit } from '../audit/entry';
import type { DatasetRepository, DatasetVersionRecord } from './records';

type DatasetVersionRow = typeof datasetVersions.$inferSelect;

export function createDatasetRepository({ sql }: Database): DatasetRepository {
  return {
    register: (input) =>
      sql.begin((tx) => {
        const { idempotencyKey: key, tenant, dataset, manifest, rows, runId, claim } = input;
        const request = { dataset, digest: manifest.digest };
        return runIdempotently(
          tx,
          { tenant, operation: 'dataset.register', key, request },
          async () => {
            if (runId !== null) await guardRun(tx, { tenant, runId, claim });
            const version = await registerVersion(tx, input);
            return { dataset, version, manifest, rows };
          },
        );
      }),

    moveAlias: (input) =>
      sql.begin((tx) => {
        const {
          tenant,
          dataset,
          alias,
          version,
          runId,
          claim,
          actor,
          cause,
          idempotencyKey: key,
        } = input;
        const request = { dataset, alias, version };
        return runIdempotently(
          tx,
          { tenant, operation: 'dataset.moveAlias', key, request },
          async () => {
            if (runId !== undefined) await guardRun(tx, { tenant, runId, claim });
            await lockDataset(tx, tenant, dataset);
            const from = await findVersion(tx, tenant, dataset, alias);
            return {
              from,
              to: version,
              fencing: await move(tx, { tenant, dataset, alias, from, to: version, actor, cause }),
            };
          },
        );
      }),

    restoreAliases: ({ tenant, runId, idempotencyKey: key }) =>
      sql.begin((tx) =>
        runIdempotently(
          tx,
          { tenant, operation: 'dataset.restoreAliases', key, request: { runId } },
          async () => {
            const actor = `run:${runId}`;
            const restored: string[] = [];
            for (const { dataset, alias } of await movedBy(tx, tenant, actor)) {
              await lockDataset(tx, tenant, dataset);
              const target = await versionsAroundMoves(tx, { tenant, dataset, alias, actor });
              if (target === null) continue;
              await move(tx, {
                tenant,
                dataset,
                alias,
                from: target.now,
                to: target.before,
                actor: `${actor}/undo`,
                cause: `undo of ${runId}`,
              });
              restored.push(`${dataset}@${alias}`);
            }
            return restored;
          },
        ),
      ),

    async alias({ tenant, dataset, alias }) {
      const [row] = await sql<
        (DatasetVersionRow & Pick<typeof datasetAliases.$inferSelect, 'fencing' | 'movedAt'>)[]
      >`
        select v.*, a.fencing, a.moved_at from dataset_aliases a
        join dataset_versions v on v.tenant_id = a.tenant_id and v.dataset = a.dataset and v.version = a.version
        where a.tenant_id = ${tenant} and a.dataset = ${dataset} and a.alias = ${alias}`;
      return row
        ? {
            dataset,
            version: row.version,
            manifest: row.manifest,
            rows: row.rows,
            fencing: row.fencing,
            movedAt: row.movedAt,
          }
        : null;
    },

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<
        (typeof datasets.$inferSelect & {
          readonly latest: number | null;
          readonly approved: number | null;
        })[]
      >`
        select d.*, l.version as latest, a.version as approved from datasets d
        left join dataset_aliases l on l.tenant_id = d.tenant_id and l.dataset = d.name and l.alias = 'latest'
        left join dataset_aliases a on a.tenant_id = d.tenant_id and a.dataset = d.name and a.alias = 'approved'
        where d.tenant_id = ${tenant} and ${after === null ? sql`true` : sql`d.name > ${after}`}
        order by d.name limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => row.name,
        ({ name, versions, latest, approved, createdAt }) => ({
          name,
          versions,
          latest,
          approved,
          createdAt,
        }),
      );
    },

    async versions({ tenant, dataset, ...page }) {
      const after = afterKey(page);
      const rows = await sql<DatasetVersionRow[]>`
        select * from dataset_versions where tenant_id = ${tenant} and dataset = ${dataset}
          and ${after === null ? sql`true` : sql`version < ${Number(after)}`}
        order by version desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => String(row.version), toRecord);
    },

    async get({ tenant, dataset, version }) {
      const [row] = await sql<DatasetVersionRow[]>`
        select * from dataset_versions where tenant_id = ${tenant} and dataset = ${dataset} and version = ${version}`;
      return row ? toRecord(row) : null;
    },

    quarantine: createQuarantine(sql),
  };
}

/**
 * Creates the row of the dataset if needed and locks it, so that versions are numbered in order.
 */
async function registerVersion(
  tx: Transaction,
  input: Parameters<DatasetRepository['register']>[0],
): Promise<number> {
  const { tenant, dataset, manifest, rows, columns, statistics, runId } = input;
  await tx`insert into datasets (tenant_id, name) values (${tenant}, ${dataset}) on conflict do nothing`;
  const { versions } = await lockDataset(tx, tenant, dataset);
  const [same] = await tx<Pick<DatasetVersionRow, 'version'>[]>`
    select version from dataset_versions where tenant_id = ${tenant} and dataset = ${dataset} and digest = ${manifest.digest}`;
  if (same) return same.version;
  const version = versions + 1;
  await tx`
    insert into dataset_versions (tenant_id, dataset, version, digest, manifest, rows, columns, statistics, run_id)
    values (${tenant}, ${dataset}, ${version}, ${manifest.digest}, ${toJson(manifest)}, ${rows}, ${toJson(columns)}, ${toJson(statistics)}, ${runId})`;
  await tx`update datasets set versions = ${version} where tenant_id = ${tenant} and name = ${dataset}`;
  await appendAudit(tx, {
    tenant,
    actor: runId === null ? 'perennial' : `run:${runId}`,
    action: 'dataset.register',
    subject: `dataset:${dataset}`,
    cause: 'the data changed',
    after: { version, digest: manifest.digest, rows },
  });
  return version;
}

function toRecord(row: DatasetVersionRow): DatasetVersionRecord {
  const { dataset, version, manifest, rows, columns, statistics, runId, createdAt } = row;
  return { dataset, version, manifest, rows, columns, statistics, runId, createdAt };
}
