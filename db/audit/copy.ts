import type { Tenant } from '../../domain/ids';
import type { Columns } from '../columns';
import type { Query, Sql } from '../connection';
import type { AuditArchive } from './records';
import { readKeys } from './keys';
import type { HeadRow } from './read-heads';
import { toHead } from './read-heads';
import type { auditCopies } from './schema';

/** The last head and key copied to a place; 0 for none. */
export interface CopyPosition {
  readonly heads: number;
  readonly keys: number;
}

export async function readCopyPosition(
  sql: Query,
  tenant: Tenant,
  place: string,
): Promise<CopyPosition> {
  const [row] = await sql<Columns<typeof auditCopies, 'headsThrough' | 'keysThrough'>[]>`
    select heads_through, keys_through from audit_copies where tenant_id = ${tenant} and place = ${place}`;
  return { heads: row?.headsThrough ?? 0, keys: row?.keysThrough ?? 0 };
}

const pageSize = 500;

/**
 * Copies missing keys and heads to a place, in order. After a crash it may store some of them
 * again, which is harmless.
 */
export async function copyTo(sql: Sql, tenant: Tenant, archive: AuditArchive): Promise<void> {
  let { heads: through } = await readCopyPosition(sql, tenant, archive.place);
  const { keys: keysThrough } = await readCopyPosition(sql, tenant, archive.place);
  for (const key of await readKeys(sql, tenant)) {
    if (key.sequence <= keysThrough) continue;
    await archive.storeKey(key);
    await move(sql, { tenant, place: archive.place, heads: 0, keys: key.sequence });
  }
  for (;;) {
    const rows = await sql<HeadRow[]>`
      select * from audit_heads where tenant_id = ${tenant} and batch > ${through} order by batch limit ${pageSize}`;
    for (const row of rows) {
      await archive.storeHead(toHead(row));
      await move(sql, { tenant, place: archive.place, heads: row.batch, keys: 0 });
      through = row.batch;
    }
    if (rows.length < pageSize) return;
  }
}

async function move(
  sql: Sql,
  {
    tenant,
    place,
    heads,
    keys,
  }: CopyPosition & { readonly tenant: Tenant; readonly place: string },
): Promise<void> {
  await sql`
    insert into audit_copies as c (tenant_id, place, heads_through, keys_through) values (${tenant}, ${place}, ${heads}, ${keys})
    on conflict (tenant_id, place) do update set
      heads_through = greatest(c.heads_through, excluded.heads_through), keys_through = greatest(c.keys_through, excluded.keys_through)`;
}
