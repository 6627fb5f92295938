import { merkleRoot } from '../../domain/audit-merkle';
import type { Tenant } from '../../domain/ids';
import { advisoryLocks } from '../advisory-locks';
import type { Sql, Transaction } from '../connection';
import type { AuditHead, AuditRepository } from '../repositories/audit';
import type { StoredAuditRow } from './content';
import { contentOf, leafOf, sha256Hash, storedColumns, toBytes, toDigest } from './content';
import { signHead } from './head';
import { lastHead, toHead } from './read-heads';

type Seal = Parameters<AuditRepository['seal']>[0];

const largestBatch = 10_000;

/**
 * First hands on a head whose copy an earlier sealer could not store, and makes no new one before that worked: at most one head is ever
 * without a copy. Then folds what is pending. A row takes its place in the order here, so one that commits late is sealed later, never skipped.
 */
export async function seal(sql: Sql, { tenant, signer, store, limit = largestBatch }: Seal): Promise<AuditHead | 'busy' | null> {
  const unstored = await sql<
    Parameters<typeof toHead>[0][]
  >`select * from audit_heads where tenant_id = ${tenant} and stored_at is null order by batch`;
  for (const row of unstored) await storeCopy(sql, toHead(row), store);
  const head = await sql.begin(async (tx) => {
    const [lock] = await tx<{ held: boolean }[]>`
      select pg_try_advisory_xact_lock(${advisoryLocks.auditSealer}, hashtext(${tenant})) as held`;
    if (!lock?.held) return 'busy';
    const last = await lastHead(tx, tenant);
    // Another sealer came in between and is about to store its head.
    if (last?.storedAt === null) return 'busy';
    return fold(tx, { tenant, signer, limit: Math.min(limit, largestBatch), previous: last ? toHead(last) : null });
  });
  if (head !== null && head !== 'busy') await storeCopy(sql, head, store);
  return head;
}

/** Storing the same head again must be harmless for `store`: its answer may have been lost. */
async function storeCopy(sql: Sql, head: AuditHead, store: Seal['store']): Promise<void> {
  await store(head);
  await sql`update audit_heads set stored_at = now() where tenant_id = ${head.tenant} and batch = ${head.batch} and stored_at is null`;
}

interface Fold {
  readonly tenant: Tenant;
  readonly signer: Seal['signer'];
  readonly limit: number;
  readonly previous: AuditHead | null;
}

async function fold(tx: Transaction, { tenant, signer, limit, previous }: Fold): Promise<AuditHead | null> {
  const rows = await tx<StoredAuditRow[]>`
    select ${storedColumns(tx)} from audit_pending p join audit_log l on l.tenant_id = p.tenant_id and l.id = p.audit_id
    where p.tenant_id = ${tenant} order by p.audit_id limit ${limit}`;
  if (rows.length === 0) return null;
  const leaves = rows.map((row) => leafOf(contentOf(row)));
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
