import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { openOnnxModel } from '../../../data/onnx/session';
import { missingText } from '../../../domain/model/model';
import { linearOnnx } from '../../support/serving/onnx-graph';

const graph = {
  bias: -1,
  weights: { hour: 0.5, carrier: { AA: 1, [missingText]: -2 } },
  link: 'sigmoid',
} as const;
const features = [
  { name: 'hour', type: 'float' },
  { name: 'carrier', type: 'string' },
] as const;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe('an ONNX model', () => {
  test('scores number and text columns', async () => {
    const model = await openOnnxModel(linearOnnx(graph), features);
    expect(model.inputs).toEqual(features);
    const scores = await model.predict({ hour: [2, NaN, null], carrier: ['AA', 'ZZ', null] }, 3);
    expect([...scores]).toEqual(
      [sigmoid(1), sigmoid(-1), sigmoid(-3)].map((p): unknown => expect.closeTo(p, 6)),
    );
    await model.close();
  });

  test('gives the same scores in one call and in many chunks', async () => {
    const model = await openOnnxModel(linearOnnx(graph), features);
    const rows = 2500;
    const hour = Float32Array.from({ length: rows }, (_, row) => row % 24);
    const carrier = Array.from({ length: rows }, (_, row) => (row % 3 === 0 ? 'AA' : 'UA'));
    const all = await model.predict({ hour, carrier }, rows);
    const last = await model.predict(
      { hour: hour.subarray(rows - 1), carrier: carrier.slice(-1) },
      1,
    );
    expect(all).toHaveLength(rows);
    expect(all[rows - 1]).toBe(last[0]);
    expect(await model.predict({ hour: [], carrier: [] }, 0)).toHaveLength(0);
    await model.close();
  });

  test.each(['relative', 'absolute'])(
    'that takes its weights from a %s file of the machine is refused',
    async (kind) => {
      const secret = `external-${process.pid}-${kind}.bin`;
      // In the working directory, which ONNX Runtime uses as the folder of a model that was given
      // as bytes.
      writeFileSync(secret, Float32Array.of(7));
      try {
        const constantFile = kind === 'relative' ? secret : resolve(secret);
        await expect(
          openOnnxModel(linearOnnx({ ...graph, constantFile }), features),
        ).rejects.toMatchObject({
          type: 'ModelUnloadable',
          message:
            'the model keeps tensors in other files; export it as one file that contains its weights',
        });
      } finally {
        rmSync(secret);
      }
    },
  );

  test.each([
    ['no bytes', new Uint8Array(), undefined, 'the model file is empty'],
    [
      'bytes that are no model',
      Buffer.from('not a model'),
      undefined,
      'the model (11 bytes) is not an ONNX file',
    ],
    [
      'another output',
      linearOnnx({ ...graph, output: 'probability' }),
      undefined,
      'has no output `score`; its outputs are `probability`',
    ],
    [
      'a pickle, which would run code in Python',
      Buffer.from("cposix\nsystem\n(S'true'\ntR."),
      undefined,
      'is not an ONNX file',
    ],
    [
      'a fixed batch',
      linearOnnx({ ...graph, batch: 1 }),
      undefined,
      'has shape [1, 1]; expected [rows, 1] with any number of rows',
    ],
    [
      'an input of another type',
      linearOnnx({ bias: 0, weights: { hour: { a: 1 } }, link: 'identity' }),
      [features[0]],
      'input `hour` is string in the graph and float in the signature',
    ],
    [
      'a feature without input',
      linearOnnx({ ...graph, weights: { hour: 1 } }),
      features,
      'the graph has no input for the feature `carrier`',
    ],
    [
      'an input without feature',
      linearOnnx(graph),
      [features[0]],
      'the graph has an input `carrier`, which is not in the signature',
    ],
  ])('refuses %s', async (_case, bytes, expected, message) => {
    await expect(openOnnxModel(bytes, expected)).rejects.toMatchObject({
      type: 'ModelUnloadable',
      message: expect.stringContaining(message) as string,
    });
  });

  test.each([
    ['a missing column', { hour: [1] }, 'feature `carrier` is missing'],
    ['a short column', { hour: [], carrier: ['AA'] }, 'feature `hour` has 0 values for 1 rows'],
    [
      'a text where a number belongs',
      { hour: ['secret'], carrier: ['AA'] },
      'feature `hour` of row 0 is a string; expected float',
    ],
    [
      'a number where a text belongs',
      { hour: [1], carrier: [7] },
      'feature `carrier` of row 0 is a number; expected string',
    ],
  ])(
    'refuses rows with %s and keeps their values out of the message',
    async (_case, columns, message) => {
      const model = await openOnnxModel(linearOnnx(graph), features);
      await expect(model.predict(columns as never, 1)).rejects.toMatchObject({
        type: 'InvalidInput',
        message,
      });
      await model.close();
    },
  );
});
