/**
 * Compares the log with copies outside the database. They reveal removed heads at the end, and
 * changes by someone who has a signing key.
 */
import { canonicalJson } from '../../domain/canonical';
import type { Tenant } from '../../domain/ids';
import type { AuditArchive, AuditFinding, AuditHead, AuditKey, AuditReport } from './records';
import { headProblem } from './head';
import { listPublicKeys, type KeyTrust } from './keys';

/**
 * Heads and keys are copied within seconds. After this time a copy is missing, even if the registry
 * does not record it as copied.
 */
const copyDueMs = 3_600_000;

interface Options {
  readonly tenant: Tenant;
  readonly after: number;
  /** The time of the database. */
  readonly now: string;
  /** The last batch that the registry records as copied. */
  readonly copied: number;
  readonly headNow: (batch: number) => Promise<AuditHead | null>;
  readonly keyTrust: readonly KeyTrust[];
}

/** Reads the copies of one place in step with the heads, both in the order of batches. */
export function openComparison(
  archive: AuditArchive,
  { tenant, after, now, copied, headNow, keyTrust }: Options,
) {
  const copies = archive.heads({ tenant, after })[Symbol.asyncIterator]();
  let next: AuditHead | null | undefined;
  let [heads, waiting] = [0, 0];
  const missing: number[] = [];

  async function peek(): Promise<AuditHead | null> {
    if (next === undefined) {
      const step = await copies.next();
      next = step.done === true ? null : step.value;
    }
    return next;
  }

  async function meet(head: AuditHead): Promise<AuditFinding[]> {
    const findings: AuditFinding[] = [];
    let met = false;
    for (let copy = await peek(); copy !== null && copy.batch <= head.batch; copy = await peek()) {
      next = undefined;
      if (copy.batch === head.batch) met = true;
      // The copy of an earlier batch: its head was removed, or the copy was listed late.
      const own = copy.batch === head.batch ? head : await headNow(copy.batch);
      findings.push(...differences(archive, { copy, head: own, keyTrust }));
    }
    if (met) heads += 1;
    // The list may be older than the head, so look the copy up before reporting it as missing.
    else if ((await archive.head({ tenant, batch: head.batch })) !== null) heads += 1;
    else if (head.batch <= copied || isDue(head.sealedAt, now)) missing.push(head.batch);
    else waiting += 1;
    return findings;
  }

  /** Copies after the last head belong to batches sealed meanwhile, or to removed heads. */
  async function finish(): Promise<AuditFinding[]> {
    const findings: AuditFinding[] = [];
    for (let copy = await peek(); copy !== null; copy = await peek()) {
      next = undefined;
      findings.push(...differences(archive, { copy, head: await headNow(copy.batch), keyTrust }));
    }
    return [
      ...findings,
      ...groupRanges(missing).map(([first, last]) => missingCopy(archive, first, last)),
    ];
  }

  const report = (): AuditReport['copies'][number] => ({ place: archive.where, heads, waiting });
  return { meet, finish, report };
}

function isDue(since: string, now: string): boolean {
  return Date.parse(now) - Date.parse(since) > copyDueMs;
}

interface CopyPair {
  readonly copy: AuditHead;
  readonly head: AuditHead | null;
  readonly keyTrust: readonly KeyTrust[];
}

function differences({ where }: AuditArchive, { copy, head, keyTrust }: CopyPair): AuditFinding[] {
  if (head !== null && canonicalJson(head) === canonicalJson(copy)) return [];
  const { batch } = copy;
  const wrong = headProblem(copy, listPublicKeys(keyTrust));
  if (wrong !== null)
    return [{ kind: 'badSignature', batch, detail: `of its copy in ${where}: ${wrong}` }];
  if (head === null) {
    const detail = `its copy of ${copy.sealedAt} in ${where} names ${copy.count} rows that the log no longer has a head for`;
    return [{ kind: 'cutOff', batch, detail }];
  }
  return [
    {
      kind: 'rewritten',
      batch,
      detail: `its copy in ${where} has the digest ${copy.digest}, the log's head ${head.digest}`,
    },
  ];
}

function missingCopy({ where }: AuditArchive, first: number, last: number): AuditFinding {
  const what =
    first === last
      ? `the copy of the head of batch ${first} is`
      : `the copies of the heads of batches ${first} to ${last} are`;
  return {
    kind: 'missingCopy',
    place: where,
    batch: first,
    lastBatch: last,
    detail: `${what} missing in ${where}`,
  };
}

/** Consecutive batches as pairs of first and last. */
function groupRanges(batches: readonly number[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (const batch of batches) {
    const range = ranges.at(-1);
    if (range?.[1] === batch - 1) range[1] = batch;
    else ranges.push([batch, batch]);
  }
  return ranges;
}

interface CopyKeys {
  readonly tenant: Tenant;
  readonly keys: readonly AuditKey[];
  readonly keysNow: () => Promise<readonly AuditKey[]>;
  /** The time of the database. */
  readonly now: string;
  /** Number of entries that the registry records as copied. */
  readonly copied: number;
}

export async function compareKeys(
  archive: AuditArchive,
  { tenant, keys, keysNow, now, copied }: CopyKeys,
): Promise<AuditFinding[]> {
  const copies = await archive.keys(tenant);
  const missing = keys.filter(
    ({ sequence, addedAt }) =>
      (sequence <= copied || isDue(addedAt, now)) &&
      !copies.some((copy) => copy.sequence === sequence),
  );
  const same = (copy: AuditKey, among: readonly AuditKey[]) =>
    among.some((key) => canonicalJson(key) === canonicalJson(copy));
  let differing = copies.filter((copy) => !same(copy, keys));
  if (differing.length > 0) {
    const now = await keysNow();
    differing = differing.filter((copy) => !same(copy, now));
  }
  return [
    ...missing.map(({ keyId }): AuditFinding => ({
      kind: 'missingCopy',
      place: archive.where,
      keyId,
      detail: `the copy of the audit key ${keyId} is missing in ${archive.where}`,
    })),
    ...differing.map(({ keyId, sequence }): AuditFinding => ({
      kind: 'changedKey',
      keyId,
      detail: `entry ${sequence} of the audit keys is missing or differs from its copy in ${archive.where}`,
    })),
  ];
}
