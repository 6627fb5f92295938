import type { Digest } from '../../domain/artifact';
import { merkleRoot } from '../../domain/audit/merkle';
import type { Tenant } from '../../domain/ids';
import type { Columns } from '../columns';
import type { Query, Sql } from '../connection';
import type {
  AuditCheckpoint,
  AuditFinding,
  AuditHead,
  AuditKey,
  AuditReport,
  AuditRepository,
} from './records';
import { compareKeys, openComparison } from './compare-copies';
import type { StoredAuditRow } from './content';
import { formatContent, hashLeaf, sha256Hash, storedColumns, toBytes, toDigest } from './content';
import { readCopyPosition, type CopyPosition } from './copy';
import { headProblem } from './head';
import {
  computeFingerprint,
  assessKeyTrust,
  listPublicKeys,
  readKeys,
  type KeyTrust,
} from './keys';
import { findHead, headsBetween, lastHead, toHead } from './read-heads';
import { maxBatch } from './seal';
import type { auditSeals } from './schema';

type Verify = Parameters<AuditRepository['verify']>[0];

/** A position in the sealed order with its current row; `id` is null when the row is missing. */
type VerifiedPlace = { readonly position: number; readonly leaf: Digest } & {
  readonly [K in keyof StoredAuditRow]: StoredAuditRow[K] | null;
};

/** A deleted log would otherwise be reported row by row. */
const maxFindings = 1_000;

/**
 * Verifies the sealed log one batch at a time. Its end and the unsealed rows are read in one
 * snapshot, because rows are sealed meanwhile; earlier batches never change. Copies are read after
 * the snapshot: those recorded in it must exist, and a later copy must have its head in the
 * database by now.
 */
export async function verifyAudit(
  sql: Sql,
  { tenant, trust, archives, from }: Verify,
): Promise<AuditReport> {
  const { last, keys, copied, now, unsealed, unsealedSince, ...outside } = await snapshot(sql, {
    tenant,
    archives,
    from,
  });
  const anchors = findAnchors(trust, keys);
  const keyTrust = assessKeyTrust(keys, anchors.fingerprints);
  const found = openFindings();
  const after = from?.batch ?? 0;
  const through = last?.batch ?? 0;
  const headNow = (batch: number) => findHead(sql, tenant, batch);
  let before = after === 0 ? null : await headNow(after);
  if (from !== undefined && before?.digest !== from.digest) {
    const instead =
      before === null ? 'there is no such head' : `its head has the digest ${before.digest}`;
    found.add({
      kind: 'rewritten',
      batch: from.batch,
      detail: `the checkpoint names ${from.digest}, but ${instead}`,
    });
  }
  const comparisons = archives.map((archive, place) =>
    openComparison(archive, {
      tenant,
      after,
      now,
      copied: copied[place]?.heads ?? 0,
      headNow,
      keyTrust,
    }),
  );
  const signedBy = new Map<string, { first: number; last: number }>();
  let [rows, batches] = [0, 0];
  for await (const head of headsBetween(sql, { tenant, after, through })) {
    batches += 1;
    found.add(...chainFindings(head, before, keyTrust));
    for (const comparison of comparisons) found.add(...(await comparison.meet(head)));
    const places = await readPlaces(sql, head);
    rows += places.filter((place) => place.id !== null).length;
    found.add(...batchFindings(head, places));
    signedBy.set(head.keyId, {
      first: signedBy.get(head.keyId)?.first ?? head.batch,
      last: head.batch,
    });
    before = head;
  }
  for (const comparison of comparisons) found.add(...(await comparison.finish()));
  for (const [place, archive] of archives.entries()) {
    found.add(
      ...(await compareKeys(archive, {
        tenant,
        keys,
        keysNow: () => readKeys(sql, tenant),
        now,
        copied: copied[place]?.keys ?? 0,
      })),
    );
  }
  found.add(...keyFindings(keyTrust, signedBy, anchors));
  if (outside.beyond > 0)
    found.add({
      kind: 'cutOff',
      batch: through + 1,
      detail: `${outside.beyond} sealed rows have no head: one was removed`,
    });
  if (outside.lost > 0) {
    const detail = `${outside.lost} rows are neither sealed nor waiting to be: their seals were removed`;
    found.add({ kind: 'rewritten', batch: through, detail });
  }
  return {
    rows,
    batches,
    unsealed,
    unsealedSince,
    from: from ?? null,
    checkpoint: last === null ? null : { batch: last.batch, digest: last.digest },
    trustedBy: anchors.by,
    keys: keyTrust.map(toReportedKey),
    copies: comparisons.map((comparison) => comparison.report()),
    ...found.all(),
  };
}

interface SnapshotRequest {
  readonly tenant: Tenant;
  readonly archives: Verify['archives'];
  readonly from: AuditCheckpoint | undefined;
}

async function snapshot(sql: Sql, { tenant, archives, from }: SnapshotRequest) {
  return sql.begin(async (tx) => {
    await tx.unsafe('set transaction isolation level repeatable read, read only');
    const last = await lastHead(tx, tenant);
    const copied: CopyPosition[] = [];
    for (const { place } of archives) copied.push(await readCopyPosition(tx, tenant, place));
    return {
      last: last && toHead(last),
      keys: await readKeys(tx, tenant),
      copied,
      ...(await countRowsOutsideHeads(tx, {
        tenant,
        end: last ? last.first + last.count : 1,
        from,
      })),
    };
  });
}

interface RowsOutsideHeads {
  readonly now: string;
  /** Rows sealed after the last head. */
  readonly beyond: number;
  readonly unsealed: number;
  readonly unsealedSince: string | null;
  /**
   * Rows neither sealed nor pending. With a checkpoint, only rows whose ids are not older than the
   * first of its batch are checked.
   */
  readonly lost: number;
}

async function countRowsOutsideHeads(
  tx: Query,
  {
    tenant,
    end,
    from,
  }: { readonly tenant: Tenant; readonly end: number; readonly from: AuditCheckpoint | undefined },
): Promise<RowsOutsideHeads> {
  // A separate query, so that PostgreSQL can estimate the few remaining rows and look up their
  // seals one by one.
  const oldest = from === undefined ? '' : await findFirstRow(tx, { tenant, batch: from.batch });
  const [counts] = await tx<RowsOutsideHeads[]>`
    select now() as now, (select count(*) from audit_seals where tenant_id = ${tenant} and position >= ${end}) as beyond,
      (select count(*) from audit_pending where tenant_id = ${tenant}) as unsealed,
      (select min(l.at) from audit_pending p join audit_log l on l.tenant_id = p.tenant_id and l.id = p.audit_id
        where p.tenant_id = ${tenant}) as unsealed_since,
      (select count(*) from audit_log l where l.tenant_id = ${tenant} and l.id >= ${oldest}
        and not exists (select from audit_seals s where s.tenant_id = l.tenant_id and s.audit_id = l.id)
        and not exists (select from audit_pending p where p.tenant_id = l.tenant_id and p.audit_id = l.id)) as lost`;
  return (
    counts ?? {
      now: new Date().toISOString(),
      beyond: 0,
      unsealed: 0,
      unsealedSince: null,
      lost: 0,
    }
  );
}

async function findFirstRow(
  tx: Query,
  { tenant, batch }: { readonly tenant: Tenant; readonly batch: number },
): Promise<string> {
  const [row] = await tx<Columns<typeof auditSeals, 'auditId'>[]>`
    select s.audit_id from audit_heads h join audit_seals s on s.tenant_id = h.tenant_id and s.position = h.first
    where h.tenant_id = ${tenant} and h.batch = ${batch}`;
  return row?.auditId ?? '';
}

interface Anchors {
  readonly by: AuditReport['trustedBy'];
  readonly fingerprints: readonly Digest[];
}

function findAnchors(
  { fingerprints, ownKey }: Verify['trust'],
  keys: readonly AuditKey[],
): Anchors {
  if (fingerprints.length > 0) return { by: 'setting', fingerprints };
  if (ownKey !== null) return { by: 'ownKey', fingerprints: [ownKey] };
  return {
    by: 'firstKey',
    fingerprints: keys.slice(0, 1).map(({ publicKey }) => computeFingerprint(publicKey)),
  };
}

function chainFindings(
  head: AuditHead,
  before: AuditHead | null,
  keyTrust: readonly KeyTrust[],
): AuditFinding[] {
  const { batch } = head;
  const findings: AuditFinding[] = [];
  if (batch !== (before?.batch ?? 0) + 1) {
    findings.push({
      kind: 'cutOff',
      batch: batch - 1,
      detail: `the head before batch ${batch} is missing`,
    });
  } else if (
    head.previous !== (before?.digest ?? null) ||
    head.first !== (before ? before.first + before.count : 1)
  ) {
    findings.push({
      kind: 'rewritten',
      batch,
      detail: 'it does not continue the head before it',
    });
  }
  const wrong = headProblem(head, listPublicKeys(keyTrust)) ?? keyPeriodProblem(head, keyTrust);
  if (wrong !== null) findings.push({ kind: 'badSignature', batch, detail: wrong });
  return findings;
}

function keyPeriodProblem(
  { batch, keyId }: AuditHead,
  keyTrust: readonly KeyTrust[],
): string | null {
  const trust = keyTrust.find(({ key }) => key.keyId === keyId);
  if (trust === undefined) return null;
  const { key, untilBatch } = trust;
  if (batch < key.fromBatch) return `the key ${keyId} may sign from batch ${key.fromBatch} on`;
  return untilBatch !== null && batch >= untilBatch
    ? `the key ${keyId} was replaced from batch ${untilBatch} on`
    : null;
}

/** The range of positions uses the primary key; there is no index by batch. */
export function readPlaces(
  sql: Query,
  { tenant, first, count }: Pick<AuditHead, 'tenant' | 'first' | 'count'>,
) {
  return sql<VerifiedPlace[]>`
    select s.position, s.leaf, ${storedColumns(sql)} from audit_seals s
    left join lateral (select * from audit_log r where r.tenant_id = ${tenant} and r.id = s.audit_id offset 0) l on true
    where s.tenant_id = ${tenant} and s.position >= ${first} and s.position < ${first + Math.min(count, maxBatch)} order by s.position`;
}

function batchFindings(
  { batch, first, count, root }: AuditHead,
  places: readonly VerifiedPlace[],
): AuditFinding[] {
  if (count > maxBatch)
    return [
      { kind: 'rewritten', batch, detail: `it claims ${count} rows, more than a batch holds` },
    ];
  const found = new Map(places.map((place) => [place.position, place]));
  const findings: AuditFinding[] = [];
  for (let position = first; position < first + count; position++) {
    const place = found.get(position);
    if (!place)
      findings.push({
        kind: 'missing',
        sealedAs: position,
        detail: `its seal is missing from batch ${batch}`,
      });
    else if (place.id === null)
      findings.push({
        kind: 'missing',
        sealedAs: position,
        detail: 'the row is missing from the log',
      });
    else if (hashLeaf(formatContent(place as StoredAuditRow)) !== place.leaf) {
      findings.push({
        kind: 'changed',
        sealedAs: position,
        detail: `row ${place.id} differs from what was sealed`,
      });
    }
  }
  if (places.length === count && computeRoot(places) !== root) {
    findings.push({
      kind: 'rewritten',
      batch,
      detail: 'its seals do not produce the signed root',
    });
  }
  return findings;
}

function computeRoot(places: readonly VerifiedPlace[]): Digest {
  return toDigest(
    merkleRoot(
      sha256Hash,
      places.map(({ leaf }) => toBytes(leaf)),
    ),
  );
}

function keyFindings(
  keyTrust: readonly KeyTrust[],
  signedBy: ReadonlyMap<string, { readonly first: number; readonly last: number }>,
  anchors: Anchors,
): AuditFinding[] {
  const distrusted = keyTrust.flatMap(
    ({ key: { keyId, kind, addedAt, addedBy }, distrust }): AuditFinding[] => {
      if (distrust === null) return [];
      const signed = signedBy.get(keyId);
      const batches =
        signed === undefined
          ? 'it signed no batch here'
          : `it signed batches between ${signed.first} and ${signed.last}`;
      return [
        {
          kind: 'untrustedKey',
          keyId,
          detail: `${distrust} (${kind} by ${addedBy} at ${addedAt}; ${batches})`,
        },
      ];
    },
  );
  const absent = anchors.fingerprints
    .filter(
      (anchor) =>
        keyTrust.length > 0 && !keyTrust.some(({ fingerprint }) => fingerprint === anchor),
    )
    .map((anchor): AuditFinding => {
      const whose =
        anchors.by === 'setting' ? 'of PERENNIAL_AUDIT_TRUSTED_KEYS' : 'of this machine';
      return {
        kind: 'untrustedKey',
        keyId: anchor,
        detail: `the key ${whose} is not in the registry: it was never added, or the registry was replaced`,
      };
    });
  return [...distrusted, ...absent];
}

function toReportedKey({
  key,
  fingerprint,
  distrust,
  untilBatch,
}: KeyTrust): AuditReport['keys'][number] {
  const { keyId, kind, previous, fromBatch, addedAt, addedBy } = key;
  return {
    keyId,
    fingerprint,
    kind,
    previous,
    fromBatch,
    untilBatch,
    addedAt,
    addedBy,
    trusted: distrust === null,
  };
}

function openFindings() {
  const kept: AuditFinding[] = [];
  let further = 0;
  return {
    add(...found: readonly AuditFinding[]) {
      const room = maxFindings - kept.length;
      kept.push(...found.slice(0, room));
      further += Math.max(found.length - room, 0);
    },
    all: () => ({ findings: kept, furtherFindings: further }),
  };
}
