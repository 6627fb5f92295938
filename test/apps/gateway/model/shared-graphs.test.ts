import { createSharedGraphs } from '../../../../apps/gateway/model/shared-graphs';
import { computeDigest } from '../../../../data/digest';
import type { ModelSignature } from '../../../../domain/model/model';
import { distanceModel } from '../../../support/serving/served-models';
import { linearOnnx } from '../../../support/serving/onnx-graph';

const bytes = linearOnnx(distanceModel(1).graph);
const ref = { uri: '', digest: computeDigest('graph'), bytes: bytes.byteLength, mediaType: 'x' };
const signature = {
  task: 'regression',
  features: [
    { name: 'carrier', type: 'string' },
    { name: 'distance', type: 'float' },
  ],
} as unknown as ModelSignature;

function reader(fails = false) {
  let reads = 0;
  const read = () => {
    reads += 1;
    return fails ? Promise.reject(new Error('S3 is away')) : Promise.resolve(bytes);
  };
  return { read, reads: () => reads };
}
const predictScore = (onnx: { predict: (c: never, rows: number) => Promise<Float64Array> }) =>
  onnx.predict({ carrier: ['AA'], distance: [1000] } as never, 1).then(([score]) => score);

test('equal graphs are read and opened once, and divide their size', async () => {
  const { read, reads } = reader();
  const graphs = createSharedGraphs();
  const [a, b] = await Promise.all([
    graphs.open(ref, signature, read),
    graphs.open(ref, signature, read),
  ]);
  expect([reads(), a.onnx === b.onnx]).toEqual([1, true]);
  expect(a.fileBytes()).toBe(bytes.byteLength / 2);
  await a.close();
  expect(b.fileBytes()).toBe(bytes.byteLength);
  expect(await predictScore(b.onnx)).toBeCloseTo(2.5);
  await b.close();
  await expect(predictScore(b.onnx)).rejects.toThrow();
});

test('a graph is opened again after its last use', async () => {
  const { read, reads } = reader();
  const graphs = createSharedGraphs();
  await (await graphs.open(ref, signature, read)).close();
  const again = await graphs.open(ref, signature, read);
  expect([reads(), await predictScore(again.onnx)]).toEqual([2, expect.closeTo(2.5)]);
  await again.close();
});

test('a failed read is not remembered', async () => {
  const graphs = createSharedGraphs();
  await expect(graphs.open(ref, signature, reader(true).read)).rejects.toThrow('S3 is away');
  const graph = await graphs.open(ref, signature, reader().read);
  expect(await predictScore(graph.onnx)).toBeCloseTo(2.5);
  await graph.close();
});

test('graphs with another signature are not shared', async () => {
  const { read, reads } = reader();
  const graphs = createSharedGraphs();
  const one = await graphs.open(ref, signature, read);
  const { features } = signature;
  const other = { ...signature, features: [...features].reverse() };
  const two = await graphs.open(ref, other, read);
  expect(reads()).toBe(2);
  await Promise.all([one.close(), two.close()]);
});
