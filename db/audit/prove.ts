import { inclusionPath, rootFromPath } from '../../domain/audit/merkle';
import type { Columns } from '../columns';
import type { Sql } from '../connection';
import type { AuditProof, AuditRepository } from './records';
import type { StoredAuditRow } from './content';
import { formatContent, hashLeaf, sha256Hash, storedColumns, toBytes, toDigest } from './content';
import { headProblem } from './head';
import type { HeadRow } from './read-heads';
import { toHead } from './read-heads';
import type { auditSeals } from './schema';

export async function proveRow(
  sql: Sql,
  { tenant, id }: Parameters<AuditRepository['prove']>[0],
): Promise<AuditProof | null> {
  const [row] = await sql<(StoredAuditRow & Columns<typeof auditSeals, 'position' | 'batch'>)[]>`
    select s.position, s.batch, ${storedColumns(sql)} from audit_log l
    join audit_seals s on s.tenant_id = l.tenant_id and s.audit_id = l.id where l.tenant_id = ${tenant} and l.id = ${id}`;
  if (!row) return null;
  const [head] = await sql<
    HeadRow[]
  >`select * from audit_heads where tenant_id = ${tenant} and batch = ${row.batch}`;
  if (!head) return null;
  const leaves = await sql<Columns<typeof auditSeals, 'leaf'>[]>`
    select leaf from audit_seals where tenant_id = ${tenant} and position >= ${head.first} and position < ${head.first + head.count} order by position`;
  const index = row.position - head.first;
  const path = inclusionPath(
    sha256Hash,
    leaves.map(({ leaf }) => toBytes(leaf)),
    index,
  ).map(toDigest);
  return { content: formatContent(row), index, path, head: toHead(head) };
}

/**
 * Null when the proof shows that `content` was sealed under a signed head, else what is wrong.
 * Needs no database.
 */
export function proofProblem(
  proof: AuditProof,
  publicKeys: Readonly<Record<string, string>>,
): string | null {
  const { content, index, path, head } = proof;
  const wrong = headProblem(head, publicKeys);
  if (wrong !== null) return `the head of batch ${head.batch}: ${wrong}`;
  const root = rootFromPath(sha256Hash, toBytes(hashLeaf(content)), {
    index,
    size: head.count,
    path: path.map(toBytes),
  });
  return root !== null && toDigest(root) === head.root
    ? null
    : 'the content and its path do not produce the signed root';
}
