/** A batch prediction in the whole product: train, promote, score with a kill, compare, cancel. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunJson } from '../../../apps/cli/run/view';
import { readParquet, withDuckDb } from '../../../data/sql/platform-sql';
import { pause, startProduct, type Product } from '../../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../../support/tiny-lifecycle';

jest.setTimeout(400_000);

const model = 'tiny-batch';
const input = `dataset://${model}.visits@latest`;
const rows = 120 * 100;
const limits = { memoryBytes: 512e6, threads: 1 };

interface Visit {
  readonly entity: string;
  readonly kind: string;
  readonly x: number;
  readonly y: number;
}

interface Prediction {
  readonly row: number;
  readonly entity: string;
  readonly score: number;
  readonly model_version: number;
}

let product: Product;
beforeAll(async () => {
  product = await startProduct();
  await product.apply(
    writeTinyLifecycle(product.workDir, { name: model, evaluate: lenientGates, rowsPerDay: 100 }),
  );
  const { body } = await product.start(model);
  const trained = await product.waitForEnd(body.id, 240);
  expect([trained.status, trained.failure, trained.version]).toEqual(['succeeded', null, 1]);
});
afterAll(() => product.stop());

/** The rows of a dataset version, as a user downloads them. */
async function downloaded<Row extends object>(dataset: string, version: number): Promise<Row[]> {
  const at = `/datasets/${dataset}/versions/${version}/files`;
  const { body } = await product.call<{ items: { file: number }[] }>('GET', `${at}?pageSize=500`);
  const paths: string[] = [];
  for (const { file } of body.items) {
    const answer = await fetch(`${product.apiUrl}/api/v1${at}/${file}`, {
      headers: { authorization: `Bearer ${product.apiKey}` },
    });
    expect(answer.status).toBe(200);
    const path = join(product.workDir, `${dataset}-${version}-${file}.parquet`);
    writeFileSync(path, Buffer.from(await answer.arrayBuffer()));
    paths.push(path);
  }
  return withDuckDb((sql) => sql.rows<Row>(`FROM ${readParquet(paths)}`), limits);
}

async function gatewayScores(visits: readonly Visit[]): Promise<readonly number[]> {
  const scores: number[] = [];
  for (let from = 0; from < visits.length; from += 500) {
    const some = visits.slice(from, from + 500);
    const answer = await product.call<{ outputs: { name: string; data: number[] }[] }>(
      'POST',
      `${product.gatewayUrl}/v2/models/${model}/infer`,
      { body: { rows: some.map(({ kind, x, y }) => ({ kind, x, y })) } },
    );
    expect(answer.status).toBe(200);
    scores.push(...(answer.body.outputs.find(({ name }) => name === 'score')?.data ?? []));
  }
  return scores;
}

function batch(changes: Record<string, unknown> = {}) {
  const body = { kind: 'batch-predict', input, chunkRows: 150, ...changes };
  return product.start(model, body);
}

test('scores each row as the gateway does, once, although its worker is killed', async () => {
  const { status, body } = await batch();
  expect(status).toBe(202);
  await product.waitForStage(body.id, 'score');
  await pause(1_500);
  expect(product.kill('main.ts worker').length).toBeGreaterThan(0);
  const run = await product.waitForEnd(body.id, 240);
  expect([run.status, run.failure]).toEqual(['succeeded', null]);
  const batches = run.stages.map((stage: RunJson['stages'][number]) => stage.batch);
  expect(batches).toMatchObject([
    { input: `${model}.visits@1`, model: `${model}@1`, rows, chunks: rows / 150 },
    { rows, scored: rows, quarantined: 0 },
    { output: `${model}.predictions@1`, rows, scored: rows, quarantined: 0 },
  ]);

  const [visits, predictions] = [
    await downloaded<Visit>(`${model}.visits`, 1),
    await downloaded<Prediction>(`${model}.predictions`, 1),
  ];
  expect(predictions.map(({ row }) => row)).toEqual(Array.from({ length: rows }, (_, i) => i));
  expect(predictions.map(({ entity }) => entity)).toEqual(visits.map(({ entity }) => entity));
  expect(new Set(predictions.map((each) => each.model_version))).toEqual(new Set([1]));
  const expected = await gatewayScores(visits);
  const differences = predictions.map(({ score }, i) => Math.abs(score - (expected[i] ?? NaN)));
  expect(Math.max(...differences)).toBeLessThanOrEqual(1e-6);

  const lineage = await product.cli(['lineage', `dataset:${model}.predictions@1`]);
  expect(lineage.stdout).toMatch(new RegExp(`run:${body.id} +dataset:${model}.predictions@1`));
  expect(lineage.stdout).toMatch(new RegExp(`dataset:${model}.visits@1 +run:${body.id}`));
  expect(lineage.stdout).toMatch(new RegExp(`model:${model}@1 +run:${body.id}`));
});

test('is followed in the terminal and shows stages, counts and rate', async () => {
  const { exitCode, stdout, stderr } = await product.cli([
    ...['run', 'start', model, '--kind', 'batch-predict', '--input', `dataset://${model}.visits@1`],
    ...['--as', '1', '--output', 'again', '--key', 'x', '--chunk-rows', '5000', '--wait'],
  ]);
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining('12,000 of 12,000 rows')]);
  expect(stdout).toContain(`${model}.visits@1 with ${model}@1: 12,000 rows in 3 chunks`);
  expect(stdout).toMatch(/12,000 of 12,000 rows scored, [\d,]+ rows\/s/);
  expect(stdout).toContain(`${model}.again@1: 12,000 predictions`);
});

test('leaves nothing when it is cancelled', async () => {
  const { body } = await batch({ output: 'cancelled', chunkRows: 50, parallel: 1 });
  await product.waitForStage(body.id, 'score');
  await product.cli(['run', 'cancel', body.id]);
  const run = await product.waitForEnd(body.id);
  expect([run.status, run.failure?.needsOperator]).toEqual(['cancelled', undefined]);
  const { status } = await product.call('GET', `/datasets/${model}.cancelled/versions/1`);
  expect(status).toBe(404);
});

test.each([
  [['--input', 'dataset://shop.nothing@1'], /there is no dataset shop\.nothing/],
  [['--input', `dataset://${model}.visits@9`], /dataset tiny-batch\.visits has no version 9/],
  [['--input', input, '--as', '9'], /there is no tiny-batch@9/],
  [['--input', input, '--as', 'challenger'], /tiny-batch has no challenger/],
  [['--input', input, '--output', 'visits'], /tiny-batch\.visits is a dataset that training runs/],
  [
    ['--input', `dataset://${model}.predictions@1`],
    /does not fit the features of the model: `kind` \(string\) is/,
  ],
  [['--input', input, '--until', '2024-01-01T00:00:00Z'], /until has no effect on kind/],
])('refuses %j before any work', async (options, message) => {
  const start = ['run', 'start', model, '--kind', 'batch-predict', ...options];
  const { exitCode, stderr } = await product.cli(start);
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(message);
});
