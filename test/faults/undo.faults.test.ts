import type { RunJson } from '../../apps/cli/run/view';
import type { Database } from '../../db/connection';
import { expectNothingLeft } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';
import { openWorkersDatabase } from '../support/process/worker-process';
import { until } from '../support/time/until';

jest.setTimeout(300_000);

let product: Product;
let database: Database;
let count = 0;

beforeAll(async () => {
  product = await startProduct();
  database = openWorkersDatabase(product);
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await database.close();
  await product.stop();
});

/** Each has its own rows, so that no stage of an earlier run is reused. */
async function applied(
  options: Partial<Parameters<typeof writeTinyLifecycle>[1]> = {},
): Promise<string> {
  const name = `undone-${++count}`;
  const folder = writeTinyLifecycle(product.workDir, {
    name,
    evaluate: lenientGates,
    seed: count,
    ...options,
  });
  await product.apply(folder);
  return name;
}

describe('a cancellation', () => {
  test('whose worker dies during the undo is undone by the next worker (I5)', async () => {
    const model = await applied({ promote: '{ approval: { required: 1 } }' });
    const dataset = `${model}.visits`;
    const before = await latest(dataset);
    const { body } = await product.start(model);
    await until(async () => (await product.run(body.id)).status === 'waiting');
    expect(await latest(dataset)).not.toBe(before);
    // The undo waits for the lock of this row.
    await database.sql.begin(async (tx) => {
      await tx`select from datasets where name = ${dataset} for update`;
      await product.call('POST', `/runs/${body.id}/cancel`, { body: {} });
      await until(async () => (await lockWaits()) > 0);
      product.kill('main.ts worker');
    });
    const run: RunJson = await product.waitForEnd(body.id);
    expect(run).toMatchObject({ status: 'cancelled', failure: { type: 'Cancelled' } });
    expect(run.failure).not.toHaveProperty('needsOperator');
    expect(await latest(dataset)).toBe(before);
    const { body: versions } = await product.call<{ items: { status: string }[] }>(
      'GET',
      `/models/${model}/versions`,
    );
    expect(versions.items.map(({ status }) => status)).toEqual(['withdrawn']);
  });
});

async function latest(dataset: string): Promise<number | null> {
  const [row] = await database.sql<
    { version: number }[]
  >`select version from dataset_aliases where dataset = ${dataset} and alias = 'latest'`;
  return row?.version ?? null;
}

async function lockWaits(): Promise<number> {
  const [row] = await database.sql<{ waiting: number }[]>`
    select count(*)::int as waiting from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'perennial-worker'`;
  return row?.waiting ?? 0;
}
