import { stat } from 'node:fs/promises';
import type { ArtifactRef } from '../../domain/artifact';
import { datasetName, type DatasetVersionRef, type TimeWindow } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { DataSpec, SourceSpec } from '../../domain/lifecycle/lifecycle';
import type { RunEffectRef } from '../../domain/run/run';
import { latestWindow } from '../../domain/dataset/time-window';
import type { ArtifactStore } from '../../data/artifact/store';
import { openScratch, type Scratch } from '../../data/scratch';
import type { SourceLimits, SourcePolicy } from '../../data/dataset/sources/policy';
import { newestEvent, readSource, type SourceData } from '../../data/dataset/sources/read-source';
import { shownUri, sourceFailure } from '../../data/dataset/sources/source-failure';
import type { LineageNode } from '../../db/lineage/repository';
import type { Registry } from '../../db/registry';
import type { HeldClaim } from '../../db/run/guard';
import { openDatasetReader, type RegisteredDatasets } from './reader';
import { datasetNode, registerDatasetVersion } from './register-version';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { withHeartbeat, type HeartbeatContext } from '../run/heartbeat';

export interface IngestDeps {
  readonly registry: Pick<Registry, 'effects' | 'datasets' | 'artifacts' | 'lineage'>;
  readonly artifacts: ArtifactStore;
  readonly scratchRoot: string;
  readonly sourcePolicy: SourcePolicy;
}

export interface IngestInput extends RunEffectRef {
  readonly lifecycle: string;
  readonly source: SourceSpec;
  /** Null when the source has no time column. */
  readonly window: TimeWindow | null;
  readonly limits: SourceLimits;
}

export interface LatestWindowInput extends RunEffectRef {
  readonly data: DataSpec;
}

interface IngestAttempt extends IngestDeps, HeartbeatContext {
  readonly scratch: Scratch;
  readonly datasets: RegisteredDatasets;
  readonly claim: HeldClaim;
}

export function createIngestActivities(deps: IngestDeps) {
  /** Heartbeats, one effect per key, and a scratch folder that is removed at the end. */
  const attempt = <T>(
    { tenant, runId, key }: RunEffectRef,
    work: (attempt: IngestAttempt) => Promise<T>,
  ): Promise<T> =>
    withHeartbeat((beat) =>
      withIdempotencyKey(deps.registry.effects, { tenant, key }, async (_, claim) => {
        const scratch = await openScratch(deps.scratchRoot, `ingest-${runId}`);
        try {
          return await work({
            ...deps,
            ...beat,
            scratch,
            claim,
            datasets: openDatasetReader(deps.registry, deps.artifacts, tenant),
          });
        } finally {
          await scratch.dispose();
        }
      }),
    );

  return {
    /**
     * Reads one source, registers its content as a version of the dataset `<lifecycle>.<source>`,
     * and moves the alias `latest` to it. A retry repeats the stored result, or reads again and
     * finds earlier uploads and versions by digest.
     */
    ingestSource: (input: IngestInput): Promise<DatasetVersionRef> =>
      attempt(input, (given) => ingest(input, given)),

    /**
     * Returns the window that ends with the newest event up to which every source with a time
     * column has data. A retry repeats the stored result.
     */
    findLatestWindow: (input: LatestWindowInput): Promise<TimeWindow> =>
      attempt(input, (given) => findLatest(input, given)),

    /** Undo: moves back the aliases that the run moved, unless they have been moved since. */
    restoreDatasetAliases: async ({
      tenant,
      runId,
    }: Pick<RunEffectRef, 'tenant' | 'runId'>): Promise<void> => {
      await deps.registry.datasets.restoreAliases({
        tenant,
        runId,
        idempotencyKey: `${runId}/undo/dataset-aliases`,
      });
    },
  };
}

async function ingest(input: IngestInput, attempt: IngestAttempt): Promise<DatasetVersionRef> {
  const { source, window, limits } = input;
  const { registry, scratch, datasets, sourcePolicy: policy, signal, claim } = attempt;
  const data = await readSource({
    source,
    window,
    into: scratch.folder,
    policy,
    limits,
    datasets,
    signal,
    onProgress: attempt.report,
  });
  const { tenant, runId, key } = input;
  const dataset = datasetName(input.lifecycle, source.name);
  const files = await upload(input, data, attempt);
  const { rows, columns, statistics } = data;
  const version = await registerDatasetVersion(
    attempt,
    { tenant, runId, key, claim },
    { dataset, rows, columns, statistics, files, from: origins(source, datasets) },
  );
  await registry.datasets.moveAlias({
    tenant,
    dataset,
    alias: 'latest',
    version: version.version,
    runId,
    claim,
    actor: `run:${runId}`,
    cause: 'ingest',
    // A source may change between two attempts. Each attempt then registers what it read, and the
    // alias follows the last one.
    idempotencyKey: `${key}/${version.manifest.digest}`,
  });
  return version;
}

async function upload(
  { tenant, runId }: RunEffectRef,
  { files: paths, bytes }: SourceData,
  { artifacts, signal, report }: IngestAttempt,
): Promise<readonly ArtifactRef[]> {
  const files: ArtifactRef[] = [];
  let before = 0;
  for (const path of paths) {
    const offset = before;
    const onProgress = (sent: number): void =>
      report({ phase: 'upload', bytes: offset + sent, of: bytes });
    files.push(
      await artifacts.putFile({
        tenant,
        runId,
        path,
        mediaType: 'application/vnd.apache.parquet',
        signal,
        onProgress,
      }),
    );
    before += (await stat(path)).size;
  }
  return files;
}

/** Lineage names a registered dataset by its version, and any other source by its URI. */
function origins(source: SourceSpec, datasets: RegisteredDatasets): readonly LineageNode[] {
  const read = datasets.read();
  if (read.length === 0) return [{ kind: 'source', name: shownUri(source.uri) }];
  return read.map(datasetNode);
}

async function findLatest(
  { data }: LatestWindowInput,
  attempt: IngestAttempt,
): Promise<TimeWindow> {
  const { sources, time, maxBytes, timeoutSeconds } = data;
  if (time === null)
    throw failure('InvalidInput', 'cannot use `until: latest`: spec.data.time is not set', {
      next: 'set spec.data.time, or remove `until`',
    });
  const timed = sources.filter((source) => source.time !== null);
  if (timed.length === 0) {
    throw failure('InvalidInput', '`until: latest` needs a source with a time column', {
      next: 'set `time` of a source in spec.data.sources, or set spec.data.time.until',
    });
  }
  const newest: string[] = [];
  for (const [index, source] of timed.entries()) {
    const found = await newestEvent({
      source,
      into: attempt.scratch.path(`newest-${index}`),
      policy: attempt.sourcePolicy,
      limits: { maxBytes, timeoutSeconds },
      datasets: attempt.datasets,
      signal: attempt.signal,
      onProgress: attempt.report,
    });
    if (found === null)
      throw sourceFailure(
        'DatasetEmpty',
        source,
        `no row has a time in column ${source.time ?? ''}`,
      );
    newest.push(found);
  }
  // RFC 3339 times of one length and zone sort as text. Every source has data up to the earliest.
  return latestWindow(newest.sort()[0] ?? '', time.window);
}
