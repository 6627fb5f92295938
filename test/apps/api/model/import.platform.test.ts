import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { RunJson } from '../../../../apps/cli/run/view';
import { sha256 } from '../../../../data/digest';
import { tenant } from '../../../db/registry-fixture';
import { linearOnnx, type LinearGraph } from '../../../support/serving/onnx-graph';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';

let world: ApiWorld;
let features: readonly { readonly name: string; readonly type: string }[];
beforeAll(async () => {
  world = await openApiWorld();
  await world.apply('imports');
  const refused = await send(linearOnnx({ bias: 0, weights: { none: 1 }, link: 'sigmoid' }));
  const issues = (refused.body as unknown as { errors: { pointer: string; expected: string }[] })
    .errors;
  features = issues
    .filter(({ pointer }) => pointer !== '/inputs/none')
    .map(({ pointer, expected }) => ({
      name: pointer.slice('/inputs/'.length),
      type: expected.split(' ')[0] ?? '',
    }));
});
afterAll(() => world.close());

function send(
  bytes: Uint8Array,
  { model = 'imports', query = 'fileName=model.onnx', key = randomUUID() } = {},
) {
  return world.call<RunJson>('POST', `/models/${model}/imports?${query}`, {
    as: 'operator',
    body: bytes,
    headers: { 'content-type': 'application/octet-stream', 'idempotency-key': key },
  });
}

function fittingGraph(change: Partial<LinearGraph> = {}): Uint8Array {
  const weights = Object.fromEntries(
    features.map(({ name, type }) => [name, type === 'string' ? { AA: 0.5 } : 0.001]),
  );
  return linearOnnx({ bias: 0.1, weights, link: 'sigmoid', ...change });
}

test('the features of the lifecycle are known before its first run', () => {
  expect(features).toContainEqual({ name: 'carrier', type: 'string' });
  expect(features.length).toBeGreaterThan(3);
});

test('a graph that fits starts a run that holds the file', async () => {
  const bytes = fittingGraph();
  const key = randomUUID();
  const answer = await send(bytes, { query: 'fileName=model.onnx&reason=from%20elsewhere', key });
  expect(answer).toMatchObject({ status: 202, body: { lifecycle: 'imports', status: 'pending' } });
  const { id, request } = answer.body as RunJson & { readonly request: object };
  const digest = sha256(bytes);
  expect(request).toMatchObject({
    imported: { format: 'onnx', fileName: 'model.onnx', artifact: { digest } },
    reason: 'from elsewhere',
  });
  const held = await world.registry.artifacts.heldBy({ tenant, by: `run:${id}` });
  expect(held).toMatchObject([{ digest, bytes: bytes.byteLength }]);
  expect(
    (await send(bytes, { query: 'fileName=model.onnx&reason=from%20elsewhere', key })).body.id,
  ).toBe(id);
  expect(await send(bytes, { query: 'fileName=other.onnx', key })).toMatchObject({ status: 422 });
});

test('a graph that does not fit starts no run and stores nothing', async () => {
  const bytes = fittingGraph({ inputType: 7 });
  const before = await world.call<{ items: object[] }>('GET', '/runs?lifecycle=imports');
  expect(await send(bytes)).toMatchObject({
    status: 422,
    body: {
      code: 'InvalidInput',
      detail: expect.stringMatching(
        /^model\.onnx does not fit imports: input `\w+` is int64 \[rows, 1\], expected (string|float) \[rows, 1\];.*; and \d+ more$/,
      ) as string,
      next: expect.stringContaining('docs/guides/interop.md') as string,
    },
  });
  const after = await world.call<{ items: object[] }>('GET', '/runs?lifecycle=imports');
  expect(after.body.items).toHaveLength(before.body.items.length);
  expect(await world.registry.artifacts.get({ tenant, digest: sha256(bytes) })).toBeNull();
});

test('refuses a missing lifecycle, an empty file, a file of something else and a path', async () => {
  expect(await send(fittingGraph(), { model: 'nosuch' })).toMatchObject({
    status: 404,
    body: { next: expect.stringContaining('lifecycle apply') as string },
  });
  expect(await send(new Uint8Array())).toMatchObject({ status: 422 });
  expect(await send(Buffer.from('pickle'))).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining('is not an ONNX model') as string },
  });
  expect(await send(fittingGraph(), { query: 'fileName=..%2Fmodel.onnx' })).toMatchObject({
    status: 422,
  });
});

test.each([
  ['modelClass=a.B', 'modelClass has no effect with the format onnx'],
  ['packages=numpy%3D%3D2.2.6', 'packages has no effect with the format onnx'],
  ['format=xgboost&packages=numpy%3D%3D2.2.6', 'packages has no effect with the format xgboost'],
  [
    'format=sklearn&packages=numpy%3D%3D2.2.6,numpy%3D%3D2.2.5',
    'packages has more than one version of numpy',
  ],
  [
    'format=sklearn&packages=numpy',
    'packages cannot be "numpy"; expected versions with which a pickle was written, such as scikit-learn==1.7.2,numpy==2.2.6',
  ],
])('refuses the options %s', async (options, detail) => {
  const query = `fileName=model.onnx&${options}`;
  expect(await send(fittingGraph(), { query })).toMatchObject({
    status: 422,
    body: { code: 'InvalidInput', detail: expect.stringContaining(detail) as string },
  });
});

test('needs the scope operator, and leaves no file behind', async () => {
  const answer = await world.call('POST', '/models/imports/imports?fileName=m.onnx', {
    as: 'viewer',
    body: fittingGraph(),
    headers: { 'content-type': 'application/octet-stream' },
  });
  expect(answer.status).toBe(403);
  const left = () => readdirSync(world.scratch).filter((name) => name.startsWith('upload'));
  for (let tries = 0; left().length > 0 && tries < 50; tries += 1)
    await new Promise((done) => setTimeout(done, 20));
  expect(left()).toEqual([]);
});
