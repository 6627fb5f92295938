import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readCaseSet } from '../../../domain/language/cases/case-set-document';
import { compileJsonSchema, jsonSchemaProblem } from '../../../domain/document/json-schema.schema';
import { processorTime } from '../../support/time/processor-time';

describe('JSON Schemas', () => {
  test('do not leak memory when many are compiled', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const kept = [];
    for (let each = 0; each < 1000; each += 1)
      kept.push(new WeakRef(compileJsonSchema({ type: 'string', minLength: each })));
    await new Promise((turn) => setImmediate(turn));
    collect();
    expect(kept.filter((each) => each.deref() !== undefined).length).toBeLessThanOrEqual(400);
  });

  test.each([
    ['itself', { type: 'object', properties: { child: { $ref: '#' } } }],
    [
      'a part of itself',
      {
        $ref: '#/$defs/node',
        $defs: { node: { type: 'object', properties: { child: { $ref: '#/$defs/node' } } } },
      },
    ],
    [
      'an anchor',
      {
        $ref: '#node',
        $defs: {
          node: { $anchor: 'node', type: 'object', properties: { child: { $ref: '#node' } } },
        },
      },
    ],
    [
      'itself, by draft-07',
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'object',
        properties: { child: { $ref: '#' } },
      },
    ],
  ])('refer to %s', (_what, schema) => {
    const holds = compileJsonSchema(schema);
    expect([holds({ child: { child: {} } }), holds({ child: { child: 1 } })]).toEqual([
      true,
      false,
    ]);
  });

  test('that are too long are rejected', () => {
    expect(jsonSchemaProblem({ type: 'string', description: 'x'.repeat(100_000) })).toMatch(
      /^it has 100\d{3} characters, at most 100000 are allowed$/,
    );
    expect(jsonSchemaProblem({ type: 'string', description: 'x'.repeat(90_000) })).toBeNull();
  });

  test('that are nested too deeply are rejected without a stack overflow', () => {
    let schema: Record<string, unknown> = { type: 'string' };
    for (let level = 0; level < 50_000; level += 1) schema = { items: schema };
    expect(jsonSchemaProblem(schema)).toBe('it is nested deeper than 64 levels');
  });

  const definitions = (count: number, definition: (at: number) => object) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`d${at}`, definition(at)]));
  const twice = (at: number) => ({
    properties: { a: { $ref: `#/$defs/d${at + 1}` }, b: { $ref: `#/$defs/d${at + 1}` } },
  });
  const wide = {
    properties: definitions(150, () => ({ type: 'string', minLength: 1, pattern: '^a+$' })),
  };

  // Each took minutes when references were inlined.
  test.each<readonly [string, object, RegExp | null]>([
    [
      'whose definitions refer twice to the next',
      { $ref: '#/$defs/d0', $defs: definitions(40, twice) },
      /can't resolve reference/,
    ],
    [
      'that refer often to one large definition',
      { $defs: { wide }, properties: definitions(400, () => ({ $ref: '#/$defs/wide' })) },
      null,
    ],
    [
      'of thousands of definitions',
      {
        $defs: definitions(900, () => ({})),
        properties: definitions(900, (at) => ({ $ref: `#/$defs/d${at}` })),
      },
      /different references; at most 4000 are allowed/,
    ],
    [
      'of thousands of parts',
      { anyOf: Array.from({ length: 4_000 }, () => ({})) },
      /at most 4000 are allowed/,
    ],
  ])('%s are checked within seconds', async (_what, schema, problem) => {
    const { value: found, milliseconds } = await processorTime(() =>
      jsonSchemaProblem(schema as Record<string, unknown>),
    );
    expect(milliseconds).toBeLessThan(3_000);
    if (problem === null) expect(found).toBeNull();
    else expect(found).toMatch(problem);
  });

  test('of one document share a limit on maps, lists and references', () => {
    const some = (which: number) => ({ properties: definitions(1_500, () => ({ const: which })) });
    const { issues } = readCaseSet(
      [1, 2, 3, 4, 5, 6, 7].map((which, id) => line(id, some(which))).join('\n'),
      'cases.ndjson',
    );
    expect(issues).toMatchObject([
      {
        line: 7,
        detail: expect.stringContaining('more than 10000 maps, lists and references') as string,
      },
    ]);
  });

  const line = (id: number, schema: object) =>
    JSON.stringify({ id: `c${id}`, input: {}, expected: { schema } });
  const long = (which: number) => ({ type: 'string', description: `${which}`.padEnd(60_000) });

  test('of one document share a limit on characters, and the line that exceeds it is reported', () => {
    const read = (which: readonly number[]) =>
      readCaseSet(which.map((each, id) => line(id, long(each))).join('\n'), 'cases.ndjson');
    const { cases, issues } = read([1, 2, 3, 4, 5, 1]);
    expect(issues).toEqual([
      expect.objectContaining({
        pointer: '/expected/schema',
        line: 5,
        detail: expect.stringContaining(
          'with it the document has more than 250000 characters of different JSON Schemas',
        ) as string,
      }),
    ]);
    expect(cases.map(({ id }) => id)).toEqual(['c0', 'c1', 'c2', 'c3', 'c5']);
    // Each document has its own limit.
    expect(read([5, 6]).issues).toEqual([]);
  });

  test('that are equal count once', () => {
    const lines = Array.from({ length: 600 }, (_, id) =>
      line(id, { type: 'string', description: `${id % 300}`.padEnd(600) }),
    );
    expect(readCaseSet(lines.join('\n'), 'cases.ndjson').issues).toEqual([]);
  });
});
