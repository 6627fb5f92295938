import type { Digest } from '../../domain/artifact';
import { merkleRoot } from '../../domain/audit-merkle';
import type { Sql } from '../connection';
import type { AuditFinding, AuditHead, AuditReport, AuditRepository } from '../repositories/audit';
import type { StoredAuditRow } from './content';
import { contentOf, leafOf, sha256Hash, storedColumns, toBytes, toDigest } from './content';
import { wrongWithHead } from './head';
import type { HeadRow } from './read-heads';
import { toHead } from './read-heads';

type Verify = Parameters<AuditRepository['verify']>[0];

/** A place in the sealed order as it is found now; `id` is null when its row is gone from the log. */
type Place = { readonly position: number; readonly leaf: Digest } & { readonly [K in keyof StoredAuditRow]: StoredAuditRow[K] | null };

/** Reads the whole sealed log, one batch at a time. */
export async function verifyAudit(sql: Sql, { tenant, publicKeys, storedHeads }: Verify): Promise<AuditReport> {
  const heads = (await sql<HeadRow[]>`select * from audit_heads where tenant_id = ${tenant} order by batch`).map(toHead);
  const findings: AuditFinding[] = [...brokenChain(heads, publicKeys), ...comparedWith(storedHeads ?? [], heads, publicKeys)];
  let rows = 0;
  for (const head of heads) {
    const places = await placesOf(sql, head);
    rows += places.filter((place) => place.id !== null).length;
    findings.push(...brokenBatch(head, places));
  }
  const { beyond, unsealed, lost } = await outside(sql, tenant, heads.at(-1));
  if (beyond > 0) findings.push({ kind: 'cutOff', batch: heads.length + 1, detail: `${beyond} sealed rows have no head: one was removed` });
  if (lost > 0)
    findings.push({
      kind: 'rewritten',
      batch: heads.length,
      detail: `${lost} rows are neither sealed nor waiting to be: their seals were removed`,
    });
  return { rows, batches: heads.length, unsealed, findings, comparedWithStore: storedHeads !== undefined };
}

function brokenChain(heads: readonly AuditHead[], publicKeys: Verify['publicKeys']): AuditFinding[] {
  return heads.flatMap((head, index) => {
    const before = heads[index - 1];
    const findings: AuditFinding[] = [];
    const { batch } = head;
    const expected = before ? before.first + before.count : 1;
    if (batch !== (before?.batch ?? 0) + 1)
      findings.push({ kind: 'cutOff', batch: batch - 1, detail: `the head before batch ${batch} is gone` });
    else if (head.previous !== (before?.digest ?? null) || head.first !== expected) {
      findings.push({ kind: 'rewritten', batch, detail: 'it does not follow from the head before it' });
    }
    const wrong = wrongWithHead(head, publicKeys);
    if (wrong !== null) findings.push({ kind: 'badSignature', batch, detail: wrong });
    return findings;
  });
}

/** Copies kept elsewhere are what shows a cut at the end, and a rewriting by someone who holds the key. */
function comparedWith(stored: readonly AuditHead[], heads: readonly AuditHead[], publicKeys: Verify['publicKeys']): AuditFinding[] {
  return stored.flatMap((copy): AuditFinding[] => {
    const { batch } = copy;
    const wrong = wrongWithHead(copy, publicKeys);
    if (wrong !== null) return [{ kind: 'badSignature', batch, detail: `of its copy: ${wrong}` }];
    const head = heads.find((candidate) => candidate.batch === batch);
    if (!head)
      return [
        { kind: 'cutOff', batch, detail: `its copy of ${copy.sealedAt} names ${copy.count} rows that the log no longer has a head for` },
      ];
    return head.digest === copy.digest
      ? []
      : [{ kind: 'rewritten', batch, detail: `its copy has the digest ${copy.digest}, the log's head ${head.digest}` }];
  });
}

async function placesOf(sql: Sql, { tenant, batch }: AuditHead): Promise<readonly Place[]> {
  return sql<Place[]>`
    select s.position, s.leaf, ${storedColumns(sql)} from audit_seals s
    left join audit_log l on l.tenant_id = s.tenant_id and l.id = s.audit_id
    where s.tenant_id = ${tenant} and s.batch = ${batch} order by s.position`;
}

function brokenBatch(head: AuditHead, places: readonly Place[]): AuditFinding[] {
  const { batch, first, count } = head;
  const found = new Map(places.map((place) => [place.position, place]));
  const findings: AuditFinding[] = [];
  for (let position = first; position < first + count; position++) {
    const place = found.get(position);
    if (!place) findings.push({ kind: 'missing', sealedAs: position, detail: `its seal is gone from batch ${batch}` });
    else if (place.id === null) findings.push({ kind: 'missing', sealedAs: position, detail: 'the row is gone from the log' });
    else if (leafOf(contentOf(place as StoredAuditRow)) !== place.leaf) {
      findings.push({ kind: 'changed', sealedAs: position, detail: `row ${place.id} is not what was sealed` });
    }
  }
  const complete = places.length === count && places.every((place, index) => place.position === first + index);
  if (
    complete &&
    toDigest(
      merkleRoot(
        sha256Hash,
        places.map((place) => toBytes(place.leaf)),
      ),
    ) !== head.root
  ) {
    findings.push({ kind: 'rewritten', batch, detail: 'its seals do not give the root that was signed' });
  }
  return findings;
}

async function outside(
  sql: Sql,
  tenant: string,
  last: AuditHead | undefined,
): Promise<{ readonly beyond: number; readonly unsealed: number; readonly lost: number }> {
  const end = last ? last.first + last.count : 1;
  const [counts] = await sql<{ beyond: number; unsealed: number; lost: number }[]>`
    select (select count(*) from audit_seals where tenant_id = ${tenant} and position >= ${end}) as beyond,
      (select count(*) from audit_pending where tenant_id = ${tenant}) as unsealed,
      (select count(*) from audit_log l where l.tenant_id = ${tenant}
        and not exists (select from audit_seals s where s.tenant_id = l.tenant_id and s.audit_id = l.id)
        and not exists (select from audit_pending p where p.tenant_id = l.tenant_id and p.audit_id = l.id)) as lost`;
  return counts ?? { beyond: 0, unsealed: 0, lost: 0 };
}
