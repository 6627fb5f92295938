import { readGraphSignature } from '../../../data/onnx/graph-signature';
import { distanceModel } from '../../support/serving/served-models';
import { linearOnnx } from '../../support/serving/onnx-graph';

const { graph } = distanceModel(1);
const read = (bytes: Uint8Array) => readGraphSignature(bytes, 'model.onnx');

test('reads names, types and shapes of inputs and outputs, without the constants', () => {
  expect(read(linearOnnx(graph))).toEqual({
    inputs: [
      { name: 'carrier', type: 'string', shape: ['rows', 1] },
      { name: 'distance', type: 'float', shape: ['rows', 1] },
    ],
    outputs: [{ name: 'score', type: 'float', shape: ['rows', 1] }],
  });
});

test('reads a fixed number of rows and another element type', () => {
  const { inputs } = read(linearOnnx({ ...graph, batch: 7, inputType: 7 }));
  expect(inputs[1]).toEqual({ name: 'distance', type: 'int64', shape: [7, 1] });
});

test('refuses bytes that are no ONNX model, whatever they are', () => {
  const whole = linearOnnx(graph);
  const pickle = Buffer.from('80049511000000000000008c0562', 'hex');
  const texts = ['', 'not a model', '{"json": true}', '<html></html>'].map((text) =>
    Buffer.from(text),
  );
  for (const bytes of [pickle, whole.slice(0, whole.byteLength / 2), whole.slice(9), ...texts])
    expect(() => read(bytes)).toThrow(/^model\.onnx \(\d+ bytes\) is not an ONNX model/);
});
