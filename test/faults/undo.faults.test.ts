import type { RunJson } from '../../apps/cli/run-view';
import type { Database } from '../../db/connection';
import { openDatabase } from '../../db/connection';
import { environmentOf, expectNothingLeft } from '../support/left-behind';
import type { Product } from '../support/product';
import { pause, startProduct } from '../support/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(300_000);

let product: Product;
let database: Database;
let count = 0;

beforeAll(async () => {
  product = await startProduct();
  database = openDatabase({ url: environmentOf(workerPid())['PERENNIAL_DATABASE_URL'] ?? '', maxConnections: 3 });
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await database.close();
  await product.stop();
});

function workerPid(): number {
  const [pid] = product.pids('main.ts worker');
  if (pid === undefined) throw new Error('there is no worker');
  return pid;
}

/** Each with rows of its own, so that its run moves the dataset's alias. */
async function applied(options: Partial<Parameters<typeof writeTinyLifecycle>[1]> = {}): Promise<string> {
  const name = `undone-${++count}`;
  const folder = writeTinyLifecycle(product.workDir, { name, evaluate: lenientGates, csv: csv(count), ...options });
  const { exitCode, stderr } = await product.cli(['lifecycle', 'apply', folder]);
  if (exitCode !== 0) throw new Error(stderr);
  return name;
}

function csv(seed: number): string {
  const lines = ['seen_at,entity,kind,x,y,label'];
  for (let row = 0; row < 7200; row += 1) {
    const at = new Date(Date.UTC(2024, 0, 1) + row * 1_440_000).toISOString();
    const x = ((row * 37 + seed * 11) % 400) / 100 - 2;
    lines.push(
      `${at},e${row % 200},${'abc'[row % 3]},${x.toFixed(4)},${((row % 97) / 50).toFixed(4)},${x + ((row * 31) % 100) / 50 - 1 > 0 ? 1 : 0}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

describe('a cancellation', () => {
  test('whose undo the worker does not survive is undone by the next one (I5)', async () => {
    const model = await applied({ promote: '{ approval: { required: 1 } }' });
    const before = await latest();
    const { body } = await product.start(model);
    await until(async () => (await product.run(body.id)).status === 'waiting');
    expect(await latest()).not.toBe(before);
    // The undo stops at this row.
    await database.sql.begin(async (tx) => {
      await tx`select from datasets where name = 'visits' for update`;
      await product.call('POST', `/runs/${body.id}/cancel`, { body: {} });
      await until(async () => (await lockWaits()) > 0);
      product.kill('main.ts worker');
    });
    const run: RunJson = await product.waitForEnd(body.id);
    expect(run).toMatchObject({ status: 'cancelled', failure: { type: 'Cancelled' } });
    expect(run.failure).not.toHaveProperty('needsOperator');
    expect(await latest()).toBe(before);
    const { body: versions } = await product.call<{ items: { status: string }[] }>('GET', `/models/${model}/versions`);
    expect(versions.items.map(({ status }) => status)).toEqual(['withdrawn']);
  });
});

async function latest(): Promise<number | null> {
  const [row] = await database.sql<
    { version: number }[]
  >`select version from dataset_aliases where dataset = 'visits' and alias = 'latest'`;
  return row?.version ?? null;
}

async function lockWaits(): Promise<number> {
  const [row] = await database.sql<{ waiting: number }[]>`
    select count(*)::int as waiting from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'perennial-worker'`;
  return row?.waiting ?? 0;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition());) {
    if (Date.now() > deadline) throw new Error('it did not come to that within a minute');
    await pause(100);
  }
}
