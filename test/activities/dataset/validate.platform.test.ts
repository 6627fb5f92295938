import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createValidateActivities,
  type ValidateDeps,
  type ValidateInput,
  type ValidateEnd,
} from '../../../activities/dataset/validate';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import { quoteText, readParquet, withDuckDb } from '../../../data/sql/platform-sql';
import type { Registry } from '../../../db/registry';
import type { DataContract } from '../../../domain/dataset/contract';
import type { Column, DatasetManifest, DatasetVersionRef } from '../../../domain/dataset/dataset';
import { defaultTenant as tenant, effectKey } from '../../../domain/ids';
import { openTestRegistry, startRun, unique, type TestRegistry } from '../../db/registry-fixture';
import { testBucket } from '../../support/platform';

const inProcess = { memoryBytes: 256e6, threads: 1 };
const columns: readonly Column[] = [
  { name: 'id', type: 'integer' },
  { name: 'delay', type: 'number' },
];

describe('validateDataset', () => {
  let test_: TestRegistry;
  let registry: Registry;
  let artifacts: ArtifactStore;
  let folder: string;
  let deps: ValidateDeps;
  beforeAll(async () => {
    test_ = await openTestRegistry();
    registry = test_.registry;
    artifacts = openArtifactStore({ ...testBucket(), leases: registry.artifacts });
    await artifacts.ensureBucket();
    folder = await mkdtemp(join(tmpdir(), 'validate-'));
    await mkdir(join(folder, 'scratch'));
    deps = { registry, artifacts, scratchRoot: join(folder, 'scratch') };
  });
  afterEach(async () => {
    expect(await readdir(deps.scratchRoot)).toEqual([]);
  });
  afterAll(async () => {
    artifacts.close();
    await test_.close();
    await rm(folder, { recursive: true, force: true });
  });

  const buildContract = (more: Partial<DataContract> = {}): DataContract => ({
    columns: [
      {
        name: 'delay',
        type: 'number',
        required: true,
        maxNullShare: 1,
        min: null,
        max: 100,
        values: null,
        pattern: null,
      },
    ],
    otherColumns: 'allow',
    unique: [['id']],
    rows: { min: 1, max: null },
    maxQuarantinedShare: 0.1,
    distribution: null,
    ...more,
  });
  // The contract must list `id` so that `unique` can be measured.
  const withId = (contract: DataContract): DataContract => ({
    ...contract,
    columns: [
      {
        name: 'id',
        type: 'integer',
        required: true,
        maxNullShare: 0,
        min: null,
        max: null,
        values: null,
        pattern: null,
      },
      ...contract.columns,
    ],
  });

  /** `rows` rows; the first `bad` of them are out of range. */
  async function registered(
    dataset: string,
    rows: number,
    bad: number,
  ): Promise<DatasetVersionRef> {
    const path = join(folder, `${dataset}.parquet`);
    const query = `SELECT i AS id, CASE WHEN i < ${bad} THEN 999.0 + i ELSE i % 7 END::DOUBLE AS delay FROM range(${rows}) r(i)`;
    await withDuckDb(
      (sql) => sql.run(`COPY (${query}) TO ${quoteText(path)} (FORMAT parquet)`),
      inProcess,
    );
    const file = await artifacts.putFile({
      tenant,
      path,
      mediaType: 'application/vnd.apache.parquet',
    });
    const value: DatasetManifest = { dataset, columns, rows, files: [file] };
    const manifest = await artifacts.putJson({ tenant, value });
    return registry.datasets.register({
      tenant,
      dataset,
      manifest,
      rows,
      columns,
      runId: null,
      idempotencyKey: `${dataset}/${manifest.digest}`,
    });
  }

  async function inputFor(
    dataset: DatasetVersionRef,
    contract: Partial<DataContract> = {},
  ): Promise<ValidateInput> {
    const runId = await startRun(registry);
    const key = effectKey(runId, 'validate', 'contract', 1, dataset.dataset);
    const reference = await registry.datasets.alias({
      tenant,
      dataset: dataset.dataset,
      alias: 'approved',
    });
    return {
      tenant,
      runId,
      key,
      source: 'trips',
      dataset,
      contract: withId(buildContract(contract)),
      reference,
    };
  }

  const validate = (input: ValidateInput, given: Partial<ValidateDeps> = {}, attempt = 1) =>
    new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') }).run<
      [ValidateInput],
      ValidateEnd,
      (given: ValidateInput) => Promise<ValidateEnd>
    >(createValidateActivities({ ...deps, ...given }).validateDataset, input);

  const approved = async (dataset: string) =>
    (await registry.datasets.alias({ tenant, dataset, alias: 'approved' }))?.version;

  async function readRows(version: DatasetVersionRef): Promise<Record<string, unknown>[]> {
    const manifest = await artifacts.getJson<DatasetManifest>(version.manifest);
    const path = join(folder, 'read.parquet');
    await artifacts.toFile(manifest.files[0] as DatasetManifest['files'][number], path);
    return withDuckDb((sql) => sql.rows(`SELECT * FROM ${readParquet([path])}`), inProcess);
  }

  test('approves a version without bad rows unchanged', async () => {
    const dataset = await registered(unique('clean'), 50, 0);
    const result = await validate(await inputFor(dataset));
    expect(result).toMatchObject({
      accepted: dataset,
      quarantine: null,
      verdict: { kind: 'passed' },
      report: { rows: 50, accepted: 50 },
    });
    expect(await approved(dataset.dataset)).toBe(1);
    expect(
      (await registry.datasets.versions({ tenant, dataset: dataset.dataset, pageSize: 9 })).items,
    ).toHaveLength(1);
  });

  test('quarantines bad rows with their reasons, and registers the good ones as a version', async () => {
    const dataset = await registered(unique('mixed'), 50, 2);
    const input = await inputFor(dataset);
    const result = await validate(input);
    expect(result.report).toMatchObject({ rows: 50, accepted: 48, quarantined: 2 });
    expect(result.accepted).toMatchObject({ dataset: dataset.dataset, version: 2, rows: 48 });
    expect((await readRows(result.accepted)).map((row) => row.id)).toEqual(
      Array.from({ length: 48 }, (_, i) => i + 2),
    );
    expect(await approved(dataset.dataset)).toBe(2);

    const { items } = await registry.datasets.quarantine.list({
      tenant,
      dataset: dataset.dataset,
      pageSize: 9,
    });
    expect(items).toMatchObject([
      {
        version: 1,
        runId: input.runId,
        rows: 2,
        artifact: result.quarantine,
        reasons: { 'range:delay': 2 },
      },
    ]);
    const path = join(folder, 'quarantine.parquet');
    await artifacts.toFile(result.quarantine as NonNullable<ValidateEnd['quarantine']>, path);
    expect(
      await withDuckDb((sql) => sql.rows(`SELECT * FROM ${readParquet([path])}`), inProcess),
    ).toEqual([
      { id: 0, delay: 999, __reasons: 'range:delay' },
      { id: 1, delay: 1000, __reasons: 'range:delay' },
    ]);

    const node = { kind: 'dataset' as const, name: dataset.dataset, version: 2 };
    expect(await registry.lineage.of({ tenant, node, direction: 'upstream' })).toMatchObject([
      { from: { version: 1 }, to: { version: 2 } },
    ]);
    expect(
      await registry.datasets.get({ tenant, dataset: dataset.dataset, version: 2 }),
    ).toMatchObject({
      statistics: { rows: 48, notes: [`2 rows of ${dataset.dataset}@1 are in quarantine`] },
    });
    const held = await test_.database
      .sql`select held_by as held from artifact_references where digest = ${result.quarantine?.digest ?? ''}`;
    expect(held).toMatchObject([{ held: `quarantine:${items[0]?.id ?? ''}` }]);
  });

  test('fails with too many bad rows: no version and no alias, but a quarantine', async () => {
    const dataset = await registered(unique('rotten'), 50, 20);
    const result = await validate(await inputFor(dataset));
    expect(result).toMatchObject({
      accepted: dataset,
      verdict: { kind: 'failed' },
      report: { accepted: 30, quarantined: 20 },
    });
    expect(result.verdict.reasons[0]?.message).toContain('20 of 50 rows (40 %) are bad');
    expect(result.quarantine).not.toBeNull();
    expect(await approved(dataset.dataset)).toBeUndefined();
    expect(
      (await registry.datasets.versions({ tenant, dataset: dataset.dataset, pageSize: 9 })).items,
    ).toHaveLength(1);
  });

  test('repeats the stored result after the effect is done', async () => {
    const dataset = await registered(unique('journal'), 50, 1);
    const input = await inputFor(dataset);
    const first = await validate(input);
    const blind = { ...artifacts, getJson: () => Promise.reject(new Error('must not read again')) };
    expect(await validate(input, { artifacts: blind }, 2)).toEqual(first);
  });

  test('compares distributions with the approved version, and does not pass if it is missing', async () => {
    const name = unique('drift');
    const distribution = { columns: ['delay'], maxPsi: 0.25 };
    const first = await validate(await inputFor(await registered(name, 500, 0), { distribution }));
    expect(first.verdict).toMatchObject({
      kind: 'passed',
      reasons: [{ code: 'contract.met' }, { code: 'contract.notApplicable' }],
    });

    const shifted = await registered(name, 500, 400);
    const second = await validate(await inputFor(shifted, { distribution, columns: [] }));
    expect(second.verdict).toMatchObject({
      kind: 'failed',
      reasons: [{ code: 'contract.distribution' }],
    });
    expect(await approved(name)).toBe(1);

    const { files } = await artifacts.getJson<DatasetManifest>(first.accepted.manifest);
    for (const { digest } of files) await artifacts.delete({ tenant, digest });
    const third = await validate(await inputFor(shifted, { distribution, columns: [] }));
    expect(third.verdict).toMatchObject({
      kind: 'inconclusive',
      reasons: [{ message: expect.stringContaining(`${name}@1 is no longer stored`) as string }],
    });
  });

  /**
   * Every call of the registry or the store in the order of one attempt; the attempt dies before or
   * after one of them.
   */
  const calls = [
    'putFile',
    'putJson',
    'put',
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
      const name = unique('dies');
      const input = await inputFor(
        await registered(name, 60 + Math.floor(Math.random() * 1000), 3),
      );
      const dying = <T extends object>(target: T): T =>
        new Proxy(target, {
          get(object, property) {
            const member: unknown = Reflect.get(object, property);
            if (property === 'quarantine') return dying(member as object);
            if (property !== call || typeof member !== 'function') return member;
            return async (...given: unknown[]) => {
              if (!before)
                await (member as (...args: unknown[]) => Promise<unknown>).apply(object, given);
              throw new Error('the process died');
            };
          },
        });
      const { effects, datasets, artifacts: recorded, lineage } = registry;
      const broken = {
        effects: dying(effects),
        datasets: dying(datasets),
        artifacts: dying(recorded),
        lineage: dying(lineage),
      };
      await expect(
        validate(input, { registry: broken, artifacts: dying(artifacts) }),
      ).rejects.toThrow('the process died');
      const result = await validate(input, {}, 2);
      expect(result).toMatchObject({ accepted: { version: 2 }, verdict: { kind: 'passed' } });
      expect(await approved(name)).toBe(2);
      expect(
        (await registry.datasets.versions({ tenant, dataset: name, pageSize: 9 })).items,
      ).toHaveLength(2);
      expect(
        (await registry.datasets.quarantine.list({ tenant, dataset: name, pageSize: 9 })).items,
      ).toHaveLength(1);
      expect(
        await test_.database.sql`select * from dataset_alias_history where dataset = ${name}`,
      ).toHaveLength(1);
    },
  );

  test('writes nothing after another attempt has taken over', async () => {
    const name = unique('zombie');
    const input = await inputFor(await registered(name, 60, 1));
    const late: Registry['effects'] = {
      ...registry.effects,
      claim: async (given) => {
        const claim = await registry.effects.claim(given);
        await registry.effects.claim({ ...given, attempt: 2, execution: 'another/one' });
        return claim;
      },
    };
    await expect(
      validate(input, { registry: { ...registry, effects: late } }),
    ).rejects.toMatchObject({ type: 'FencedOff' });
    expect(await approved(name)).toBeUndefined();
    expect(
      (await registry.datasets.quarantine.list({ tenant, dataset: name, pageSize: 9 })).items,
    ).toEqual([]);
  });
});
