import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBatchActivities } from '../../../activities/batch/batch';
import { openFeatures } from '../../../apps/gateway/inference/features';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import { openOnnxModel } from '../../../data/onnx/session';
import { quoteText, readParquet, withDuckDb } from '../../../data/sql/platform-sql';
import { batchDefaults, type BatchRequest } from '../../../domain/batch/batch';
import type { PlannedBatch } from '../../../domain/batch/outputs';
import type { ChunkCounts } from '../../../domain/batch/row-errors';
import type { Column, DatasetManifest } from '../../../domain/dataset/dataset';
import { effectKey, type RunId } from '../../../domain/ids';
import type { ModelManifest, ModelSignature } from '../../../domain/model/model';
import {
  openTestRegistry,
  spec,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { linearOnnx, type LinearGraph } from '../../support/serving/onnx-graph';
import { testBucket } from '../../support/platform';

const limits = { memoryBytes: 256e6, threads: 1 };
const parquet = 'application/vnd.apache.parquet';
const columns: readonly Column[] = [
  { name: 'flight', type: 'string' },
  { name: 'at', type: 'timestamp' },
  { name: 'hour', type: 'integer' },
  { name: 'wind', type: 'number' },
  { name: 'carrier', type: 'string' },
];
/** `bad` rows have an infinite wind, and the SQL fails for the carrier `?`. */
const rowsSql = (rows: number, { bad = 0, failing = 0 } = {}): string =>
  `SELECT 'f' || i AS flight, TIMESTAMP '2026-01-01' + to_seconds(i) AS at, i % 24 AS hour,
     CASE WHEN i % 100 < ${bad} THEN 'inf'::DOUBLE WHEN i % 10 = 9 THEN NULL ELSE (i % 40) / 4 END AS wind,
     CASE WHEN i % 97 < ${failing} THEN '?' ELSE ['AA', 'B6', 'DL'][1 + i % 3] END AS carrier
   FROM range(${rows}) r(i)`;
const featuresSql = `SELECT hour, wind, CASE WHEN carrier = '?' THEN CAST(carrier AS INTEGER)::VARCHAR ELSE carrier END AS carrier
   FROM request`;
const graph: LinearGraph = {
  bias: -5,
  weights: { hour: 0.2, wind: 0.1, carrier: { B6: 1 } },
  link: 'sigmoid',
};
const signature: ModelSignature = {
  task: 'classification',
  request: [
    { name: 'hour', type: 'integer' },
    { name: 'wind', type: 'number' },
    { name: 'carrier', type: 'string' },
  ],
  features: [
    { name: 'hour', type: 'float' },
    { name: 'wind', type: 'float' },
    { name: 'carrier', type: 'string' },
  ],
  output: 'score',
  entity: 'flight',
  time: 'at',
};

let test_: TestRegistry;
let artifacts: ArtifactStore;
let folder: string;
let activities: ReturnType<typeof createBatchActivities>;

beforeAll(async () => {
  test_ = await openTestRegistry();
  artifacts = openArtifactStore({ ...testBucket(), leases: test_.registry.artifacts });
  await artifacts.ensureBucket();
  folder = await mkdtemp(join(tmpdir(), 'batch-'));
  activities = openActivities();
});
afterAll(async () => {
  artifacts.close();
  await test_.close();
  await rm(folder, { recursive: true, force: true });
});

function openActivities(store = artifacts) {
  const { registry } = test_;
  return createBatchActivities({
    registry,
    artifacts: store,
    scratchRoot: join(folder, 'scratch'),
  });
}

function defined<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('a record is missing');
  return value;
}

function inActivity<T>(work: () => Promise<T>, attempt = 1): Promise<T> {
  const environment = new MockActivityEnvironment(
    { attempt },
    { logger: new DefaultLogger('ERROR') },
  );
  return environment.run(work);
}

interface World {
  readonly runId: RunId;
  readonly model: string;
  readonly dataset: string;
  readonly request: BatchRequest;
}

/** A run of a model with one version, and a dataset of several files with other row groups. */
async function world({
  files,
  classes,
  sql = featuresSql,
  ...options
}: Partial<BatchRequest> & {
  readonly files: readonly string[];
  readonly classes?: readonly string[];
  readonly sql?: string;
}): Promise<World> {
  const { registry } = test_;
  const runId = await startRun(registry);
  const { lifecycle: model } = defined(await registry.runs.get({ tenant, id: runId }));
  const put = async (query: string) => {
    const path = join(folder, `${unique('part')}.parquet`);
    await withDuckDb(
      (db) => db.run(`COPY (${query}) TO ${quoteText(path)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`),
      limits,
    );
    const { rows } = await withDuckDb(
      (db) => db.one<{ rows: number }>(`SELECT count(*) AS rows FROM ${readParquet([path])}`),
      limits,
    );
    return { rows, file: await artifacts.putFile({ tenant, path, mediaType: parquet }) };
  };
  const parts = await Promise.all(files.map(put));
  const dataset = `${model}.orders`;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const value: DatasetManifest = { dataset, columns, rows, files: parts.map(({ file }) => file) };
  const manifest = await artifacts.putJson({ tenant, value });
  await registry.datasets.register({
    tenant,
    dataset,
    manifest,
    rows,
    columns,
    runId: null,
    idempotencyKey: unique('dataset'),
  });
  const bytes = (content: Uint8Array, mediaType: string) =>
    artifacts.putBytes({ tenant, bytes: content, mediaType });
  const ofClasses = classes && {
    task: 'multiclass' as const,
    classes,
  };
  const version: ModelManifest = {
    model,
    signature: { ...signature, ...ofClasses },
    onnx: await bytes(
      linearOnnx(
        classes ? { ...graph, classes: { slopes: [0, 1, 2], offsets: [0, 0, -1] } } : graph,
      ),
      'application/onnx',
    ),
    featuresSql: await bytes(Buffer.from(sql), 'application/sql'),
    trainer: null,
    trainingData: manifest.digest,
  };
  await registry.models.register({
    tenant,
    model,
    runId,
    manifest: await artifacts.putJson({ tenant, value: version }),
    signature: version.signature,
    idempotencyKey: unique('version'),
  });
  const request = {
    ...batchDefaults,
    input: `dataset://${dataset}@1`,
    as: '1',
    chunkRows: 1000,
    ...options,
  };
  return { runId, model, dataset, request };
}

async function planned({ runId, model, request }: World): Promise<PlannedBatch> {
  const key = (step: string) => effectKey(runId, 'resolve', step, 1);
  const pins = await inActivity(() =>
    activities.pinBatch({
      tenant,
      runId,
      key: key('pin'),
      lifecycle: model,
      spec: { ...spec, data: { sources: [] } } as never,
      request,
    }),
  );
  return inActivity(() => activities.planBatch({ tenant, runId, key: key('plan'), pins, request }));
}

function scoreChunk(
  { runId }: World,
  { plan }: PlannedBatch,
  chunk: number,
  { attempt = 1, from = activities } = {},
): Promise<ChunkCounts> {
  const key = effectKey(runId, 'score', 'chunk', 1, String(chunk));
  return inActivity(() => from.scoreBatchChunk({ tenant, runId, key, plan, chunk }), attempt);
}

function commit({ runId }: World, { plan, chunks }: PlannedBatch) {
  const key = effectKey(runId, 'commit', 'commit', 1);
  const of = { stage: 'score', step: 'chunk', generation: 1 };
  return inActivity(() => activities.commitBatch({ tenant, runId, key, plan, chunks, ...of }));
}

async function scored(of: World) {
  const plan = await planned(of);
  for (let chunk = 0; chunk < plan.chunks; chunk += 1) await scoreChunk(of, plan, chunk);
  return { plan, committed: await commit(of, plan) };
}

async function readRows<Row extends object>(dataset: string, version: number): Promise<Row[]> {
  const found = defined(await test_.registry.datasets.get({ tenant, dataset, version }));
  const { files } = await artifacts.getJson<DatasetManifest>(found.manifest);
  const paths: string[] = [];
  for (const file of files) {
    const path = join(folder, `${unique('read')}.parquet`);
    await artifacts.toFile(file, path);
    paths.push(path);
  }
  return withDuckDb((db) => db.rows<Row>(`FROM ${readParquet(paths)}`), limits);
}

interface Prediction {
  readonly row: number;
  readonly flight: string;
  readonly at: Date;
  readonly score: number;
  readonly model_version: number;
}

/** What the gateway computes for the rows that `rowsSql` makes. */
async function gatewayScores(rows: number, classes?: readonly string[]): Promise<Float64Array> {
  const features = await openFeatures({ sql: featuresSql, signature });
  const onnx = await openOnnxModel(
    linearOnnx(classes ? { ...graph, classes: { slopes: [0, 1, 2], offsets: [0, 0, -1] } } : graph),
    signature.features,
    classes,
  );
  const values = Array.from({ length: rows }, (_, i) => ({
    hour: i % 24,
    wind: i % 10 === 9 ? null : (i % 40) / 4,
    carrier: ['AA', 'B6', 'DL'][i % 3] ?? null,
  }));
  try {
    return await onnx.predict(await features.compute(values, performance.now() + 60_000), rows);
  } finally {
    features.close();
    await onnx.close();
  }
}

describe('a batch prediction', () => {
  test('gives every row of one large file and of small ones the score of the gateway', async () => {
    const rows = 5_300;
    const all = rowsSql(rows);
    const part = (from: number, until: number) =>
      `SELECT * FROM (${all}) WHERE substr(flight, 2)::INTEGER BETWEEN ${from} AND ${until - 1}`;
    const of = await world({ files: [part(0, 5_000), part(5_000, 5_000), part(5_000, rows)] });
    const { plan, committed } = await scored(of);
    expect(plan).toMatchObject({ rows, chunks: 6 });
    expect(committed).toMatchObject({
      dataset: `${of.model}.predictions`,
      version: 1,
      counts: { rows, scored: rows, quarantined: 0, chunks: 6 },
    });
    const expected = await gatewayScores(rows);
    const found = await readRows<Prediction>(committed.dataset, 1);
    expect(found.map(({ row }) => row)).toEqual(Array.from({ length: rows }, (_, i) => i));
    expect(found[4321]).toMatchObject({
      flight: 'f4321',
      at: new Date(Date.UTC(2026, 0, 1) + 4_321_000),
      model_version: 1,
    });
    const differences = found.map(({ score, row }) => Math.abs(score - (expected[row] ?? NaN)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1e-6);
  });

  test('has lineage to the dataset version, the model version and the run', async () => {
    const of = await world({ files: [rowsSql(10)] });
    const { committed } = await scored(of);
    const edges = await test_.registry.lineage.of({
      tenant,
      node: { kind: 'dataset', name: committed.dataset, version: 1 },
      direction: 'upstream',
    });
    const run = expect.objectContaining({ kind: 'run', name: of.runId }) as unknown;
    expect(edges[0]).toMatchObject({ from: { kind: 'run', name: of.runId }, distance: 1 });
    expect(edges).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          from: expect.objectContaining({
            kind: 'dataset',
            name: of.dataset,
            version: 1,
          }) as unknown,
          to: run,
          runId: of.runId,
        }),
        expect.objectContaining({
          from: expect.objectContaining({ kind: 'model', name: of.model, version: 1 }) as unknown,
          to: run,
          runId: of.runId,
        }),
      ]),
    );
    const latest = await test_.registry.datasets.alias({
      tenant,
      dataset: committed.dataset,
      alias: 'latest',
    });
    expect(latest?.version).toBe(1);
  });

  test('puts rejected rows into quarantine, with reasons and without losing a row', async () => {
    const of = await world({
      files: [rowsSql(2_000, { bad: 1, failing: 1 })],
      maxErrorShare: 1,
    });
    const { committed } = await scored(of);
    const infinite = 20;
    const failing = Math.ceil(2_000 / 97);
    // Row 0 is both: its wind is infinite, so the SQL never sees it.
    expect(committed.counts).toMatchObject({
      rows: 2_000,
      scored: 2_000 - infinite - failing + 1,
      quarantined: infinite + failing - 1,
      reasons: { '`wind` is infinite': infinite, 'features.sql fails for the row': failing - 1 },
    });
    const [record] = (
      await test_.registry.datasets.quarantine.list({ tenant, dataset: of.dataset, pageSize: 2 })
    ).items;
    expect(record).toMatchObject({ version: 1, rows: infinite + failing - 1, runId: of.runId });
    const path = join(folder, 'quarantine.parquet');
    await artifacts.toFile(defined(record).artifact, path);
    const rows = await withDuckDb(
      (db) => db.rows<{ flight: string; __reasons: string }>(`FROM ${readParquet([path])}`),
      limits,
    );
    expect(rows.slice(0, 2)).toEqual([
      expect.objectContaining({ flight: 'f0', __reasons: '`wind` is infinite' }),
      expect.objectContaining({ flight: 'f97', __reasons: 'features.sql fails for the row' }),
    ]);
    const good = await readRows<Prediction>(committed.dataset, 1);
    expect(good.map(({ flight }) => flight)).not.toContain('f97');
    expect(good).toHaveLength(committed.counts.scored);
  });

  test('writes a class and a probability for each class', async () => {
    const classes = ['calm', 'breeze', 'gale'];
    const of = await world({ files: [rowsSql(50)], classes, keys: ['hour'] });
    const { committed } = await scored(of);
    const rows = await readRows<Record<string, unknown>>(committed.dataset, 1);
    const expected = await gatewayScores(50, classes);
    rows.forEach((row, i) => {
      const own = [...expected.subarray(i * 3, i * 3 + 3)];
      expect(row).toMatchObject({ row: i, hour: i % 24 });
      expect(row['class']).toBe(classes[own.indexOf(Math.max(...own))]);
      classes.forEach((name, k) =>
        expect(row[`probability_${name}`]).toBeCloseTo(own[k] ?? NaN, 6),
      );
    });
  });

  test('repeats no chunk that the journal has, and a lost attempt stores the same file', async () => {
    const of = await world({ files: [rowsSql(1_500)] });
    const plan = await planned(of);
    // The worker dies after the upload and before the journal has it.
    const stored: string[] = [];
    const dying = openActivities({
      ...artifacts,
      async putFile(put) {
        const ref = await artifacts.putFile(put);
        stored.push(ref.digest);
        throw new Error('the worker dies here');
      },
    });
    await expect(scoreChunk(of, plan, 0, { from: dying })).rejects.toThrow('dies here');
    await scoreChunk(of, plan, 0, { attempt: 2 });
    await expect(commit(of, plan)).rejects.toThrow(/chunk 1 has no result/);
    const again = await scoreChunk(of, plan, 1);
    expect(await scoreChunk(of, plan, 1, { from: dying, attempt: 3 })).toEqual(again);
    const { counts, dataset } = await commit(of, plan);
    expect(counts).toMatchObject({ rows: 1_500, scored: 1_500 });
    const { files } = await artifacts.getJson<DatasetManifest>(
      defined(await test_.registry.datasets.get({ tenant, dataset, version: 1 })).manifest,
    );
    expect(files[0]?.digest).toBe(stored[0]);
    // A repeated commit finds the version.
    expect(await commit(of, plan)).toMatchObject({ version: 1 });
    expect((await readRows<Prediction>(dataset, 1)).map(({ row }) => row)).toEqual(
      Array.from({ length: 1_500 }, (_, i) => i),
    );
  });

  test('gives its files free when it is undone, and keeps those of the version', async () => {
    const of = await world({ files: [rowsSql(1_500)] });
    const plan = await planned(of);
    await scoreChunk(of, plan, 0);
    const { registry } = test_;
    const held = () => registry.artifacts.heldBy({ tenant, by: `batch:${of.runId}` });
    expect((await held()).length).toBeGreaterThan(0);
    await activities.dropBatchFiles({ tenant, runId: of.runId });
    expect(await held()).toEqual([]);
    await activities.dropBatchFiles({ tenant, runId: of.runId });
  });

  test('names the columns that the input lacks, before any work', async () => {
    const of = await world({ files: [`SELECT * EXCLUDE (hour, wind) FROM (${rowsSql(3)})`] });
    const { registry } = test_;
    const manifest = await artifacts.putJson({
      tenant,
      value: { dataset: of.dataset, columns: columns.slice(0, 2), rows: 3, files: [] },
    });
    await registry.datasets.register({
      tenant,
      dataset: of.dataset,
      manifest,
      rows: 3,
      columns: columns.slice(0, 2),
      runId: null,
      idempotencyKey: unique('dataset'),
    });
    const request = { ...of.request, input: `dataset://${of.dataset}@2` };
    await expect(planned({ ...of, request })).rejects.toThrow(
      `${of.dataset}@2 does not fit the features of the model: ` +
        '`hour` (integer) is missing, `wind` (number) is missing, `carrier` (string) is missing',
    );
  });

  test.each([
    [{ as: 'champion' }, /has no champion/],
    [{ as: '7' }, /there is no .*@7/],
    [{ input: 'dataset://shop.nothing@1' }, /there is no dataset shop\.nothing/],
  ])('refuses %j', async (change, message) => {
    const of = await world({ files: [rowsSql(3)] });
    await expect(planned({ ...of, request: { ...of.request, ...change } })).rejects.toThrow(
      message,
    );
  });

  test('leaves no folder of an attempt behind', async () => {
    const left = await readdir(join(folder, 'scratch'));
    expect(left.filter((name) => !name.startsWith('batch-parts.'))).toEqual([]);
  });
});
