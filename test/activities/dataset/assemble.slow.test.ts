import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  createAssembleActivities,
  type AssembleDeps,
  type AssembleInput,
  type AssembleEnd,
} from '../../../activities/dataset/assemble';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import { openFeatureRunner } from '../../../data/sql/feature-runner';
import { compileFeatureSql } from '../../../data/sql/feature-sql';
import { quoteText, readParquet, withDuckDb } from '../../../data/sql/platform-sql';
import type { Registry } from '../../../db/registry';
import type { ArtifactRef } from '../../../domain/artifact';
import type { TrainingSet } from '../../../domain/training/assembled';
import { assembledParts } from '../../../domain/dataset/split';
import type { Column, DatasetManifest, DatasetVersionRef } from '../../../domain/dataset/dataset';
import { defaultTenant as tenant, effectKey } from '../../../domain/ids';
import type { DataSpec } from '../../../domain/lifecycle/lifecycle';
import { openTestRegistry, startRun, unique, type TestRegistry } from '../../db/registry-fixture';
import { samplesDir, testBucket } from '../../support/platform';

const inProcess = { memoryBytes: 512e6, threads: 1 };
const sample = resolve(__dirname, '..', '..', '..', 'samples', 'flight-delay');

/** The sample lifecycle's `data`. */
const data: DataSpec = {
  sources: [],
  assemble: 'sql/assemble.sql',
  features: 'sql/features.sql',
  label: { column: 'late', availableAfterSeconds: 12 * 3600, dependsOnPrediction: false },
  time: {
    column: 'scheduled_at',
    window: { months: 6, seconds: 0 },
    until: 'latest',
    timezone: 'UTC',
  },
  entity: 'tailnum',
  split: { by: 'time', tuningDays: 30, confirmDays: 15, holdoutDays: 30 },
  maxBytes: 1 << 30,
  timeoutSeconds: 120,
};
const window = { from: '2013-01-01T00:00:00Z', until: '2013-07-01T00:00:00Z' };

describe('assembleData on the flights of half a year', () => {
  let test_: TestRegistry;
  let registry: Registry;
  let artifacts: ArtifactStore;
  let folder: string;
  let deps: AssembleDeps;
  let files: Record<string, ArtifactRef>;
  let datasets: Record<string, DatasetVersionRef>;
  beforeAll(async () => {
    test_ = await openTestRegistry();
    registry = test_.registry;
    artifacts = openArtifactStore({ ...testBucket(), leases: registry.artifacts });
    await artifacts.ensureBucket();
    folder = await mkdtemp(join(tmpdir(), 'assemble-'));
    await mkdir(join(folder, 'scratch'));
    deps = { registry, artifacts, scratchRoot: join(folder, 'scratch') };
    files = {
      'sql/assemble.sql': await sqlFile('sql/assemble.sql'),
      'sql/features.sql': await sqlFile('sql/features.sql'),
    };
    datasets = { flights: await ingested('flights'), weather: await ingested('weather') };
  });
  afterEach(async () => {
    expect(await readdir(deps.scratchRoot)).toEqual([]);
  });
  afterAll(async () => {
    artifacts.close();
    await test_.close();
    await rm(folder, { recursive: true, force: true });
  });

  const sqlFile = async (path: string) =>
    artifacts.putBytes({
      tenant,
      bytes: await readFile(join(sample, path)),
      mediaType: 'application/sql',
    });

  async function ingested(dataset: string): Promise<DatasetVersionRef> {
    const path = join(folder, `${dataset}.parquet`);
    const [from, until] = [window.from, window.until].map(quoteText);
    const rows = await withDuckDb(async (sql) => {
      const source = `SELECT * REPLACE (time_hour AT TIME ZONE 'UTC' AS time_hour) FROM ${readParquet([join(samplesDir(), `${dataset}.parquet`)])}
                      WHERE time_hour >= ${from}::TIMESTAMPTZ AND time_hour < ${until}::TIMESTAMPTZ`;
      const { Count } = await sql.one<{ Count: number }>(
        `COPY (${source}) TO ${quoteText(path)} (FORMAT parquet)`,
      );
      return Count;
    }, inProcess);
    const file = await artifacts.putFile({
      tenant,
      path,
      mediaType: 'application/vnd.apache.parquet',
    });
    // Assembly takes the tables' columns from the files themselves.
    const columns: readonly Column[] = [];
    const value: DatasetManifest = { dataset, columns, rows, files: [file] };
    const manifest = await artifacts.putJson({ tenant, value });
    return registry.datasets.register({
      tenant,
      dataset,
      manifest,
      rows,
      columns,
      runId: null,
      idempotencyKey: dataset,
    });
  }

  async function inputFor(more: Partial<AssembleInput> = {}): Promise<AssembleInput> {
    const runId = await startRun(registry);
    const key = effectKey(runId, 'train', 'assemble', 1);
    return {
      tenant,
      runId,
      key,
      lifecycle: unique('flight-delay'),
      datasets,
      data,
      task: null,
      files,
      window,
      ...more,
    };
  }

  const assembleData = (input: AssembleInput, attempt = 1, given: Partial<AssembleDeps> = {}) =>
    new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') }).run<
      [AssembleInput],
      AssembleEnd,
      (given: AssembleInput) => Promise<AssembleEnd>
    >(createAssembleActivities({ ...deps, ...given }).assembleData, input);

  test('splits into four parts by time, with lineage and the same bytes each time', async () => {
    const input = await inputFor();
    const first = await assembleData(input);
    const assembled = await artifacts.getJson<TrainingSet>(first.assembled);
    expect(assembled).toMatchObject({
      task: 'classification',
      label: 'late',
      entity: 'tailnum',
      dropped: { withoutTime: 0 },
    });
    expect(first.rows.train).toBeGreaterThan(80_000);
    expect(assembledParts.map((part) => first.rows[part])).toEqual(
      assembledParts.map((part) => assembled.parts[part].rows),
    );

    const dataset = `${input.lifecycle}.request-rows`;
    const version = await registry.datasets.get({ tenant, dataset, version: 1 });
    const rows = Object.values(first.rows).reduce((sum, each) => sum + each, 0);
    expect(version).toMatchObject({ rows, runId: input.runId });
    const manifest = await artifacts.getJson<DatasetManifest>(
      (version as DatasetVersionRef).manifest,
    );
    expect(manifest.files).toEqual(assembledParts.map((part) => assembled.parts[part].requestRows));
    const described = await withDuckDb(async (sql) => {
      const path = join(folder, 'train.parquet');
      await artifacts.toFile(assembled.parts.train.requestRows, path);
      return sql.rows<{ column_name: string }>(`DESCRIBE SELECT * FROM ${readParquet([path])}`);
    }, inProcess);
    expect(manifest.columns.map((column) => column.name)).toEqual(
      described.map((column) => column.column_name),
    );

    const upstream = await registry.lineage.of({
      tenant,
      node: { kind: 'dataset', name: dataset, version: 1 },
      direction: 'upstream',
    });
    expect(upstream.map((edge) => edge.from.name).sort()).toEqual(['flights', 'weather']);
    const held = await test_.database
      .sql`select digest from artifact_references where held_by = ${`dataset:${dataset}@1`}`;
    expect(held).toHaveLength(5);

    const holdout = `${input.lifecycle}.holdout-rows`;
    expect(first.holdout).toMatchObject({ dataset: holdout, version: 1, rows: first.rows.holdout });
    expect((await artifacts.getJson<DatasetManifest>(first.holdout.manifest)).files).toEqual([
      assembled.parts.holdout.requestRows,
    ]);
    const above = await registry.lineage.of({
      tenant,
      node: { kind: 'dataset', name: holdout, version: 1 },
      direction: 'upstream',
    });
    expect(above.map((edge) => edge.from.name).sort()).toEqual(
      ['flights', dataset, 'weather'].sort(),
    );

    // Another run of the same lifecycle makes the same version.
    const again = await assembleData(await inputFor({ lifecycle: input.lifecycle }));
    expect(again).toEqual(first);
    expect((await registry.datasets.versions({ tenant, dataset, pageSize: 9 })).items).toHaveLength(
      1,
    );
  });

  test('computes the same features as the gateway', async () => {
    const { assembled } = await assembleData(await inputFor());
    const { parts, available, request } = await artifacts.getJson<TrainingSet>(assembled);
    const [requestRows, features] = [
      join(folder, 'holdout-request.parquet'),
      join(folder, 'holdout-features.parquet'),
    ];
    await artifacts.toFile(parts.holdout.requestRows, requestRows);
    await artifacts.toFile(parts.holdout.features, features);
    const plan = await compileFeatureSql({
      sql: await readFile(join(sample, 'sql/features.sql'), 'utf8'),
      request: available,
    });
    expect(plan.requestColumns).toEqual(request);
    const read = (path: string) =>
      withDuckDb(
        (sql) =>
          sql.rows<Record<string, string | number>>(
            `SELECT * FROM ${readParquet([path])} ORDER BY __row LIMIT 3000`,
          ),
        inProcess,
      );
    const runner = await openFeatureRunner(plan);
    const served = await runner.run(await read(requestRows), { deadlineMs: 20_000 });
    runner.close();
    const trained = await read(features);
    for (const { name } of plan.features)
      expect(served[name]).toEqual(trained.map((row) => row[name]));
  });

  test('repeats the stored result after the effect is done', async () => {
    const input = await inputFor();
    const first = await assembleData(input);
    const blind = { ...artifacts, getJson: () => Promise.reject(new Error('must not read again')) };
    expect(await assembleData(input, 2, { artifacts: blind })).toEqual(first);
  });

  test("registers nothing when the user's SQL or spec has an error", async () => {
    const input = await inputFor({ data: { ...data, entity: 'tail_number' } });
    await expect(assembleData(input)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('tail_number') as string,
    });
    expect(
      await registry.datasets.get({
        tenant,
        dataset: `${input.lifecycle}.request-rows`,
        version: 1,
      }),
    ).toBeNull();
  });

  test('ends the query and its process when cancelled', async () => {
    const endless = await artifacts.putBytes({
      tenant,
      bytes: Buffer.from(
        'SELECT a.scheduled_at, true AS late, a.tailnum FROM (SELECT time_hour AS scheduled_at, tailnum FROM flights) a, flights b, flights c',
      ),
      mediaType: 'application/sql',
    });
    const input = await inputFor({ files: { ...files, 'sql/assemble.sql': endless } });
    const environment = new MockActivityEnvironment(
      { attempt: 1 },
      { logger: new DefaultLogger('ERROR') },
    );
    const running = environment.run<
      [AssembleInput],
      AssembleEnd,
      (given: AssembleInput) => Promise<AssembleEnd>
    >(createAssembleActivities(deps).assembleData, input);
    setTimeout(() => environment.cancel('CANCELLED'), 1500);
    const began = Date.now();
    await expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
    // The query itself would take hours.
    expect(Date.now() - began).toBeLessThan(8_000);
  });
});
