import { keyColumns, outputColumns, readColumns } from '../../../domain/batch/columns';
import type { Column } from '../../../domain/dataset/dataset';

const columns: readonly Column[] = [
  { name: 'at', type: 'timestamp' },
  { name: 'user', type: 'string' },
  { name: 'x', type: 'integer' },
  { name: 'kind', type: 'integer' },
  { name: 'score', type: 'number' },
];
const dataset = { name: 'shop.orders@3', columns };

describe('columns of a batch prediction', () => {
  test('names every column of the model that the input lacks', () => {
    const request = [
      { name: 'x', type: 'number' },
      { name: 'kind', type: 'string' },
      { name: 'missing', type: 'boolean' },
    ] as const;
    expect(() => readColumns({ request }, dataset)).toThrow(
      'shop.orders@3 does not fit the features of the model: ' +
        '`kind` is integer instead of string, `missing` (boolean) is missing',
    );
    expect(readColumns({ request: request.slice(0, 1) }, dataset)).toEqual([
      { name: 'x', type: 'number', from: 'integer' },
    ]);
  });

  test('repeats entity and time, or the given keys', () => {
    const signature = { entity: 'user', time: 'at' };
    expect(keyColumns(signature, undefined, dataset).map(({ name }) => name)).toEqual([
      'user',
      'at',
    ]);
    expect(keyColumns(signature, ['x', 'x'], dataset).map(({ name }) => name)).toEqual(['x']);
    expect(keyColumns({ entity: 'elsewhere', time: null }, undefined, dataset)).toEqual([]);
    expect(() => keyColumns(signature, ['score'], dataset)).toThrow(
      'the column `score` of shop.orders@3 has the name of a column of the predictions',
    );
    expect(() => keyColumns(signature, ['nothing'], dataset)).toThrow(
      'shop.orders@3 has no column `nothing`, which --key names',
    );
  });

  test('has a probability for each class, also for classes that differ only in case', () => {
    const names = outputColumns({ classes: ['a', 'A', 'b'] }, []).map(({ name }) => name);
    expect(names).toEqual([
      'row',
      'class',
      'probability_a',
      'probability_A_1',
      'probability_b',
      'model_version',
    ]);
  });
});
