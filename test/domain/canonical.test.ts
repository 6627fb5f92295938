import fc from 'fast-check';
import { canonicalJson } from '../../domain/canonical';

describe('canonical JSON', () => {
  test('writes the example of RFC 8785', () => {
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"\/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test('sorts keys by UTF-16 code unit, as in the appendix of RFC 8785', () => {
    const value = {
      '\u20ac': 5,
      '\r': 1,
      '\ufb33': 7,
      '1': 2,
      '\ud83d\ude00': 6,
      '\u0080': 3,
      '\u00f6': 4,
    };
    expect(Object.values(JSON.parse(canonicalJson(value)) as object).map(String)).toHaveLength(7);
    expect(canonicalJson(value)).toBe(
      '{"\\r":1,"1":2,"\u0080":3,"\u00f6":4,"\u20ac":5,"\ud83d\ude00":6,"\ufb33":7}',
    );
  });

  test.each([
    ['NaN', { a: [1, Number.NaN] }, 'cannot be represented in JSON: NaN at /a/1'],
    ['infinity', { a: Number.POSITIVE_INFINITY }, 'cannot be represented in JSON: Infinity at /a'],
    [
      'undefined at the top',
      undefined,
      'cannot be represented in JSON: undefined at the top level',
    ],
    ['undefined in a list', [undefined], 'cannot be represented in JSON: undefined at /0'],
    ['a hole in a list', [1, , 2], 'cannot be represented in JSON: undefined at /1'],
    ['a bigint', { a: 1n }, 'cannot be represented in JSON: bigint at /a'],
    ['a function', { a: () => 1 }, 'cannot be represented in JSON: function at /a'],
    ['a map', { a: new Map() }, 'cannot be represented in JSON: Map at /a'],
    ['a date', { a: new Date(0) }, 'cannot be represented in JSON: Date at /a'],
    [
      'a lone surrogate',
      { a: '\ud83d' },
      'cannot be represented in JSON: text with a lone surrogate at /a',
    ],
  ])('refuses %s and says where', (_name, value, message) => {
    expect(() => canonicalJson(value)).toThrow(message);
  });

  test('leaves out members that are undefined and keeps null', () => {
    expect(canonicalJson({ b: null, a: undefined, c: 0 })).toBe('{"b":null,"c":0}');
  });

  test('treats __proto__ as an ordinary key', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"x":1}}'))).toBe(
      '{"__proto__":{"x":1},"b":1}',
    );
  });

  const json = fc.jsonValue({ stringUnit: 'grapheme' });

  test('parses to the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('is stable when parsed and written again', () => {
    fc.assert(
      fc.property(json, (value) => {
        const once = canonicalJson(value);
        expect(canonicalJson(JSON.parse(once))).toBe(once);
      }),
    );
  });

  test('does not depend on the order of keys', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme' }), json), {
      selector: ([key]) => key,
    });
    const twoOrders = entries.chain((some) =>
      fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length })),
    );
    fc.assert(
      fc.property(twoOrders, ([one, other]) => {
        expect(canonicalJson(Object.fromEntries(other))).toBe(
          canonicalJson(Object.fromEntries(one)),
        );
      }),
    );
  });
});
