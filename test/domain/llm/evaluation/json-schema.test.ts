import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { compileJsonSchema, jsonSchemaProblem } from '../../../../domain/llm/evaluation/json-schema.schema';

describe('JSON Schemas', () => {
  test('leave nothing behind when they were compiled: many processes check them for months', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const kept = [];
    for (let each = 0; each < 1000; each += 1) kept.push(new WeakRef(compileJsonSchema({ type: 'string', minLength: each })));
    await new Promise((turn) => setImmediate(turn));
    collect();
    expect(kept.filter((each) => each.deref() !== undefined).length).toBeLessThanOrEqual(400);
  });

  test.each([
    ['itself', { type: 'object', properties: { child: { $ref: '#' } } }],
    ['a part of itself', { $ref: '#/$defs/node', $defs: { node: { type: 'object', properties: { child: { $ref: '#/$defs/node' } } } } }],
    ['an anchor', { $ref: '#node', $defs: { node: { $anchor: 'node', type: 'object', properties: { child: { $ref: '#node' } } } } }],
    ['itself, by draft-07', { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', properties: { child: { $ref: '#' } } }],
  ])('refer to %s', (_what, schema) => {
    const holds = compileJsonSchema(schema);
    expect([holds({ child: { child: {} } }), holds({ child: { child: 1 } })]).toEqual([true, false]);
  });

  test('of more than can be compiled beside other work are refused', () => {
    expect(jsonSchemaProblem({ type: 'string', description: 'x'.repeat(100_000) })).toMatch(
      /^it has 100\d{3} characters, and 100000 is the most$/,
    );
    expect(jsonSchemaProblem({ type: 'string', description: 'x'.repeat(90_000) })).toBeNull();
  });
});
