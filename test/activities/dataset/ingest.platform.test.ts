import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createIngestActivities,
  type IngestDeps,
  type IngestInput,
} from '../../../activities/dataset/ingest';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import type { Registry } from '../../../db/registry';
import type { DatasetManifest, DatasetVersionRef } from '../../../domain/dataset/dataset';
import { defaultTenant as tenant, effectKey } from '../../../domain/ids';
import type { DataSpec, ModelSource, SourceSpec } from '../../../domain/lifecycle/lifecycle';
import { openTestRegistry, startRun, type TestRegistry } from '../../db/registry-fixture';
import { samplesDir, testBucket } from '../../support/platform';

/** These tests cause failures, so they need no log. */
const createEnvironment = (attempt: number) =>
  new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') });

describe('ingest', () => {
  let test_: TestRegistry;
  let registry: Registry;
  let artifacts: ArtifactStore;
  let folder: string;
  let deps: IngestDeps;
  beforeAll(async () => {
    test_ = await openTestRegistry();
    registry = test_.registry;
    artifacts = openArtifactStore({ ...testBucket(), leases: registry.artifacts });
    await artifacts.ensureBucket();
    folder = await mkdtemp(join(tmpdir(), 'ingest-'));
    await mkdir(join(folder, 'scratch'));
    const sourcePolicy = {
      samplesDir: samplesDir(),
      allowPrivateAddresses: false,
      files: { roots: [folder], denied: [] },
      buckets: [],
      s3: null,
    };
    deps = { registry, artifacts, scratchRoot: join(folder, 'scratch'), sourcePolicy };
  });
  afterEach(async () => {
    expect(await readdir(deps.scratchRoot)).toEqual([]);
  });
  afterAll(async () => {
    artifacts.close();
    await test_.close();
    await rm(folder, { recursive: true, force: true });
  });

  const limits = { maxBytes: 1 << 30, timeoutSeconds: 60 };
  const csv = async (name: string, content: string): Promise<ModelSource> => {
    await writeFile(join(folder, `${name}.csv`), content);
    return {
      name,
      uri: pathToFileURL(join(folder, `${name}.csv`)).href,
      format: 'csv',
      time: null,
      contract: null,
    };
  };
  const inputFor = async (
    source: SourceSpec,
    window: IngestInput['window'] = null,
  ): Promise<IngestInput> => {
    const runId = await startRun(registry);
    return {
      tenant,
      runId,
      key: effectKey(runId, 'ingest', 'source', 1, source.name),
      lifecycle: 'trips',
      source,
      window,
      limits,
    };
  };
  const ingest = (input: IngestInput, given: Partial<IngestDeps> = {}, attempt = 1) =>
    createEnvironment(attempt).run<
      [IngestInput],
      DatasetVersionRef,
      (given: IngestInput) => Promise<DatasetVersionRef>
    >(createIngestActivities({ ...deps, ...given }).ingestSource, input);
  const latest = async (source: string) =>
    (await registry.datasets.alias({ tenant, dataset: `trips.${source}`, alias: 'latest' }))
      ?.version;

  test('makes a verified dataset version with statistics, lineage and alias', async () => {
    const source = await csv('trips', 'a,b\n1,x\n2,\n');
    const input = await inputFor(source);
    const version = await ingest(input);
    expect(version).toMatchObject({ dataset: 'trips.trips', version: 1, rows: 2 });
    const manifest = await artifacts.getJson<DatasetManifest>(version.manifest);
    expect(manifest).toMatchObject({
      dataset: 'trips.trips',
      rows: 2,
      columns: [
        { name: 'a', type: 'integer' },
        { name: 'b', type: 'string' },
      ],
    });
    expect(manifest.files).toHaveLength(1);
    expect(
      await registry.datasets.get({ tenant, dataset: 'trips.trips', version: 1 }),
    ).toMatchObject({
      runId: input.runId,
      statistics: {
        rows: 2,
        columns: [
          { name: 'a', nulls: 0, min: 1 },
          { name: 'b', nulls: 1 },
        ],
      },
    });
    expect(await latest('trips')).toBe(1);
    const node = { kind: 'dataset' as const, name: 'trips.trips', version: 1 };
    expect(await registry.lineage.of({ tenant, node, direction: 'upstream' })).toMatchObject([
      {
        from: { kind: 'source', name: source.uri },
        to: { version: 1, digest: version.manifest.digest },
        runId: input.runId,
      },
    ]);
    const held = await test_.database
      .sql`select digest, held_by from artifact_references where held_by = 'dataset:trips.trips@1'`;
    expect(held.map(({ digest }) => digest as string).sort()).toEqual(
      [version.manifest.digest, manifest.files[0]?.digest].sort(),
    );
  });

  test('gives equal content the same version, and other content the next one', async () => {
    const first = await ingest(await inputFor(await csv('again', 'a\n1\n')));
    expect(await ingest(await inputFor(await csv('again', 'a\n1\n')))).toEqual(first);
    expect(await ingest(await inputFor(await csv('again', 'a\n2\n')))).toMatchObject({
      version: 2,
    });
    expect(await latest('again')).toBe(2);
    expect(await ingest(await inputFor(await csv('again', 'a\n1\n')))).toEqual(first);
    expect(await latest('again')).toBe(1);
  });

  test('repeats the stored result after the effect is done, and reads nothing', async () => {
    const input = await inputFor(await csv('journal', 'a\n1\n'));
    const first = await ingest(input);
    await rm(join(folder, 'journal.csv'));
    expect(await ingest(input, {}, 2)).toEqual(first);
  });

  /**
   * Every call of the registry or the store in the order of one attempt; the attempt dies before or
   * after one of them.
   */
  const calls = [
    'putFile',
    'putJson',
    'register',
    'reference',
    'add',
    'moveAlias',
    'complete',
  ] as const;
  test.each(
    calls.flatMap((call) => [
      [`before ${call}`, call, true] as const,
      [`after ${call}`, call, false] as const,
    ]),
  )(
    'an attempt that dies %s leaves nothing that the next one does not finish',
    async (_, call, before) => {
      const name = `dies-${call.toLowerCase()}-${before ? 'before' : 'after'}`;
      const input = await inputFor(await csv(name, `a\n${Math.floor(performance.now() * 1000)}\n`));
      const dying = <T extends object>(target: T): T =>
        new Proxy(target, {
          get(object, property) {
            const member: unknown = Reflect.get(object, property);
            if (property !== call || typeof member !== 'function') return member;
            return async (...given: unknown[]) => {
              if (!before)
                await (member as (...args: unknown[]) => Promise<unknown>).apply(object, given);
              throw new Error('the process died');
            };
          },
        });
      const { effects, datasets, artifacts: registered, lineage } = registry;
      const broken = {
        effects: dying(effects),
        datasets: dying(datasets),
        artifacts: dying(registered),
        lineage: dying(lineage),
      };
      await expect(
        ingest(input, { registry: broken, artifacts: dying(artifacts) }),
      ).rejects.toThrow('the process died');
      const version = await ingest(input, {}, 2);
      expect(version).toMatchObject({ dataset: `trips.${name}`, version: 1, rows: 1 });
      expect(await latest(name)).toBe(1);
      expect(
        (await registry.datasets.versions({ tenant, dataset: `trips.${name}`, pageSize: 10 }))
          .items,
      ).toHaveLength(1);
      const history = await test_.database
        .sql`select * from dataset_alias_history where dataset = ${`trips.${name}`}`;
      expect(history).toHaveLength(1);
    },
  );

  test('registers the last read of a source that changes between two attempts', async () => {
    const input = await inputFor(await csv('changing', 'a\n1\n'));
    const broken = {
      ...registry,
      effects: {
        ...registry.effects,
        complete: () => Promise.reject(new Error('the process died')),
      },
    };
    await expect(ingest(input, { registry: broken })).rejects.toThrow('the process died');
    await csv('changing', 'a\n2\n');
    expect(await ingest(input, {}, 2)).toMatchObject({ version: 2 });
    expect(await latest('changing')).toBe(2);
  });

  test('moves no alias after another attempt has taken over', async () => {
    const input = await inputFor(await csv('fenced', 'a\n1\n'));
    let second: Promise<DatasetVersionRef> | undefined;
    const slow = {
      ...artifacts,
      async putJson(put: Parameters<ArtifactStore['putJson']>[0]) {
        const ref = await artifacts.putJson(put);
        await csv('fenced', 'a\n2\n');
        second = ingest(input, {}, 2);
        await second;
        return ref;
      },
    };
    await expect(ingest(input, { artifacts: slow })).rejects.toMatchObject({ type: 'FencedOff' });
    expect(await second).toMatchObject({ version: 1 });
    expect(await latest('fenced')).toBe(1);
    expect(
      (await registry.datasets.versions({ tenant, dataset: 'trips.fenced', pageSize: 10 })).items,
    ).toHaveLength(1);
  });

  test('sends heartbeats from its first line, and leaves no files when cancelled', async () => {
    const rows = Array.from({ length: 1_000_000 }, (_, i) => `${i},${i * 1.5},text ${i}`);
    const input = await inputFor(await csv('cancelled', `a,b,c\n${rows.join('\n')}\n`));
    const environment = createEnvironment(1);
    let beats = 0;
    environment.on('heartbeat', () => {
      beats += 1;
      if (beats === 1) setTimeout(() => environment.cancel('CANCELLED'), 50);
    });
    await expect(
      environment.run(createIngestActivities(deps).ingestSource, input),
    ).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(beats).toBeGreaterThan(0);
    expect(await latest('cancelled')).toBeUndefined();
    expect(await artifacts.staging.list({ tenant, runId: input.runId })).toEqual([]);
  });

  test('reads a registered dataset, and its lineage names that version', async () => {
    await ingest(await inputFor(await csv('origin', 't,a\n2013-01-01,1\n2013-01-02,2\n')));
    const source: SourceSpec = {
      name: 'derived',
      uri: 'dataset://trips.origin@latest',
      format: 'parquet',
      time: 't',
    };
    const window = { from: '2013-01-02T00:00:00Z', until: '2013-01-03T00:00:00Z' };
    expect(await ingest(await inputFor(source, window))).toMatchObject({
      dataset: 'trips.derived',
      rows: 1,
    });
    const node = { kind: 'dataset' as const, name: 'trips.derived', version: 1 };
    const edges = await registry.lineage.of({ tenant, node, direction: 'upstream' });
    expect(edges.map(({ from }) => `${from.kind} ${from.name}`)).toEqual([
      'dataset trips.origin',
      expect.stringMatching(/^source file:/),
    ]);
    const missing = { ...source, uri: 'dataset://trips.origin@7' };
    await expect(ingest(await inputFor(missing, window))).rejects.toMatchObject({
      type: 'NotFound',
    });
  });

  test('moves `latest` back to its version before the run on undo', async () => {
    await ingest(await inputFor(await csv('undone', 'a\n1\n')));
    const input = await inputFor(await csv('undone', 'a\n2\n'));
    await ingest(input);
    expect(await latest('undone')).toBe(2);
    const undo = () =>
      createEnvironment(1).run(createIngestActivities(deps).restoreDatasetAliases, input);
    await undo();
    await undo();
    expect(await latest('undone')).toBe(1);
  });

  test('the latest window ends with the newest event that every timed source has', async () => {
    const timed = async (name: string, content: string) => ({
      ...(await csv(name, content)),
      time: 't',
    });
    const sources = [
      await timed('calls', 't\n2013-03-01T00:00:00Z\n2013-05-31T23:59:59.5Z\n'),
      await timed('masts', 't\n2013-06-30T00:00:00Z\n'),
      await csv('planes', 'a\n1\n'),
    ];
    const data = {
      sources,
      time: { column: 't', window: { months: 1, seconds: 0 }, until: 'latest', timezone: 'UTC' },
      ...limits,
    } as unknown as DataSpec;
    const runId = await startRun(registry);
    const input = { tenant, runId, key: effectKey(runId, 'ingest', 'window', 1), data };
    const find = (given: typeof input) =>
      createEnvironment(1).run(createIngestActivities(deps).findLatestWindow, given);
    expect(await find(input)).toEqual({
      from: '2013-05-01T00:00:00Z',
      until: '2013-06-01T00:00:00Z',
    });
    await csv('calls', 't\n2013-01-01T00:00:00Z\n');
    expect(await find(input)).toEqual({
      from: '2013-05-01T00:00:00Z',
      until: '2013-06-01T00:00:00Z',
    });
    const untimed = {
      ...input,
      key: effectKey(await startRun(registry), 'ingest', 'window', 1),
      data: { ...data, sources: sources.slice(2) },
    };
    await expect(find(untimed)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('needs a source with a time column') as string,
    });
  });

  test('ingests half a year of real flights', async () => {
    const source: SourceSpec = {
      name: 'flights',
      uri: 'sample://flights',
      format: 'parquet',
      time: 'time_hour',
    };
    const window = { from: '2013-01-01T05:00:00Z', until: '2013-07-01T04:00:00Z' };
    const first = await ingest(await inputFor(source, window));
    expect(first.rows).toBe(166_158);
    expect(await ingest(await inputFor(source, window))).toEqual(first);
  });
});
