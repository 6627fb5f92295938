import { mkdir } from 'node:fs/promises';
import type { ArtifactRef } from '../../domain/artifact';
import type { TrainingSet, AssembledPart } from '../../domain/training/assembled';
import type { AssembledPartName } from '../../domain/dataset/split';
import { groupColumn, reservedColumnTypes } from '../../domain/training/assembled';
import { assembledParts } from '../../domain/dataset/split';
import {
  datasetName,
  holdoutRows,
  requestRows,
  type DatasetManifest,
  type DatasetVersionRef,
  type TimeWindow,
} from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { DataSpec } from '../../domain/lifecycle/lifecycle';
import type { Task } from '../../domain/model/model';
import type { AssembledFiles } from '../../data/dataset/assemble/assemble';
import { assemble } from '../../data/dataset/assemble/assemble';
import type { ArtifactStore } from '../../data/artifact/store';
import { openScratch, type Scratch } from '../../data/scratch';
import type { Registry } from '../../db/registry';
import type { HeldClaim } from '../../db/run/guard';
import { datasetNode, registerDatasetVersion } from './register-version';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { withHeartbeat } from '../run/heartbeat';

export interface AssembleDeps {
  readonly registry: Pick<Registry, 'effects' | 'datasets' | 'artifacts' | 'lineage'>;
  readonly artifacts: ArtifactStore;
  readonly scratchRoot: string;
}

export interface AssembleInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly lifecycle: string;
  /** By source name, which is the table name in `assemble.sql`. */
  readonly datasets: Readonly<Record<string, DatasetVersionRef>>;
  readonly data: DataSpec;
  readonly task: Task | null;
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** Null when the rows have no time. */
  readonly window: TimeWindow | null;
}

export interface AssembleEnd {
  /** JSON `TrainingSet`. */
  readonly assembled: ArtifactRef;
  /** The request rows of all parts as a dataset version; the model's origin in lineage. */
  readonly dataset: DatasetVersionRef;
  /** The holdout of these rows as a dataset version, on which the candidate is evaluated. */
  readonly holdout: DatasetVersionRef;
  readonly rows: Readonly<Record<AssembledPartName, number>>;
}

/** Joins of a few million rows spill to disk above this. */
const memoryBytes = 2 * 2 ** 30;
const parquet = 'application/vnd.apache.parquet';

export function createAssembleActivities({ registry, artifacts, scratchRoot }: AssembleDeps) {
  return {
    /**
     * Builds request rows and features and splits them into parts. A retry repeats the stored
     * result, or assembles the same bytes again.
     */
    assembleData: (input: AssembleInput): Promise<AssembleEnd> =>
      withHeartbeat(({ signal }) =>
        withIdempotencyKey(registry.effects, input, async (assertOwned, claim) => {
          const scratch = await openScratch(scratchRoot, `assemble-${input.runId}`);
          try {
            const assembled = await assembleOnce(artifacts, scratch, input, signal);
            await assertOwned();
            return await store({ registry, artifacts }, { ...input, claim }, assembled, signal);
          } finally {
            await scratch.dispose();
          }
        }),
      ),
  };
}

async function assembleOnce(
  artifacts: ArtifactStore,
  scratch: Scratch,
  input: AssembleInput,
  signal: AbortSignal,
): Promise<AssembledFiles> {
  const { data, datasets, files, window, task } = input;
  const tables: Record<string, string[]> = {};
  for (const [source, version] of Object.entries(datasets)) {
    tables[source] = await stage(artifacts, scratch, source, version, signal);
  }
  return assemble({
    data,
    task,
    window,
    tables,
    assembleSql: await readText(artifacts, files, data.assemble),
    featuresSql: await readText(artifacts, files, data.features),
    folder: scratch.folder,
    limits: { memoryBytes, seconds: data.timeoutSeconds },
    signal,
  });
}

async function stage(
  artifacts: ArtifactStore,
  scratch: Scratch,
  source: string,
  version: DatasetVersionRef,
  signal: AbortSignal,
): Promise<string[]> {
  const manifest = await artifacts.getJson<DatasetManifest>(version.manifest);
  await mkdir(scratch.path('sources'), { recursive: true, mode: 0o700 });
  const paths: string[] = [];
  for (const [index, file] of manifest.files.entries()) {
    const path = scratch.path(`sources/${source}-${index}.parquet`);
    await artifacts.toFile(file, path, { signal });
    paths.push(path);
  }
  return paths;
}

async function readText(
  artifacts: ArtifactStore,
  files: Readonly<Record<string, ArtifactRef>>,
  path: string,
): Promise<string> {
  const ref = files[path];
  if (!ref)
    throw failure('NotFound', `the lifecycle revision has no file ${path}`, {
      next: 'perennial lifecycle apply <folder>',
    });
  return Buffer.from(await artifacts.getBytes(ref)).toString('utf8');
}

async function store(
  { registry, artifacts }: Omit<AssembleDeps, 'scratchRoot'>,
  input: AssembleInput & Held,
  made: AssembledFiles,
  signal: AbortSignal,
): Promise<AssembleEnd> {
  const { tenant, runId, data, files } = input;
  const storeFile = (path: string): Promise<ArtifactRef> =>
    artifacts.putFile({ tenant, runId, path, mediaType: parquet, signal });
  const parts: Partial<Record<AssembledPartName, AssembledPart>> = {};
  for (const name of assembledParts) {
    const { rows, window, requestRows, features } = made.parts[name];
    parts[name] = {
      rows,
      window,
      requestRows: await storeFile(requestRows),
      features: await storeFile(features),
    };
  }
  const value: TrainingSet = {
    columns: made.columns,
    label: data.label.column,
    labelType: made.labelType,
    task: made.task,
    ...(made.classes && { classes: made.classes }),
    time: data.time?.column ?? null,
    ...(data.split.by !== 'time' && {
      drawn: data.split.by === 'group' ? ('group' as const) : ('row' as const),
    }),
    ...(made.labels && { labels: made.labels }),
    entity: data.entity,
    available: made.available,
    request: made.request,
    features: made.features,
    featuresSql: files[data.features] as ArtifactRef,
    parts: parts as Record<AssembledPartName, AssembledPart>,
    dropped: made.dropped,
  };
  const assembled = await artifacts.putJson({ tenant, runId, value });
  const sources = Object.values(input.datasets);
  const dataset = await registerRows({ registry, artifacts }, input, {
    table: requestRows,
    of: value,
    parts: assembledParts,
    from: sources,
  });
  const holdout = await registerRows({ registry, artifacts }, input, {
    table: holdoutRows,
    of: value,
    parts: ['holdout'],
    from: [dataset],
  });
  return { assembled, dataset, holdout, rows: countPartRows(value) };
}

interface Held {
  readonly claim: HeldClaim;
}

type Registering = Pick<AssembleInput, 'tenant' | 'runId' | 'key' | 'lifecycle'> & Held;

interface AssembledTable {
  readonly table: string;
  readonly of: TrainingSet;
  readonly parts: readonly AssembledPartName[];
  readonly from: readonly DatasetVersionRef[];
}

async function registerRows(
  { registry, artifacts }: Omit<AssembleDeps, 'scratchRoot'>,
  { tenant, runId, key, lifecycle, claim }: Registering,
  { table, of: value, parts, from }: AssembledTable,
): Promise<DatasetVersionRef> {
  const dataset = datasetName(lifecycle, table);
  const rows = parts.reduce((sum, part) => sum + value.parts[part].rows, 0);
  const columns = [
    ...value.available,
    ...reservedColumnTypes,
    ...(value.drawn ? [{ name: groupColumn, type: 'string' } as const] : []),
  ];
  return registerDatasetVersion(
    { registry, artifacts },
    { tenant, runId, key, claim },
    {
      dataset,
      columns,
      rows,
      files: parts.map((part) => value.parts[part].requestRows),
      from: from.map(datasetNode),
    },
  );
}

function countPartRows({ parts }: TrainingSet): Record<AssembledPartName, number> {
  return {
    train: parts.train.rows,
    tuning: parts.tuning.rows,
    confirm: parts.confirm.rows,
    holdout: parts.holdout.rows,
  };
}
