import { compileAnswerCodec } from '../../../../apps/gateway/inference/answer-codec';
import type { PredictionId } from '../../../../domain/ids';

const ids = ['pred_a', 'pred_b'] as PredictionId[];
const classes = ['on time', 'a "late" one', 'lost'];
const scores = Float64Array.from([0.2, 0.5, 0.3, 0.6, 0.3, 0.1]);
const encode = compileAnswerCodec({ model: 'm', version: 3, classes });
const all: ReadonlySet<string> = new Set(['class', 'probabilities', 'prediction_id']);

describe('the answer of a multiclass model', () => {
  test('names the most probable class and gives the probability of each', () => {
    const { body } = encode({ id: null, ids, scores, outputs: all, binaryOutputs: new Set() });
    expect(JSON.parse(String(body))).toEqual({
      model_name: 'm',
      model_version: '3',
      id: 'pred_a',
      outputs: [
        { name: 'class', datatype: 'BYTES', shape: [2, 1], data: ['a "late" one', 'on time'] },
        { name: 'probabilities', datatype: 'FP64', shape: [2, 3], data: [...scores] },
        { name: 'prediction_id', datatype: 'BYTES', shape: [2, 1], data: ids },
      ],
    });
  });

  test('has only the requested outputs, after the JSON if binary', () => {
    const { body, jsonBytes } = encode({
      id: null,
      ids,
      scores,
      outputs: new Set(['probabilities']),
      binaryOutputs: new Set(['probabilities']),
    });
    const bytes = Buffer.from(body);
    expect(JSON.parse(bytes.subarray(0, jsonBytes ?? 0).toString())).toMatchObject({
      outputs: [{ name: 'probabilities', shape: [2, 3], parameters: { binary_data_size: 48 } }],
    });
    expect(bytes.readDoubleLE((jsonBytes ?? 0) + 40)).toBe(0.1);
  });
});
