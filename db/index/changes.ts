import { failure } from '../../domain/failure';
import type { Sql } from '../connection';
import { toJson } from '../document';
import { runIdempotently } from '../idempotency/idempotency';
import type { IndexChange, IndexChangeRepository } from './records';
import type { indexChanges } from './schema';
import { appendAudit } from '../audit/entry';
import { enqueueOutbox } from '../notification/outbox-entry';
import { lockIndex } from './state';

export function createIndexChanges(sql: Sql): IndexChangeRepository {
  return {
    append: ({ idempotencyKey: key, tenant, ...request }) =>
      sql.begin((tx) =>
        runIdempotently(tx, { tenant, operation: 'index.change', key, request }, async () => {
          const { index, documents, deleted, actor } = request;
          const seq = (await lockIndex(tx, { tenant, index })).changes + 1;
          await tx`update indexes set changes = ${seq} where tenant_id = ${tenant} and name = ${index}`;
          await tx`
            insert into index_changes (tenant_id, index, seq, documents, deleted, actor)
            values (${tenant}, ${index}, ${seq}, ${toJson(documents)}, ${toJson(deleted)}, ${actor})`;
          const after = { seq, documents: documents?.digest ?? null, deleted: deleted.length };
          await appendAudit(tx, {
            tenant,
            actor,
            action: 'index.change',
            subject: `index:${index}`,
            cause: 'documents changed',
            after,
          });
          await enqueueOutbox(tx, { tenant, topic: 'index.changed', payload: { index } });
          return { seq };
        }),
      ),

    async after({ tenant, index, seq, limit }) {
      const rows = await sql<(typeof indexChanges.$inferSelect)[]>`
        select * from index_changes where tenant_id = ${tenant} and index = ${index} and seq > ${seq} order by seq limit ${limit}`;
      return rows.map(({ seq: at, documents, deleted }): IndexChange => ({
        seq: at,
        documents,
        deleted,
      }));
    },

    applied: ({ tenant, index, version, from, to, tableVersion, chunks, documents }) =>
      sql.begin(async (tx) => {
        const [moved] = await tx`
          update index_versions set applied = ${to}, table_version = ${tableVersion}, chunks = ${chunks}, documents = ${documents}, updated_at = now()
          where tenant_id = ${tenant} and index = ${index} and version = ${version} and applied = ${from} and state in ('building', 'ready')
          returning version`;
        if (!moved)
          throw failure(
            'FencedOff',
            `the changes after ${from} were already applied to ${index}@${version} by another process`,
          );
      }),
  };
}
