import type { ArtifactRef, Digest } from '../../../domain/artifact';
import type { DataContracts } from '../../../domain/dataset/contract';
import type { ComputePrices } from '../../../domain/cost/price';
import type { IssueAt } from '../../../domain/document/document';
import { valueAt } from '../../../domain/document/path';
import type { Issue } from '../../../domain/failure';
import { failure } from '../../../domain/failure';
import { revisionDigestInput, type LifecycleSource } from '../../../domain/lifecycle/document';
import {
  findProgram,
  type LifecycleRevision,
  type LifecycleSpec,
} from '../../../domain/lifecycle/revision';
import type { Tenant } from '../../../domain/ids';
import {
  secretRefusal,
  type SecretAccess,
  type SecretRef,
} from '../../../domain/access/secret-access';
import type { LocatedLifecycle } from '../../../domain/lifecycle/located-document';
import { issuesAtPlaces } from '../../../domain/document/yaml-document.schema';
import type { ComputeOffer } from '../../../domain/training/compute-offer';
import type { ArtifactStore } from '../../../data/artifact/store';
import type { OffThread } from '../../../data/off-thread/off-thread';
import { computeDigest, sha256 } from '../../../data/digest';
import { checkLifecycle } from '../../../data/lifecycle/check-lifecycle';
import type { SourceTables } from '../../../data/lifecycle/source-tables';
import type { TrainerCatalog } from '../../../data/training/catalog';
import { anchorIssues, type HasVersion } from '../audit/anchor-versions';
import { priceIssues } from '../cost/price-issues';
import { warmStartIssues, type EarlierTrials } from '../tuning/warm-start-issues';
import { checkCompute } from '../training/compute-issues';
import { programIssues, type FindBuild } from '../project/program-issues';
import { readTimeLimitMs, requireInTime } from '../read-document';

/**
 * A lifecycle as received over HTTP: the file as text or as an object, and the files that it names.
 */
export interface SubmittedLifecycle {
  readonly name: string;
  readonly document: string | Readonly<Record<string, unknown>>;
  readonly fileName: string;
  readonly files: Readonly<Record<string, string>>;
  /**
   * The caller's folder, against which relative file:// sources are resolved; null without a
   * folder.
   */
  readonly folder: string | null;
}

/** A checked revision, named by its content. Nothing is stored yet. */
export interface CheckedRevision {
  readonly lifecycle: string;
  readonly digest: Digest;
  readonly spec: LifecycleSpec;
  readonly contracts: DataContracts;
  readonly texts: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, { readonly digest: Digest }>>;
  /** Builds warnings, which are reported together with errors. */
  readonly issueAt: IssueAt;
  /** Warnings of what a run may fail on, one per line. */
  readonly notes: readonly string[];
}

/** What checks a lifecycle besides its schema. */
interface RevisionRules {
  readonly trainers: TrainerCatalog;
  readonly prices: ComputePrices;
  /** What the workers have; empty if none has reported. */
  readonly offers: readonly ComputeOffer[];
  readonly secrets: SecretAccess;
  readonly offThread: OffThread;
  /** Null for a caller who may not read sources. */
  readonly tables: SourceTables | null;
  readonly hasVersion: HasVersion;
  readonly findBuild: FindBuild;
  readonly tenant: Tenant;
  /** Earlier trials, for a warm start of the tuning. */
  readonly trials: EarlierTrials;
}

/** @throws InvalidInput with all errors together. */
export async function readRevision(
  rules: RevisionRules,
  { name, document, fileName, files, folder }: SubmittedLifecycle,
): Promise<CheckedRevision> {
  const { trainers, secrets, offThread, tables, hasVersion, findBuild, tenant, trials } = rules;
  const placed = await read(offThread, {
    document,
    fileName,
    files,
    ...(folder === null ? {} : { folder }),
  });
  const { parsed, places } = placed;
  const issueAt = issuesAtPlaces(places, fileName);
  // The stages of a project may add tables and columns that no source has.
  const isProject = parsed.ok && findProgram(parsed.spec) !== undefined;
  const checked = await checkLifecycle(
    { placed, name, fileName, files },
    { trainers, tables: isProject ? null : tables },
  );
  const compute = parsed.ok
    ? checkCompute(rules.offers, parsed.spec, issueAt)
    : { issues: [], notes: [] };
  const issues = [
    ...(parsed.ok
      ? [
          ...nameIssues(name, parsed.spec.name, issueAt),
          ...secretIssues(secrets, parsed.spec, issueAt),
          ...priceIssues(rules.prices, parsed.spec, issueAt),
          ...compute.issues,
          ...(await warmStartIssues(parsed.spec, { lifecycle: name, tenant, trials, issueAt })),
          ...(await programIssues(parsed.spec, { lifecycle: name, findBuild, issueAt })),
        ]
      : []),
    ...checked.issues,
    ...(await anchorIssues(placed.parts, { lifecycle: name, hasVersion, issueAt })),
  ];
  if (!parsed.ok || issues.length > 0) throw invalid({ fileName, document }, issues);
  const { spec, contracts, paths } = parsed;
  const texts = Object.fromEntries(paths.map((path) => [path, files[path] ?? '']));
  const digests = Object.fromEntries(
    Object.entries(texts).map(([path, text]) => [path, sha256(text)]),
  );
  const digested = Object.fromEntries(
    Object.entries(digests).map(([path, digest]) => [path, { digest }]),
  );
  const digest = computeDigest(revisionDigestInput(spec, digests));
  return {
    lifecycle: name,
    digest,
    spec,
    contracts,
    texts,
    files: digested,
    issueAt,
    notes: [...checked.notes, ...compute.notes],
  };
}

async function read(offThread: OffThread, input: LifecycleSource): Promise<LocatedLifecycle> {
  return requireInTime(
    input.fileName,
    await offThread.run('readLifecycle', input, { deadlineMs: readTimeLimitMs }),
  );
}

/**
 * The texts that a revision was applied with, by path. @throws ArtifactMissing if one is missing.
 */
export async function revisionTexts(
  artifacts: Pick<ArtifactStore, 'getBytes'>,
  files: Readonly<Record<string, ArtifactRef>>,
): Promise<Readonly<Record<string, string>>> {
  const texts = Object.entries(files).map(
    async ([path, ref]): Promise<readonly [string, string]> => [
      path,
      Buffer.from(await artifacts.getBytes(ref)).toString('utf8'),
    ],
  );
  return Object.fromEntries(await Promise.all(texts));
}

/** Uploads the files by digest, so applying again changes nothing. */
export async function storeRevision(
  artifacts: Pick<ArtifactStore, 'putBytes'>,
  tenant: Tenant,
  { texts, issueAt: _, notes: _notes, ...revision }: CheckedRevision,
): Promise<Omit<LifecycleRevision, 'revision'>> {
  const stored = await Promise.all(
    Object.entries(texts).map(async ([path, text]): Promise<readonly [string, ArtifactRef]> => [
      path,
      await artifacts.putBytes({
        tenant,
        bytes: Buffer.from(text),
        mediaType: findMediaType(path),
      }),
    ]),
  );
  return { ...revision, files: Object.fromEntries(stored) };
}

function findMediaType(path: string): string {
  if (path.endsWith('.sql')) return 'application/sql';
  return path.endsWith('.ndjson') || path.endsWith('.jsonl')
    ? 'application/x-ndjson'
    : 'application/yaml';
}

function nameIssues(expected: string, given: string, issueAt: IssueAt): Issue[] {
  return given === expected
    ? []
    : [
        issueAt(
          ['metadata', 'name'],
          `metadata.name is ${given}, but it was applied as ${expected}`,
        ),
      ];
}

/** Workers refuse the same secrets when they use them, but the error would come late. */
function secretIssues(access: SecretAccess, spec: LifecycleSpec, issueAt: IssueAt): Issue[] {
  return listSecrets(spec).flatMap(({ path, ref }) => {
    const refusal = secretRefusal(ref, access);
    if (refusal === null) return [];
    return [issueAt(path, `${path.join('.')}: ${refusal.detail}`, { expected: refusal.expected })];
  });
}

interface UsedSecret {
  readonly path: readonly (string | number)[];
  readonly ref: SecretRef;
}

function listSecrets(spec: LifecycleSpec): readonly UsedSecret[] {
  const channels = spec.notify.flatMap((channel, index): readonly UsedSecret[] => {
    if ('email' in channel) return [];
    return 'slack' in channel
      ? [{ path: ['spec', 'notify', index, 'slack'], ref: channel.slack }]
      : [{ path: ['spec', 'notify', index, 'secret'], ref: channel.secret }];
  });
  const signing = spec.kind === 'ModelLifecycle' ? (spec.triggers?.secrets ?? []) : [];
  return [
    ...channels,
    ...signing.map((ref, index) => ({ path: ['spec', 'triggers', 'secrets', index], ref })),
  ];
}

function invalid(
  { fileName, document }: Pick<SubmittedLifecycle, 'fileName' | 'document'>,
  issues: readonly Issue[],
): Error {
  const isProject = valueAt(document, ['spec', 'program']) !== undefined;
  return failure(
    'InvalidInput',
    `${fileName} has ${issues.length === 1 ? '1 error' : `${issues.length} errors`}`,
    {
      issues,
      next: isProject
        ? 'fix the errors, then perennial deploy'
        : 'fix the errors, then perennial lifecycle plan <folder>',
    },
  );
}
