import { failure } from '../../domain/failure';
import type { Sql } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import { afterKey, rowsToAsk, toPage } from '../page';
import { guardRun } from '../run/guard';
import type { DatasetRepository, QuarantineRecord } from './records';
import type { quarantines } from './schema';
import { appendAudit } from '../audit/entry';

export function createQuarantine(sql: Sql): DatasetRepository['quarantine'] {
  return {
    put: ({ tenant, dataset, version, runId, rows, artifact, reasons, claim }) =>
      sql.begin(async (tx) => {
        await guardRun(tx, { tenant, runId, claim });
        const [row] = await tx<(typeof quarantines.$inferSelect)[]>`
          insert into quarantines (tenant_id, id, dataset, version, run_id, rows, artifact, reasons)
          values (${tenant}, ${newId('qua')}, ${dataset}, ${version}, ${runId}, ${rows}, ${toJson(artifact)}, ${toJson(reasons)})
          on conflict on constraint quarantines_run_unique do update set rows = excluded.rows, artifact = excluded.artifact, reasons = excluded.reasons
          returning *`;
        if (!row) throw failure('NotFound', `there is no ${dataset}@${version}`);
        return toQuarantine(row);
      }),

    async list({ tenant, dataset, ...page }) {
      const after = afterKey(page);
      const rows = await sql<(typeof quarantines.$inferSelect)[]>`
        select * from quarantines where tenant_id = ${tenant} and dataset = ${dataset} and ${after === null ? sql`true` : sql`id < ${after}`}
        order by id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toQuarantine);
    },

    inspect: ({ tenant, dataset, id, rows, actor }) =>
      sql.begin(async (tx) => {
        const [row] = await tx<(typeof quarantines.$inferSelect)[]>`
          select * from quarantines where tenant_id = ${tenant} and dataset = ${dataset} and id = ${id}`;
        if (!row) return null;
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'dataset.readQuarantine',
          subject: `dataset:${dataset}`,
          cause: 'asked for rows in quarantine',
          after: { quarantine: id, version: row.version, rows: Math.min(rows, row.rows) },
        });
        return toQuarantine(row);
      }),
  };
}

function toQuarantine({
  id,
  dataset,
  version,
  runId,
  rows,
  artifact,
  reasons,
  createdAt,
}: typeof quarantines.$inferSelect): QuarantineRecord {
  return { id, dataset, version, runId, rows, artifact, reasons, createdAt };
}
