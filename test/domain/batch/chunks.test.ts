import fc from 'fast-check';
import { chunkAt, chunkCount } from '../../../domain/batch/chunks';

describe('chunks of a dataset version', () => {
  test('divide one large file', () => {
    const plan = { fileRows: [120], chunkRows: 50 };
    expect(chunkCount(plan)).toBe(3);
    expect([0, 1, 2].map((index) => chunkAt(plan, index))).toEqual([
      { file: 0, from: 0, until: 50, firstRow: 0 },
      { file: 0, from: 50, until: 100, firstRow: 50 },
      { file: 0, from: 100, until: 120, firstRow: 100 },
    ]);
  });

  test('lie within one file, and files without rows have none', () => {
    const plan = { fileRows: [0, 3, 0, 5], chunkRows: 4 };
    expect(chunkCount(plan)).toBe(3);
    expect([0, 1, 2].map((index) => chunkAt(plan, index))).toEqual([
      { file: 1, from: 0, until: 3, firstRow: 0 },
      { file: 3, from: 0, until: 4, firstRow: 3 },
      { file: 3, from: 4, until: 5, firstRow: 7 },
    ]);
  });

  test('have each row once, in order, for any files', () => {
    const files = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 12 });
    fc.assert(
      fc.property(files, fc.integer({ min: 1, max: 100 }), (fileRows, chunkRows) => {
        const plan = { fileRows, chunkRows };
        const rows: string[] = [];
        for (let index = 0; index < chunkCount(plan); index += 1) {
          const { file, from, until, firstRow } = chunkAt(plan, index);
          expect(firstRow).toBe(rows.length);
          expect(until - from).toBeLessThanOrEqual(chunkRows);
          for (let row = from; row < until; row += 1) rows.push(`${file}/${row}`);
        }
        expect(rows).toEqual(
          fileRows.flatMap((all, file) =>
            Array.from({ length: all }, (_, row) => `${file}/${row}`),
          ),
        );
      }),
    );
  });

  test('are refused when there are too many', () => {
    expect(() => chunkCount({ fileRows: [1_000_000], chunkRows: 1 })).toThrow(
      /1,000,000 chunks of 1 rows are more than 100,000/,
    );
  });
});
