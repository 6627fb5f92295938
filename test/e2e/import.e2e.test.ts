/** A model that was trained elsewhere: imported, evaluated, promoted and served. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../data/digest';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { linearOnnx } from '../support/serving/onnx-graph';
import { writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(180_000);

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

/** The true model of the tiny lifecycle's data. */
const graph = {
  bias: -0.5,
  weights: { kind: { a: 1 }, x: 1.5, y: -1, xy: 0 },
  link: 'sigmoid',
} as const;

/** The commands of a block of docs/guides/interop.md, for this test's model and file. */
function documented(heading: string, file: string): readonly (readonly string[])[] {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'guides', 'interop.md'), 'utf8');
  const section = page.split(/^## /m).find((each) => each.startsWith(heading)) ?? '';
  const block = /```sh\n([^]*?)```/.exec(section)?.[1] ?? '';
  return block
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/^perennial /, '')
        .replace('flight-delay', 'elsewhere')
        .split(' ')
        .map((word) => (word === 'model.onnx' ? file : word)),
    );
}

async function cli(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await product.cli(args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) as string });
  return stdout;
}

test('an ONNX file becomes the champion through evaluation, and its origin is shown', async () => {
  await product.apply(writeTinyLifecycle(product.workDir, { name: 'elsewhere' }));
  const file = join(product.workDir, 'true-model.onnx');
  writeFileSync(file, linearOnnx(graph));
  const digest = sha256(linearOnnx(graph));

  const [importing = [], showing = [], explaining = []] = documented('Import an ONNX file', file);
  expect(importing.slice(0, 2)).toEqual(['model', 'import']);
  await cli(...importing);
  const { body } = await product.call<{ versions: object[] }>('GET', '/models/elsewhere');
  expect(body.versions).toMatchObject([
    {
      version: 1,
      status: 'promoted',
      imported: { format: 'onnx', fileName: 'true-model.onnx', digest },
    },
  ]);

  const row = { kind: 'a', x: 1, y: 0.5 };
  const answer = JSON.parse(
    await cli('predict', 'elsewhere', '--row', JSON.stringify(row), '--json'),
  ) as { outputs?: { name: string; data: number[] }[] };
  const score = answer.outputs?.find(({ name }) => name === 'score')?.data[0];
  expect(score).toBeCloseTo(1 / (1 + Math.exp(-(1.5 * 1 - 0.5 + 1 - 0.5))), 5);

  expect(await cli(...showing)).toContain('imported: true-model.onnx');
  expect(await cli(...explaining)).toContain(`imported from true-model.onnx (onnx) by`);
  expect(await cli('lineage', 'model:elsewhere@1')).toContain(
    `source:true-model.onnx#${digest.slice(7, 19)}`,
  );
});

test('a graph that does not fit starts no run, and says what it has and needs', async () => {
  const file = join(product.workDir, 'wrong.onnx');
  const { xy, ...weights } = graph.weights;
  writeFileSync(file, linearOnnx({ ...graph, weights: { ...weights, z: xy } }));
  const { exitCode, stderr } = await product.cli(['model', 'import', 'elsewhere', '--file', file]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(
    'wrong.onnx does not fit elsewhere: input `xy` is missing, expected float [rows, 1]; ' +
      'input `z` is float [rows, 1], but no feature has this name',
  );
});
