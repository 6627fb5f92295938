/** Scores a dataset version with a model version, and registers the predictions as a version. */
import { readFile } from 'node:fs/promises';
import type { ArtifactRef } from '../../domain/artifact';
import { batchHolder, type BatchRequest } from '../../domain/batch/batch';
import { chunkAt, chunkCount } from '../../domain/batch/chunks';
import { keyColumns, outputColumns, readColumns } from '../../domain/batch/columns';
import {
  addChunk,
  noCounts,
  type BatchCounts,
  type ChunkCounts,
} from '../../domain/batch/row-errors';
import type { BatchPins, CommittedBatch, PlannedBatch } from '../../domain/batch/outputs';
import type { DatasetManifest } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import { effectKey, type IdempotencyKey } from '../../domain/ids';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';
import { versionName, type ModelManifest, type ModelVersionRef } from '../../domain/model/model';
import type { RunEffectRef, RunRef } from '../../domain/run/run';
import type { ArtifactStore } from '../../data/artifact/store';
import { openSharedFiles, type SharedFiles } from '../../data/batch/shared-files';
import { batchPlanType, type BatchPlan } from '../../data/batch/plan';
import { scoreChunk, type ScoredChunk } from '../../data/batch/score-chunk';
import { canonicalJson } from '../../domain/canonical';
import { openScratch, type Scratch } from '../../data/scratch';
import { compileFeatureSql } from '../../data/sql/feature-sql';
import { quoteText, readParquet, withDuckDb } from '../../data/sql/platform-sql';
import { findBatchInputs } from '../../db/batch/inputs';
import type { LineageNode } from '../../db/lineage/repository';
import type { Registry } from '../../db/registry';
import type { HeldClaim } from '../../db/run/guard';
import { datasetNode, registerDatasetVersion } from '../dataset/register-version';
import { openItemReader, type ItemReader } from '../project/map-items';
import { withHeartbeat, type HeartbeatContext } from '../run/heartbeat';
import { withIdempotencyKey } from '../run/idempotent-effect';

export interface BatchDeps {
  readonly registry: Pick<
    Registry,
    'effects' | 'events' | 'datasets' | 'models' | 'aliases' | 'artifacts' | 'lineage'
  >;
  readonly artifacts: ArtifactStore;
  readonly scratchRoot: string;
}

export interface ScoreBatchChunkInput extends RunEffectRef {
  readonly plan: ArtifactRef;
  readonly chunk: number;
}

export interface CommitBatchInput extends RunEffectRef {
  readonly plan: ArtifactRef;
  readonly chunks: number;
  /** Stage name in the effect keys of the chunks. */
  readonly stage: string;
  readonly step: string;
  readonly generation: number;
}

/** What the journal has for a chunk. */
interface ChunkResult extends ChunkCounts {
  readonly predictions: ArtifactRef | null;
  readonly quarantine: ArtifactRef | null;
}

const parquet = 'application/vnd.apache.parquet';
const mergeLimits = { memoryBytes: 512 << 20, threads: 1 } as const;
/** Chunks that one query reads from the journal. */
const chunksPerQuery = 500;

export function createBatchActivities(deps: BatchDeps) {
  const { registry } = deps;
  const parts = openSharedFiles(deps);
  const plans = openItemReader(deps.artifacts);
  const effect = <T>(
    { tenant, runId, key }: RunEffectRef,
    work: (attempt: BatchAttempt) => Promise<T>,
  ): Promise<T> =>
    withHeartbeat((beat) =>
      withIdempotencyKey(registry.effects, { tenant, key }, async (assertOwned, claim) => {
        const scratch = await openScratch(deps.scratchRoot, `batch-${runId}`);
        try {
          return await work({ ...deps, ...beat, parts, plans, scratch, assertOwned, claim });
        } finally {
          await scratch.dispose();
        }
      }),
    );

  return {
    /** Finds the versions that the names mean. A retry returns the versions of the first attempt. */
    pinBatch: ({
      tenant,
      key,
      ...question
    }: RunEffectRef & {
      readonly lifecycle: string;
      readonly spec: LifecycleSpec;
      readonly request: BatchRequest;
    }): Promise<BatchPins> =>
      withIdempotencyKey(registry.effects, { tenant, key }, async () => {
        const found = await findBatchInputs(registry, { tenant, ...question });
        const { dataset, version, manifest, rows } = found.input;
        const { model, version: number, manifest: modelManifest } = found.model;
        return {
          input: { dataset, version, manifest, rows },
          model: { model, version: number, manifest: modelManifest },
          output: found.output,
        };
      }),

    /**
     * Checks the columns, compiles the features once and divides the input into chunks. It reads
     * and so verifies every file. A retry repeats the stored result, or plans again.
     */
    planBatch: (
      input: RunEffectRef & { readonly pins: BatchPins; readonly request: BatchRequest },
    ): Promise<PlannedBatch> => effect(input, (attempt) => plan(input, attempt)),

    /**
     * Scores one chunk and stores its files. A retry repeats the stored result, or scores again
     * and finds equal files by digest. It returns only counts; the journal has the files.
     */
    scoreBatchChunk: async (input: ScoreBatchChunkInput): Promise<ChunkCounts> => {
      const scored = await effect(input, (attempt) => score(input, attempt));
      const { rows, scored: good, quarantined, reasons, examples } = scored;
      return { rows, scored: good, quarantined, reasons, examples };
    },

    /** Adds an event of progress to the run. A failure is ignored. */
    recordBatchProgress: async ({
      tenant,
      runId,
      stage,
      ...data
    }: RunRef & {
      readonly stage: string;
      /** Rows that were read. */
      readonly done: number;
      readonly total: number;
      readonly quarantined: number;
      readonly rowsPerSecond: number;
    }): Promise<void> => {
      await registry.events
        .append({ tenant, runId, kind: 'batch.progress', stage, data })
        .catch(() => undefined);
    },

    /**
     * Checks that every row of the input is in the predictions or in the quarantine, and registers
     * both. A retry repeats the stored result, or finds the version by its digest.
     */
    commitBatch: (input: CommitBatchInput): Promise<CommittedBatch> =>
      effect(input, (attempt) => commit(input, attempt)),

    /** Undo, and the end of the run: gives the files of the chunks free. Idempotent. */
    dropBatchFiles: async ({ tenant, runId }: RunRef): Promise<void> => {
      await registry.artifacts.unreference({ tenant, by: batchHolder(runId) });
    },
  };
}

interface BatchAttempt extends BatchDeps, HeartbeatContext {
  /** The files of the input and the graph. */
  readonly parts: SharedFiles;
  readonly plans: ItemReader;
  readonly scratch: Scratch;
  readonly assertOwned: () => Promise<void>;
  readonly claim: HeldClaim;
}

async function plan(
  {
    tenant,
    runId,
    pins,
    request,
  }: RunEffectRef & { readonly pins: BatchPins; readonly request: BatchRequest },
  { registry, artifacts, parts, signal, report }: BatchAttempt,
): Promise<PlannedBatch> {
  const manifest = await artifacts.getJson<DatasetManifest>(pins.input.manifest);
  const model = await artifacts.getJson<ModelManifest>(pins.model.manifest);
  const { signature } = model;
  const name = `${pins.input.dataset}@${pins.input.version}`;
  const dataset = { name, columns: manifest.columns };
  const read = readColumns(signature, dataset);
  const keys = keyColumns(signature, request.keys, dataset);
  const text = Buffer.from(await artifacts.getBytes(model.featuresSql)).toString('utf8');
  const features = await compileFeatureSql({
    sql: text,
    request: signature.request,
    file: `features.sql of ${versionName(pins.model)}`,
  });
  // The run holds its inputs until it ends: a new version may replace them meanwhile.
  const by = batchHolder(runId);
  for (const { digest } of [
    ...manifest.files,
    pins.input.manifest,
    pins.model.manifest,
    model.onnx,
  ])
    await registry.artifacts.reference({ tenant, digest, by });
  const fileRows: number[] = [];
  for (const [index, file] of manifest.files.entries()) {
    report({ phase: 'read', file: index, of: manifest.files.length });
    fileRows.push(await parts.use(file, signal, countRows));
  }
  const rows = fileRows.reduce((sum, each) => sum + each, 0);
  if (rows !== manifest.rows)
    throw failure(
      'DataUnreadable',
      `the files of ${name} have ${rows} rows, but its manifest has ${manifest.rows}`,
    );
  const { chunkRows } = request;
  const { classes } = signature;
  const value: BatchPlan = {
    input: pins.input,
    files: manifest.files,
    fileRows,
    columns: manifest.columns,
    chunkRows,
    model: pins.model,
    onnx: model.onnx,
    features,
    graphInputs: signature.features,
    ...(classes && { classes }),
    read,
    keys,
    output: { dataset: pins.output, columns: outputColumns(signature, keys) },
  };
  const stored = await artifacts.putBytes({
    tenant,
    runId,
    bytes: Buffer.from(canonicalJson(value)),
    mediaType: batchPlanType,
  });
  await registry.artifacts.reference({ tenant, digest: stored.digest, by });
  const kind = 'batch.planned';
  return { kind, pins, plan: stored, rows, chunks: chunkCount({ fileRows, chunkRows }) };
}

async function countRows(path: string): Promise<number> {
  const { rows } = await withDuckDb(
    (sql) =>
      sql.one<{ rows: number }>(
        `SELECT num_rows AS rows FROM parquet_file_metadata(${quoteText(path)})`,
      ),
    mergeLimits,
  );
  return rows;
}

async function score(
  { tenant, runId, plan: ref, chunk: index }: ScoreBatchChunkInput,
  { registry, artifacts, parts, plans, scratch, signal, assertOwned }: BatchAttempt,
): Promise<ChunkResult> {
  const batch = await plans.shared<BatchPlan>(ref);
  const chunk = chunkAt(batch, index);
  const file = batch.files[chunk.file];
  if (!file) throw new Error(`chunk ${index} is in file ${chunk.file}, which the plan lacks`);
  const onnx = await parts.use(batch.onnx, signal, (path) => readFile(path));
  const scored = await parts.use(file, signal, (path) =>
    scoreChunk({ plan: batch, chunk, file: path, onnx, scratch, signal }),
  );
  const storeFile = (path: string | null) =>
    path === null ? null : artifacts.putFile({ tenant, runId, path, mediaType: parquet, signal });
  const { predictions, quarantine, ...counts }: ScoredChunk = scored;
  const stored = {
    predictions: await storeFile(predictions),
    quarantine: await storeFile(quarantine),
  };
  await assertOwned();
  // The run may take longer than the lease of an upload.
  for (const each of [stored.predictions, stored.quarantine])
    if (each)
      await registry.artifacts.reference({ tenant, digest: each.digest, by: batchHolder(runId) });
  return { ...counts, ...stored };
}

async function commit(input: CommitBatchInput, attempt: BatchAttempt): Promise<CommittedBatch> {
  const { tenant, runId, key } = input;
  const { registry, plans, claim, assertOwned } = attempt;
  const batch = await plans.shared<BatchPlan>(input.plan);
  const results = await chunkResults(input, batch, attempt);
  const counts = results.reduce<BatchCounts>(addChunk, noCounts);
  if (counts.rows !== batch.input.rows || counts.scored + counts.quarantined !== counts.rows)
    throw failure(
      'DataUnreadable',
      `${counts.scored} predictions and ${counts.quarantined} rejected rows are not the ` +
        `${batch.input.rows} rows of ${batch.input.dataset}@${batch.input.version}`,
      { next: `perennial run show ${runId}` },
    );
  await quarantine(input, batch, results, attempt);
  await assertOwned();
  // As in training: versions lead to the run, and the run to what it made.
  const madeBy: LineageNode = { kind: 'run', name: runId };
  const read = [datasetNode(batch.input), modelNode(batch.model)];
  const edges = read.map((from) => ({ from, to: madeBy, runId }));
  await registry.lineage.add({ tenant, edges });
  const { dataset, columns } = batch.output;
  const version = await registerDatasetVersion(
    attempt,
    { tenant, runId, key, claim },
    {
      dataset,
      columns,
      rows: counts.scored,
      files: results.flatMap(({ predictions }) => predictions ?? []),
      from: [madeBy],
    },
  );
  await registry.datasets.moveAlias({
    tenant,
    dataset,
    alias: 'latest',
    version: version.version,
    runId,
    claim,
    actor: `run:${runId}`,
    cause: 'batch prediction',
    idempotencyKey: `${key}/${version.manifest.digest}`,
  });
  const { digest } = version.manifest;
  return { kind: 'batch.committed', dataset, version: version.version, digest, counts };
}

function modelNode({ model, version, manifest }: ModelVersionRef): LineageNode {
  return { kind: 'model', name: model, version, digest: manifest.digest };
}

/** @throws Conflict when a chunk has no result, or one of other rows */
async function chunkResults(
  { tenant, runId, chunks, stage, step, generation }: CommitBatchInput,
  batch: BatchPlan,
  { registry, report }: BatchAttempt,
): Promise<readonly ChunkResult[]> {
  const results: ChunkResult[] = [];
  for (let from = 0; from < chunks; from += chunksPerQuery) {
    const keys = Array.from(
      { length: Math.min(chunksPerQuery, chunks - from) },
      (_, offset): IdempotencyKey =>
        effectKey(runId, stage, step, generation, String(from + offset)),
    );
    const rows = await registry.effects.list({ tenant, keys });
    const ends = new Map(rows.map(({ key, isDone, result }) => [key, isDone ? result : null]));
    for (const [offset, key] of keys.entries()) {
      const result = (ends.get(key) ?? null) as ChunkResult | null;
      const chunk = chunkAt(batch, from + offset);
      if (result?.rows !== chunk.until - chunk.from)
        throw failure('Conflict', `chunk ${from + offset} has no result in run ${runId}`, {
          next: 'start the batch prediction again',
        });
      results.push(result);
    }
    report({ phase: 'collect', chunks: results.length });
  }
  return results;
}

/** One record with the rejected rows of all chunks, in the order of the input. */
async function quarantine(
  { tenant, runId }: CommitBatchInput,
  { input }: BatchPlan,
  results: readonly ChunkResult[],
  { registry, artifacts, scratch, signal, assertOwned, claim }: BatchAttempt,
): Promise<void> {
  const refs = results.flatMap(({ quarantine: each }) => each ?? []);
  if (refs.length === 0) return;
  const paths: string[] = [];
  for (const [index, ref] of refs.entries()) {
    const path = scratch.path(`quarantine-${index}.parquet`);
    await artifacts.toFile(ref, path, { signal });
    paths.push(path);
  }
  const path = scratch.path('quarantine.parquet');
  await withDuckDb(
    (sql) =>
      sql.run(
        `COPY (FROM ${readParquet(paths)}) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`,
      ),
    { ...mergeLimits, spillDirectory: scratch.path('spill'), signal },
  );
  const artifact = await artifacts.putFile({ tenant, runId, path, mediaType: parquet, signal });
  const { quarantined: rows, reasons } = results.reduce<BatchCounts>(addChunk, noCounts);
  await assertOwned();
  const record = await registry.datasets.quarantine.put({
    tenant,
    dataset: input.dataset,
    version: input.version,
    runId,
    rows,
    artifact,
    reasons,
    claim,
  });
  const by = `quarantine:${record.id}`;
  await registry.artifacts.reference({ tenant, digest: artifact.digest, by });
}
