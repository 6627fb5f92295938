/** A version that Perennial released, exported and loaded by stock MLflow. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { linearOnnx } from '../support/serving/onnx-graph';
import { writeTinyLifecycle } from '../support/tiny-lifecycle';
import { clientProgram } from './client-program';

const execute = promisify(execFile);
jest.setTimeout(300_000);

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

const requests = [
  { kind: 'a', x: 1.25, y: -0.5 },
  { kind: 'b', x: -2, y: 1.75 },
  { kind: 'c', x: 0, y: 0 },
];

test('MLflow predicts as the gateway does, to 1e-6', async () => {
  await product.apply(writeTinyLifecycle(product.workDir, { name: 'exported' }));
  const file = join(product.workDir, 'model.onnx');
  const weights = { kind: { a: 1, b: 0, c: 0 }, x: 1.5, y: -1, xy: 0.01 };
  writeFileSync(file, linearOnnx({ bias: -0.5, weights, link: 'sigmoid' }));
  await cli('model', 'import', 'exported', '--file', file, '--wait');

  const folder = join(product.workDir, 'folder');
  await cli('model', 'export', 'exported', '--format', 'mlflow', '--out', folder);
  const rows = requests.map((row) => ({ ...row, xy: row.x * row.y }));
  const { stdout } = await execute(clientProgram('mlflow', 'python'), [
    join(__dirname, 'mlflow_load.py'),
    folder,
    JSON.stringify(rows),
  ]);
  const loaded = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, number[]>;

  const inputs = (['kind', 'x', 'y'] as const).map((name) => ({
    name,
    shape: [requests.length],
    datatype: name === 'kind' ? 'BYTES' : 'FP64',
    data: requests.map((row) => row[name]),
  }));
  const { body } = await product.call<{ outputs: { name: string; data: number[] }[] }>(
    'POST',
    `${product.gatewayUrl}/v2/models/exported/infer`,
    { body: { inputs, parameters: { event_time: '2024-05-01T10:00:00Z' } } },
  );
  const served = body.outputs.find(({ name }) => name === 'score')?.data ?? [];
  expect(served).toHaveLength(requests.length);
  for (const scores of [loaded['onnx'], loaded['pyfunc']])
    expect(scores).toEqual(served.map((score) => expect.closeTo(score, 6) as number));
});

test('an export never overwrites a folder, and names what is missing', async () => {
  const out = join(product.workDir, 'folder');
  for (const [args, message] of [
    [['exported', '--format', 'mlflow', '--out', out], 'is not empty'],
    [['exported@9', '--format', 'mlflow', '--out', `${out}-2`], 'there is no exported@9'],
    [['exported', '--format', 'pickle', '--out', `${out}-2`], 'mlflow is the only format'],
  ] as const) {
    const { exitCode, stderr } = await product.cli(['model', 'export', ...args]);
    expect({ failed: exitCode !== 0, stderr }).toEqual({
      failed: true,
      stderr: expect.stringContaining(message) as string,
    });
  }
});

test('an exported folder can be imported again, as the same model', async () => {
  const folder = join(product.workDir, 'folder');
  const { stdout } = await product.cli([
    ...['model', 'import', 'exported', '--mlflow', folder, '--wait', '--json'],
  ]);
  expect(JSON.parse(stdout)).toMatchObject({
    status: 'succeeded',
    verdict: { reasons: [{ code: 'promote.unchanged' }] },
  });
});
