import type { ArtifactRef } from '../../domain/artifact';
import type { ContractReport, DataContract } from '../../domain/dataset/contract';
import type { DatasetManifest, DatasetVersionRef } from '../../domain/dataset/dataset';
import type { DatasetStatistics } from '../../domain/dataset/statistics';
import { isPerennialError } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { Verdict } from '../../domain/verdict';
import type { ArtifactStore } from '../../data/artifact/store';
import type { ReferenceVersion } from '../../data/dataset/contracts/distribution';
import {
  validateContract,
  type ContractValidation,
} from '../../data/dataset/contracts/validate-contract';
import { columnStatistics } from '../../data/dataset/statistics';
import { openScratch, type Scratch } from '../../data/scratch';
import { readParquet, withDuckDb } from '../../data/sql/platform-sql';
import type { Registry } from '../../db/registry';
import type { HeldClaim } from '../../db/run/guard';
import { datasetNode, registerDatasetVersion } from './register-version';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { withHeartbeat, type HeartbeatContext } from '../run/heartbeat';

export interface ValidateDeps {
  readonly registry: Pick<Registry, 'effects' | 'datasets' | 'artifacts' | 'lineage'>;
  readonly artifacts: ArtifactStore;
  readonly scratchRoot: string;
}

export interface ValidateInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly source: string;
  readonly dataset: DatasetVersionRef;
  readonly contract: DataContract;
  /**
   * The approved version when the stage began, with which distributions are compared. A retry must
   * not use the version that the first attempt approved.
   */
  readonly reference: DatasetVersionRef | null;
}

export interface ApproveInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly dataset: DatasetVersionRef;
}

export interface ValidateEnd {
  readonly report: ContractReport;
  /** The accepted rows as a version. The checked version itself if no row was quarantined. */
  readonly accepted: DatasetVersionRef;
  /** Parquet with the quarantined rows and their reasons, for any verdict. */
  readonly quarantine: ArtifactRef | null;
  readonly verdict: Verdict;
}

interface ValidateAttempt extends ValidateDeps, HeartbeatContext {
  readonly scratch: Scratch;
  readonly assertOwned: () => Promise<void>;
  readonly claim: HeldClaim;
}

const parquet = 'application/vnd.apache.parquet';
/** Sorts and windows above this spill to the scratch folder. */
const memoryBytes = 1 << 30;

export function createValidateActivities(deps: ValidateDeps) {
  return {
    /**
     * Checks one dataset version against its contract and quarantines its bad rows. If it passes,
     * registers the accepted rows and moves `approved` to them. A retry repeats the stored result,
     * or measures again and finds earlier objects by digest.
     */
    validateDataset: (input: ValidateInput): Promise<ValidateEnd> =>
      withHeartbeat((beat) =>
        withIdempotencyKey(deps.registry.effects, input, async (assertOwned, claim) => {
          const scratch = await openScratch(deps.scratchRoot, `validate-${input.runId}`);
          try {
            return await validate(input, { ...deps, ...beat, scratch, assertOwned, claim });
          } finally {
            await scratch.dispose();
          }
        }),
      ),

    /** The approved version, with which distributions are compared; null before the first. */
    async readApproved({
      tenant,
      dataset,
    }: {
      readonly tenant: Tenant;
      readonly dataset: string;
    }): Promise<DatasetVersionRef | null> {
      const approved = await deps.registry.datasets.alias({ tenant, dataset, alias: 'approved' });
      return (
        approved && {
          dataset,
          version: approved.version,
          manifest: approved.manifest,
          rows: approved.rows,
        }
      );
    },

    /** Moves `approved` to the accepted rows of a reused validation. Idempotent. */
    approveDataset: (input: ApproveInput): Promise<void> => approve(deps.registry, input),
  };
}

async function validate(input: ValidateInput, attempt: ValidateAttempt): Promise<ValidateEnd> {
  const { source, contract, dataset } = input;
  const { artifacts, scratch, signal } = attempt;
  const manifest = await artifacts.getJson<DatasetManifest>(dataset.manifest);
  const files = await stage(manifest, 'input', attempt);
  const reference = await referenceFor(input, attempt);
  const halves = {
    acceptedPath: scratch.path('accepted.parquet'),
    quarantinePath: scratch.path('quarantine.parquet'),
  };
  attempt.report({ phase: 'measure', rows: dataset.rows });
  const { validated, statistics } = await withDuckDb(
    async (sql) => {
      const found = await validateContract(sql, {
        source,
        dataset: dataset.dataset,
        contract,
        files,
        columns: manifest.columns,
        reference,
        ...halves,
      });
      if (found.unchanged) return { validated: found, statistics: null };
      const columns = await columnStatistics(
        sql,
        readParquet([halves.acceptedPath]),
        found.columns,
      );
      return {
        validated: found,
        statistics: { rows: found.report.accepted, columns, notes: writeNotes(found, dataset) },
      };
    },
    { memoryBytes, threads: 2, spillDirectory: scratch.path('spill'), signal },
  );
  const { report, verdict } = validated;
  const quarantine =
    report.quarantined === 0
      ? null
      : await keepApart(input, validated, halves.quarantinePath, attempt);
  if (verdict.kind !== 'passed') return { report, accepted: dataset, quarantine, verdict };
  const accepted =
    statistics === null
      ? dataset
      : await register(input, validated, { path: halves.acceptedPath, statistics }, attempt);
  await attempt.assertOwned();
  await approve(attempt.registry, { ...input, dataset: accepted, claim: attempt.claim });
  return { report, accepted, quarantine, verdict };
}

async function stage(
  manifest: DatasetManifest,
  label: string,
  { artifacts, scratch, signal, report }: ValidateAttempt,
): Promise<string[]> {
  const paths: string[] = [];
  for (const [index, file] of manifest.files.entries()) {
    const path = scratch.path(`${label}-${index}.parquet`);
    await artifacts.toFile(file, path, {
      signal,
      onProgress: (bytes) =>
        report({ phase: `fetch ${label}`, file: index, bytes, of: file.bytes }),
    });
    paths.push(path);
  }
  return paths;
}

/** An approved version whose files are missing is `unreadable`, which is not `none` (I10). */
async function referenceFor(
  { contract, reference }: ValidateInput,
  attempt: ValidateAttempt,
): Promise<ReferenceVersion> {
  if (contract.distribution === null || reference === null) return { kind: 'none' };
  const name = `${reference.dataset}@${reference.version}`;
  try {
    const manifest = await attempt.artifacts.getJson<DatasetManifest>(reference.manifest);
    return {
      kind: 'version',
      name,
      files: await stage(manifest, 'approved', attempt),
      columns: manifest.columns,
    };
  } catch (error) {
    if (!isPerennialError(error) || error.type !== 'ArtifactMissing') throw error;
    return { kind: 'unreadable', reason: `${name} is no longer stored` };
  }
}

async function keepApart(
  { tenant, runId, dataset }: ValidateInput,
  { report, reasons }: ContractValidation,
  path: string,
  attempt: ValidateAttempt,
): Promise<ArtifactRef> {
  const { registry, artifacts, signal } = attempt;
  const artifact = await artifacts.putFile({ tenant, runId, path, mediaType: parquet, signal });
  await attempt.assertOwned();
  const record = await registry.datasets.quarantine.put({
    tenant,
    dataset: dataset.dataset,
    version: dataset.version,
    runId,
    rows: report.quarantined,
    artifact,
    reasons,
    claim: attempt.claim,
  });
  await registry.artifacts.reference({
    tenant,
    digest: artifact.digest,
    by: `quarantine:${record.id}`,
  });
  return artifact;
}

async function register(
  { tenant, runId, key, dataset: checked }: ValidateInput,
  { report, columns }: ContractValidation,
  { path, statistics }: { readonly path: string; readonly statistics: DatasetStatistics },
  { registry, artifacts, signal, assertOwned, claim }: ValidateAttempt,
): Promise<DatasetVersionRef> {
  const { dataset } = checked;
  const file = await artifacts.putFile({ tenant, runId, path, mediaType: parquet, signal });
  await assertOwned();
  return registerDatasetVersion(
    { registry, artifacts },
    { tenant, runId, key, claim },
    {
      dataset,
      columns,
      rows: report.accepted,
      files: [file],
      statistics,
      from: [datasetNode(checked)],
    },
  );
}

async function approve(
  { datasets }: ValidateDeps['registry'],
  {
    tenant,
    runId,
    key,
    claim,
    dataset: { dataset, version },
  }: ApproveInput & { readonly claim?: HeldClaim },
): Promise<void> {
  await datasets.moveAlias({
    tenant,
    dataset,
    alias: 'approved',
    version,
    runId,
    claim,
    actor: `run:${runId}`,
    cause: 'met its contract',
    idempotencyKey: `${key}/approved/${version}`,
  });
}

function writeNotes(
  { report }: ContractValidation,
  { dataset, version }: DatasetVersionRef,
): readonly string[] {
  if (report.quarantined === 0) return [];
  return [`${report.quarantined} rows of ${dataset}@${version} are in quarantine`];
}
