import { inclusionPath } from '../../domain/audit/merkle';
import { failure } from '../../domain/failure';
import type { Columns } from '../columns';
import type { Sql } from '../connection';
import type { AuditProof, AuditRepository } from './records';
import type { StoredAuditRow } from './content';
import { formatContent, sha256Hash, storedColumns, toBytes, toDigest } from './content';
import type { HeadRow } from './read-heads';
import { toHead } from './read-heads';
import type { auditKeys, auditLog, auditSeals } from './schema';

type SealedRow = StoredAuditRow & Columns<typeof auditSeals, 'position' | 'batch'>;

/** @throws NotFound for an unknown row, Conflict for one that is not sealed yet */
export async function proveRow(
  sql: Sql,
  { tenant, id }: Parameters<AuditRepository['prove']>[0],
): Promise<AuditProof> {
  const [row] = await sql<SealedRow[]>`
    select s.position, s.batch, ${storedColumns(sql)} from audit_log l
    join audit_seals s on s.tenant_id = l.tenant_id and s.audit_id = l.id where l.tenant_id = ${tenant} and l.id = ${id}`;
  const [head] = row
    ? await sql<(HeadRow & Columns<typeof auditKeys, 'publicKey'>)[]>`
        select h.*, k.public_key from audit_heads h
        join audit_keys k on k.tenant_id = h.tenant_id and k.key_id = h.key_id
        where h.tenant_id = ${tenant} and h.batch = ${row.batch}`
    : [];
  if (!row || !head) throw await explainMissingProof(sql, { tenant, id });
  const leaves = await sql<Columns<typeof auditSeals, 'leaf'>[]>`
    select leaf from audit_seals where tenant_id = ${tenant} and position >= ${head.first} and position < ${head.first + head.count} order by position`;
  const index = row.position - head.first;
  const path = inclusionPath(
    sha256Hash,
    leaves.map(({ leaf }) => toBytes(leaf)),
    index,
  ).map(toDigest);
  return {
    content: formatContent(row),
    index,
    path,
    head: toHead(head),
    publicKey: head.publicKey,
  };
}

async function explainMissingProof(
  sql: Sql,
  { tenant, id }: Parameters<AuditRepository['prove']>[0],
): Promise<Error> {
  const [row] = await sql<Columns<typeof auditLog, 'id'>[]>`
    select id from audit_log where tenant_id = ${tenant} and id = ${id}`;
  if (!row)
    return failure('NotFound', `there is no audit row ${id}`, { next: 'perennial audit list' });
  return failure('Conflict', `the audit row ${id} is not sealed yet`, {
    next: `wait for the next sealing, which takes some 10 s, and run: perennial audit prove ${id}`,
  });
}
