import fc from 'fast-check';
import { blocksText, randomBlocks } from '../../../../domain/evaluation/measure/random-blocks';

const hash = fc
  .integer({ min: 0, max: 5_000 })
  .map((seed) => (BigInt(seed) * 0x9e3779b97f4a7c15n).toString(16).padStart(16, '0').slice(-16));

describe('random blocks', () => {
  test('keep rows of one hash together, and number blocks without gaps', () => {
    fc.assert(
      fc.property(fc.array(hash, { minLength: 1, maxLength: 2_000 }), (hashes) => {
        const { block, blocks, groups } = randomBlocks(hashes);
        const blockOf = new Map<string, number>();
        hashes.forEach((each, row) => {
          expect(blockOf.get(each) ?? block[row]).toBe(block[row]);
          blockOf.set(each, block[row] ?? -1);
        });
        expect(groups).toBe(new Set(hashes).size);
        expect([...new Set(block)].sort((a, b) => a - b)).toEqual(
          Array.from({ length: blocks }, (_, place) => place),
        );
        expect(blocks).toBeLessThanOrEqual(200);
        if (groups <= 200) expect(blocks).toBe(groups);
      }),
      { numRuns: 30 },
    );
  });

  test('do not depend on the order of the rows', () => {
    const hashes = Array.from({ length: 900 }, (_, row) =>
      (BigInt(row) * 0x9e3779b97f4a7c15n).toString(16).padStart(16, '0').slice(-16),
    );
    const forward = randomBlocks(hashes).block;
    const backward = randomBlocks(hashes.toReversed()).block;
    expect([...backward].reverse()).toEqual([...forward]);
  });

  test.each([
    [{ rows: 6_000, days: 200, unit: 'row' as const }, '6,000 rows in 200 random blocks'],
    [
      { rows: 6_000, days: 200, unit: 'group' as const },
      '6,000 rows in 200 random blocks of groups',
    ],
    [{ rows: 6_000, days: 14, unit: 'group' as const }, '6,000 rows of 14 groups'],
    [{ rows: 90, days: 90, unit: 'row' as const }, '90 rows'],
  ])('are described as %j', (basis, text) => {
    expect(blocksText(basis)).toBe(text);
  });
});
