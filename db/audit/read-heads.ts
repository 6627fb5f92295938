import type { Tenant } from '../../domain/ids';
import type { Query } from '../connection';
import type { AuditHead } from './records';
import type { auditHeads } from './schema';

export type HeadRow = typeof auditHeads.$inferSelect;

export async function lastHead(sql: Query, tenant: Tenant): Promise<HeadRow | null> {
  const [row] = await sql<
    HeadRow[]
  >`select * from audit_heads where tenant_id = ${tenant} order by batch desc limit 1`;
  return row ?? null;
}

export async function findHead(
  sql: Query,
  tenant: Tenant,
  batch: number,
): Promise<AuditHead | null> {
  const [row] = await sql<
    HeadRow[]
  >`select * from audit_heads where tenant_id = ${tenant} and batch = ${batch}`;
  return row ? toHead(row) : null;
}

const pageSize = 500;

/** The heads after the batch `after`, up to and including `through`, in order. */
export async function* headsBetween(
  sql: Query,
  {
    tenant,
    after,
    through,
  }: { readonly tenant: Tenant; readonly after: number; readonly through: number },
): AsyncGenerator<AuditHead> {
  for (let from = after; ;) {
    const rows = await sql<HeadRow[]>`
      select * from audit_heads where tenant_id = ${tenant} and batch > ${from} and batch <= ${through} order by batch limit ${pageSize}`;
    for (const row of rows) yield toHead(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    from = last.batch;
  }
}

export function toHead(row: HeadRow): AuditHead {
  const {
    tenantId: tenant,
    batch,
    first,
    count,
    root,
    previous,
    sealedAt,
    digest,
    keyId,
    signature,
  } = row;
  return { tenant, batch, first, count, root, previous, sealedAt, digest, keyId, signature };
}
