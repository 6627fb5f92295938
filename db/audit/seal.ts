import { merkleRoot } from '../../domain/audit/merkle';
import type { Tenant } from '../../domain/ids';
import { advisoryLocks } from '../advisory-locks';
import type { Sql, Transaction } from '../connection';
import type { AuditHead, AuditRepository } from './records';
import type { StoredAuditRow } from './content';
import { formatContent, hashLeaf, sha256Hash, storedColumns, toBytes, toDigest } from './content';
import { readCopyPosition, copyTo } from './copy';
import { signHead } from './head';
import { checkMaySign, readKeys } from './keys';
import { lastHead, toHead } from './read-heads';

type Seal = Parameters<AuditRepository['seal']>[0];

/** The largest number of rows in one batch. */
export const maxBatch = 10_000;
/** Hashing this many rows blocks the process for about 20 ms. */
const defaultBatch = 1_000;

/**
 * Copies the outstanding heads first, so at most one head has no copy in the first archive. Then
 * seals pending rows. Rows get their position here, so a late commit is sealed later and never
 * skipped.
 */
export async function seal(
  sql: Sql,
  { tenant, signer, archive, limit = defaultBatch }: Seal,
): Promise<AuditHead | 'busy' | null> {
  await copyTo(sql, tenant, archive);
  const head = await sql.begin(async (tx) => {
    const [lock] = await tx<{ held: boolean }[]>`
      select pg_try_advisory_xact_lock(${advisoryLocks.auditSealer}, hashtext(${tenant})) as held`;
    if (!lock?.held) return 'busy';
    // A rotation takes the same lock, so a replaced key cannot sign another batch.
    checkMaySign(await readKeys(tx, tenant), signer);
    const last = await lastHead(tx, tenant);
    // Another sealer is about to copy its head.
    if (last !== null && last.batch > (await readCopyPosition(tx, tenant, archive.place)).heads)
      return 'busy';
    return fold(tx, {
      tenant,
      signer,
      limit: Math.min(limit, maxBatch),
      previous: last ? toHead(last) : null,
    });
  });
  if (head !== null && head !== 'busy') await copyTo(sql, tenant, archive);
  return head;
}

interface BatchInput {
  readonly tenant: Tenant;
  readonly signer: Seal['signer'];
  readonly limit: number;
  readonly previous: AuditHead | null;
}

/**
 * `offset 0` makes the planner look up each row. Without statistics it would otherwise compare
 * every row with every pending one.
 */
async function fold(
  tx: Transaction,
  { tenant, signer, limit, previous }: BatchInput,
): Promise<AuditHead | null> {
  const rows = await tx<StoredAuditRow[]>`
    select ${storedColumns(tx)} from (select audit_id from audit_pending where tenant_id = ${tenant} order by audit_id limit ${limit}) p
    cross join lateral (select * from audit_log r where r.tenant_id = ${tenant} and r.id = p.audit_id offset 0) l order by l.id`;
  if (rows.length === 0) return null;
  const leaves = rows.map((row) => hashLeaf(formatContent(row)));
  const first = previous ? previous.first + previous.count : 1;
  const head = await signHead(
    {
      tenant,
      batch: previous ? previous.batch + 1 : 1,
      first,
      count: rows.length,
      root: toDigest(merkleRoot(sha256Hash, leaves.map(toBytes))),
      previous: previous?.digest ?? null,
      sealedAt: new Date().toISOString(),
    },
    signer,
  );
  await tx`
    insert into audit_heads (tenant_id, batch, first, count, root, previous, sealed_at, digest, key_id, signature)
    values (${tenant}, ${head.batch}, ${first}, ${head.count}, ${head.root}, ${head.previous}, ${head.sealedAt}, ${head.digest}, ${head.keyId}, ${head.signature})`;
  const ids = rows.map((row) => row.id);
  await tx`
    insert into audit_seals (tenant_id, position, audit_id, leaf, batch)
    select ${tenant}, ${first} + place - 1, id, leaf, ${head.batch} from unnest(${ids}::text[], ${leaves}::text[]) with ordinality as s (id, leaf, place)`;
  await tx`delete from audit_pending where tenant_id = ${tenant} and audit_id = any(${ids})`;
  return head;
}
