/**
 * The sample `digits` with the commands of its README: a convolutional network from the images to a
 * champion behind the Open Inference Protocol, and a successor tried on later images.
 */
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { RolloutJson } from '../../apps/cli/rollout/view';
import type { RunJson } from '../../apps/cli/run/view';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';

jest.setTimeout(600_000);

const lifecycle = 'digits';
const root = resolve(__dirname, '..', '..');
const sample = join(root, 'samples', lifecycle);
const classes = Array.from({ length: 10 }, (_, digit) => String(digit));

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

async function cli(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await product.cli(args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) as string });
  return stdout;
}

type Image = Readonly<Record<string, number>> & { readonly digit: number };

/** Images that were written after those of the first model. */
async function laterImages(rows: number): Promise<readonly Image[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const read = await connection.runAndReadAll(
      `SELECT COLUMNS('pixel_\\d\\d')::INTEGER, digit::INTEGER AS digit
       FROM '${join(root, '.perennial', 'samples', 'digits.parquet')}'
       WHERE written_at >= '1998-08-16' ORDER BY written_at LIMIT ${rows}`,
    );
    return read.getRowObjectsJS() as Image[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test('a network is trained, judged and promoted, and reads images over the Open Inference Protocol', async () => {
  await cli('lifecycle', 'apply', sample);
  await cli('run', 'start', lifecycle, '--wait');

  const images = await laterImages(100);
  const [first] = images;
  if (!first) throw new Error('there are no images');
  const inputs = Object.keys(first)
    .filter((name) => name !== 'digit')
    .map((name) => ({
      name,
      shape: [images.length],
      datatype: 'INT64',
      data: images.map((image) => image[name]),
    }));
  const answer = await product.call<{
    readonly outputs: readonly { readonly name: string; readonly data: readonly unknown[] }[];
  }>('POST', `${product.gatewayUrl}/v2/models/${lifecycle}/infer`, {
    body: { inputs, parameters: { event_time: '1998-08-16T12:00:00Z' } },
  });
  expect(answer.status).toBe(200);
  const output = (name: string) =>
    answer.body.outputs.find((each) => each.name === name)?.data ?? [];
  expect(output('probabilities')).toHaveLength(images.length * classes.length);
  const right = images.filter(({ digit }, place) => output('class')[place] === String(digit));
  expect(right.length).toBeGreaterThan(80);

  const explained = await cli('model', 'explain', lifecycle);
  expect(explained).toMatch(/pass +useful +logloss/);
  expect(explained).toMatch(/pass +accurate +accuracy/);
});

test('a successor is tried on the images of two weeks, and their labels promote it', async () => {
  const { body: run } = await product.start(lifecycle, { until: '1998-08-16T00:00:00Z' });
  await product.waitForStage(run.id, 'canary');
  await cli(
    ...['replay', lifecycle, '--from', '1998-08-16T00:00:00Z', '--to', '1998-08-29T22:00:00Z'],
    ...['--speed', '60000'],
  );
  const end: RunJson = await product.waitForEnd(run.id);
  expect(end).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
  const { body: rollout } = await product.call<RolloutJson>('GET', `/models/${lifecycle}/rollout`);
  expect(rollout).toMatchObject({ status: 'promoted', runId: run.id });
});
