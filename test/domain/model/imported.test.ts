import { isPerennialError } from '../../../domain/failure';
import {
  checkImportedGraph,
  conversionRequirements,
  type ExpectedGraph,
  type GraphSignature,
} from '../../../domain/model/imported';

const rows = ['rows', 1];
const good: GraphSignature = {
  inputs: [
    { name: 'carrier', type: 'string', shape: rows },
    { name: 'distance', type: 'float', shape: [null, 1] },
  ],
  outputs: [{ name: 'score', type: 'float', shape: rows }],
};
const expected: ExpectedGraph = {
  features: [
    { name: 'carrier', type: 'string' },
    { name: 'distance', type: 'float' },
  ],
  task: 'classification',
};

function findRefusal(found: GraphSignature, wanted: ExpectedGraph = expected): string | null {
  try {
    checkImportedGraph({ fileName: 'model.onnx', model: 'flight-delay' }, found, wanted);
    return null;
  } catch (error) {
    if (!isPerennialError(error)) throw error;
    expect(error).toMatchObject({
      type: 'InvalidInput',
      next: expect.stringContaining('docs/guides/interop.md') as string,
    });
    return error.message;
  }
}

const [carrier, distance] = good.inputs;
const score = good.outputs[0];

describe('an imported graph', () => {
  test('fits with one input per feature, in any order, and the output score', () => {
    expect(findRefusal(good)).toBeNull();
    expect(findRefusal({ ...good, inputs: [...good.inputs].reverse() })).toBeNull();
  });

  test.each([
    [
      'an input of another type',
      { inputs: [carrier, { ...distance, type: 'int64' }] },
      'input `distance` is int64 [?, 1], expected float [rows, 1]',
    ],
    [
      'one input for all features',
      { inputs: [{ name: 'X', type: 'float', shape: ['N', 2] }] },
      'input `carrier` is missing, expected string [rows, 1]; input `distance` is missing, ' +
        'expected float [rows, 1]; input `X` is float [N, 2], but no feature has this name',
    ],
    [
      'a fixed number of rows',
      { inputs: [carrier, { ...distance, shape: [1, 1] }] },
      'input `distance` is float [1, 1], expected float [rows, 1]',
    ],
    [
      'an input without a shape',
      { inputs: [carrier, { ...distance, shape: null }] },
      'input `distance` is float without a shape, expected float [rows, 1]',
    ],
    [
      'another output',
      { outputs: [{ name: 'label', type: 'int64', shape: ['N'] }] },
      'output `score` is missing, expected float [rows, 1]; outputs: `label`',
    ],
    [
      'an output of two columns',
      { outputs: [{ ...score, shape: ['N', 2] }] },
      'output `score` is float [N, 2], expected float [rows, 1]',
    ],
  ])('with %s is refused, with what was found and expected', (_, change, message) => {
    expect(findRefusal({ ...good, ...(change as Partial<GraphSignature>) })).toBe(
      `model.onnx does not fit flight-delay: ${message}`,
    );
  });

  test('of a multiclass lifecycle returns one column per class', () => {
    const wanted: ExpectedGraph = { ...expected, task: 'multiclass', classes: ['a', 'b', 'c'] };
    const wide = (width: number): GraphSignature => ({
      ...good,
      outputs: [{ name: 'score', type: 'float', shape: ['rows', width] }],
    });
    expect(findRefusal(wide(3), wanted)).toBeNull();
    expect(findRefusal(wide(2), wanted)).toContain('expected float [rows, 3]');
  });

  test('is checked by its output alone while the features are not known', () => {
    const wanted: ExpectedGraph = { features: null, task: null };
    expect(findRefusal({ ...good, inputs: [] }, wanted)).toBeNull();
    expect(findRefusal({ ...good, outputs: [] }, wanted)).toContain('outputs: none');
  });
});

describe('the packages of a conversion', () => {
  test('are those of all trainers for ONNX and for the text format of LightGBM', () => {
    expect(conversionRequirements({ format: 'onnx' })).toBeNull();
    expect(conversionRequirements({ format: 'lightgbm' })).toBeNull();
  });

  test('are the versions that wrote a pickle, and any version of the others', () => {
    const packages = ['scikit-learn==1.5.2', 'numpy==1.26.4'];
    expect(conversionRequirements({ format: 'sklearn', packages })?.split('\n')).toEqual([
      ...packages,
      ...['pandas', 'cloudpickle', 'skl2onnx>=1.18', ''],
    ]);
  });
});
