/** The results of a contract over time, measured on real rows by the activity of the validate stage. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import {
  createValidateActivities,
  type ValidateEnd,
  type ValidateInput,
} from '../../../../activities/dataset/validate';
import { quoteText, withDuckDb } from '../../../../data/sql/platform-sql';
import type { DataContract } from '../../../../domain/dataset/contract';
import type { Column, DatasetManifest } from '../../../../domain/dataset/dataset';
import { effectKey, type RunId } from '../../../../domain/ids';
import { applyLifecycle, toDigest, startRun, tenant } from '../../../db/registry-fixture';
import { openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
let folder: string;
beforeAll(async () => {
  world = await openApiWorld();
  folder = mkdtempSync(join(tmpdir(), 'contract-results-'));
  await applyLifecycle(world.registry, 'shop');
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

const columns: readonly Column[] = [{ name: 'price', type: 'number' }];
const contract: DataContract = {
  columns: [
    {
      name: 'price',
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
  unique: [],
  rows: { min: 1, max: null },
  maxQuarantinedShare: 0.1,
  distribution: null,
};

/** The first `bad` of 200 prices are too high. */
async function validated(source: string, bad: number, runId: RunId): Promise<ValidateEnd> {
  const { registry, artifacts, scratch } = world;
  const dataset = `shop.${source}`;
  const path = join(folder, `${source}-${bad}.parquet`);
  const query = `SELECT CASE WHEN i < ${bad} THEN 999.0 ELSE i % 7 END::DOUBLE AS price FROM range(200) r(i)`;
  await withDuckDb((sql) => sql.run(`COPY (${query}) TO ${quoteText(path)} (FORMAT parquet)`), {
    memoryBytes: 256e6,
    threads: 1,
  });
  const mediaType = 'application/vnd.apache.parquet';
  const file = await artifacts.putFile({ tenant, path, mediaType });
  const value: DatasetManifest = { dataset, columns, rows: 200, files: [file] };
  const manifest = await artifacts.putJson({ tenant, value });
  const input: ValidateInput = {
    tenant,
    runId,
    key: effectKey(runId, 'validate', 'contract', 1, dataset),
    source,
    dataset: await registry.datasets.register({
      tenant,
      dataset,
      manifest,
      rows: 200,
      columns,
      runId: null,
      idempotencyKey: `${dataset}/${manifest.digest}`,
    }),
    contract,
    reference: null,
  };
  return new MockActivityEnvironment({ attempt: 1 }, { logger: new DefaultLogger('ERROR') }).run<
    [ValidateInput],
    ValidateEnd,
    (given: ValidateInput) => Promise<ValidateEnd>
  >(createValidateActivities({ registry, artifacts, scratchRoot: scratch }).validateDataset, input);
}

/** A run whose validate stage checks orders and prices; the same key of the cache is reused. */
async function runWith(bad: number): Promise<RunId> {
  const { stages } = world.registry;
  const runId = await startRun(world.registry, 'shop');
  const at = { tenant, runId, stage: 'validate', generation: 1 } as const;
  const begun = await stages.begin({ ...at, cacheKey: toDigest(`${bad} bad`), reuse: true });
  if (begun.kind === 'reused') return runId;
  const contracts: Record<string, Omit<ValidateEnd, 'accepted'>> = {};
  for (const [source, its] of [
    ['orders', bad],
    ['returns', 0],
  ] as const)
    contracts[source] = await validated(source, its, runId);
  await stages.finish({ ...at, status: 'succeeded', output: { output: { contracts } } });
  return runId;
}

interface Past {
  readonly items: readonly object[];
  readonly nextPageToken: string | null;
}
const fetchResults = (dataset: string, query = '') =>
  world.call<Past>('GET', `/datasets/${dataset}/contract-results${query}`, { as: 'viewer' });

test('shows how many rows met the contract in each run, newest first, and what was reused', async () => {
  const first = await runWith(0);
  const second = await runWith(12);
  const third = await runWith(0);
  const clean = { verdict: 'passed', rows: 200, accepted: 200, quarantined: 0 };
  const { body } = await fetchResults('shop.orders');
  expect(body.items).toMatchObject([
    { run: third, reusedFrom: first, ...clean },
    {
      run: second,
      reusedFrom: null,
      verdict: 'passed',
      rows: 200,
      accepted: 188,
      quarantined: 12,
    },
    { run: first, reusedFrom: null, ...clean },
  ]);
  // The other source of the same stage has its own results.
  expect((await fetchResults('shop.returns')).body.items).toMatchObject([
    { run: third, ...clean },
    { run: second, ...clean },
    { run: first, ...clean },
  ]);

  const page = await fetchResults('shop.orders', '?pageSize=2');
  expect(page.body.items).toMatchObject([{ run: third }, { run: second }]);
  const rest = await fetchResults(
    'shop.orders',
    `?pageSize=2&pageToken=${encodeURIComponent(page.body.nextPageToken ?? '')}`,
  );
  expect(rest.body).toMatchObject({ items: [{ run: first }], nextPageToken: null });
});

test('shows a contract that failed, and refuses an unknown dataset', async () => {
  const runId = await runWith(100);
  expect((await fetchResults('shop.orders')).body.items[0]).toMatchObject({
    run: runId,
    verdict: 'failed',
    rows: 200,
    quarantined: 100,
  });
  expect(await fetchResults('shop.nothing')).toMatchObject({ status: 404 });
});
