import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createIngestActivities,
  type IngestDeps,
  type IngestInput,
} from '../../../activities/dataset/ingest';
import {
  createValidateActivities,
  type ValidateInput,
  type ValidateEnd,
} from '../../../activities/dataset/validate';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import type { DataContract } from '../../../domain/dataset/contract';
import type { DatasetVersionRef } from '../../../domain/dataset/dataset';
import { defaultTenant as tenant, effectKey } from '../../../domain/ids';
import { openTestRegistry, startRun, type TestRegistry } from '../../db/registry-fixture';
import { samplesDir, testBucket } from '../../support/platform';

const contract: DataContract = {
  columns: [
    {
      name: 'amount',
      type: 'number',
      required: true,
      maxNullShare: 1,
      min: null,
      max: null,
      values: null,
      pattern: null,
    },
  ],
  otherColumns: 'allow',
  unique: [],
  rows: { min: 1, max: null },
  maxQuarantinedShare: 0.1,
  distribution: { columns: ['amount'], maxPsi: 0.25 },
};

describe('lifecycles with a source of the same name', () => {
  let test_: TestRegistry;
  let artifacts: ArtifactStore;
  let folder: string;
  let deps: IngestDeps;
  beforeAll(async () => {
    test_ = await openTestRegistry();
    artifacts = openArtifactStore({ ...testBucket(), leases: test_.registry.artifacts });
    await artifacts.ensureBucket();
    folder = await mkdtemp(join(tmpdir(), 'source-datasets-'));
    await mkdir(join(folder, 'scratch'));
    const sourcePolicy = {
      samplesDir: samplesDir(),
      allowPrivateAddresses: false,
      files: { roots: [folder], denied: [] },
      buckets: [],
      s3: null,
    };
    deps = {
      registry: test_.registry,
      artifacts,
      scratchRoot: join(folder, 'scratch'),
      sourcePolicy,
    };
  });
  afterAll(async () => {
    artifacts.close();
    await test_.close();
    await rm(folder, { recursive: true, force: true });
  });

  const environment = () =>
    new MockActivityEnvironment({ attempt: 1 }, { logger: new DefaultLogger('ERROR') });

  /**
   * Runs `lifecycle` once over its table `orders`. Returns the ingested version, the reference and
   * the verdict.
   */
  async function run(lifecycle: string, amount: (row: number) => number) {
    const runId = await startRun(test_.registry);
    const path = join(folder, `${lifecycle}.csv`);
    await writeFile(
      path,
      `amount\n${Array.from({ length: 400 }, (_, row) => `${amount(row)}.5`).join('\n')}\n`,
    );
    const source = {
      name: 'orders',
      uri: pathToFileURL(path).href,
      format: 'csv',
      time: null,
    } as const;
    const effect = { tenant, runId, key: effectKey(runId, 'ingest', 'source', 1, source.name) };
    const input: IngestInput = {
      ...effect,
      lifecycle,
      source,
      window: null,
      limits: { maxBytes: 1 << 20, timeoutSeconds: 60 },
    };
    const dataset = await environment().run<
      [IngestInput],
      DatasetVersionRef,
      (given: IngestInput) => Promise<DatasetVersionRef>
    >(createIngestActivities(deps).ingestSource, input);
    const validating = createValidateActivities(deps);
    const reference = await validating.readApproved({ tenant, dataset: dataset.dataset });
    const key = effectKey(runId, 'validate', 'contract', 1, dataset.dataset);
    const { verdict, accepted } = await environment().run<
      [ValidateInput],
      ValidateEnd,
      (given: ValidateInput) => Promise<ValidateEnd>
    >(validating.validateDataset, {
      tenant,
      runId,
      key,
      source: 'orders',
      dataset,
      contract,
      reference,
    });
    return { dataset, reference, verdict, accepted };
  }

  test('share no versions, no aliases and no reference for distributions', async () => {
    const cheap = await run('shop', (row) => row % 10);
    const dear = await run('wholesale', (row) => 1000 + (row % 10));
    expect(cheap.dataset).toMatchObject({ dataset: 'shop.orders', version: 1 });
    // Another table, for which no version was approved.
    expect(dear).toMatchObject({
      dataset: { dataset: 'wholesale.orders', version: 1 },
      reference: null,
      verdict: { kind: 'passed' },
    });
    const again = await run('shop', (row) => row % 10);
    expect(again).toMatchObject({
      dataset: cheap.dataset,
      reference: cheap.accepted,
      verdict: { kind: 'passed' },
    });
    const alias = async (dataset: string, name: 'latest' | 'approved') =>
      (await test_.registry.datasets.alias({ tenant, dataset, alias: name }))?.manifest.digest;
    for (const name of ['latest', 'approved'] as const) {
      expect(await alias('shop.orders', name)).toBe(cheap.dataset.manifest.digest);
      expect(await alias('wholesale.orders', name)).toBe(dear.dataset.manifest.digest);
    }
  });

  test('store equal tables only once', async () => {
    const one = await run('north', (row) => row % 7);
    const other = await run('south', (row) => row % 7);
    expect(one.dataset.manifest.digest).not.toBe(other.dataset.manifest.digest);
    const files = async (version: DatasetVersionRef) =>
      (await artifacts.getJson<{ files: unknown }>(version.manifest)).files;
    expect(await files(one.dataset)).toEqual(await files(other.dataset));
  });
});
