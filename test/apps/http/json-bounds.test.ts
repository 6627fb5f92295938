import fc from 'fast-check';
import { checkJsonBounds } from '../../../apps/http/json-bounds';
import { processorTime } from '../../support/time/processor-time';

const bounds = { values: 10, keys: 5, depth: 4 };
const refusal = (text: string, within = bounds): string | null => {
  try {
    checkJsonBounds(text, within);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a JSON body before it is parsed', () => {
  test.each([
    [
      'keys',
      `{\n${Array.from({ length: 750_000 }, (_, at) => `"k${at}":1`).join(',')}}`,
      /^the body has more than 5 keys, at line 2, column 40$/,
    ],
    [
      'values',
      `[${'1,'.repeat(2_000_000)}1]`,
      /^the body has more than 10 values, at line 1, column \d+$/,
    ],
    [
      'levels',
      '['.repeat(5_000_000),
      /^the body is nested deeper than 4 levels, at line 1, column 5$/,
    ],
  ])('is refused at once for too many %s, with the place', async (_what, text, message) => {
    const { value, milliseconds } = await processorTime(() => refusal(text));
    expect(value).toMatch(message);
    expect(milliseconds).toBeLessThan(500);
  });

  test('does not count brackets inside strings, whatever is escaped', () => {
    expect(
      refusal(JSON.stringify({ text: '{[,:]}"\\'.repeat(1_000), 'a,b:"c\\': ['\\', '"'] })),
    ).toBeNull();
  });

  test.each([
    ['a string that is not closed', `"${'\\"'.repeat(500_000)}`],
    ['backslashes', `["${'\\'.repeat(999_999)}`],
  ])('is left to the parser quickly if it is not JSON: %s', async (_what, text) => {
    const { value, milliseconds } = await processorTime(() => refusal(text));
    expect(value).toBeNull();
    expect(milliseconds).toBeLessThan(1_000);
  });

  test('is never counted below what the parser would find', () => {
    const count = (value: unknown): { values: number; keys: number; depth: number } => {
      if (typeof value !== 'object' || value === null) return { values: 1, keys: 0, depth: 0 };
      const inner = Object.values(value).map(count);
      const sum = (of: 'values' | 'keys') => inner.reduce((all, each) => all + each[of], 0);
      const keys = Array.isArray(value) ? 0 : inner.length;
      return {
        values: 1 + sum('values'),
        keys: keys + sum('keys'),
        depth: 1 + Math.max(0, ...inner.map((each) => each.depth)),
      };
    };
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const { values, keys, depth } = count(value);
        expect(
          refusal(JSON.stringify(value, null, 1), { values: 2 * values, keys, depth }),
        ).toBeNull();
        if (keys > 0)
          expect(
            refusal(JSON.stringify(value), { values: 2 * values, keys: keys - 1, depth }),
          ).toMatch(/keys/);
        if (depth > 0)
          expect(
            refusal(JSON.stringify(value), { values: 2 * values, keys, depth: depth - 1 }),
          ).toMatch(/nested/);
      }),
    );
  });
});
