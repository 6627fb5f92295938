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

  test('of more than can be compiled beside other work are refused', () => {
    expect(jsonSchemaProblem({ type: 'string', description: 'x'.repeat(100_000) })).toMatch(
      /^it has 100\d{3} characters, and 100000 is the most$/,
    );
    expect(jsonSchemaProblem({ type: 'string', description: 'x'.repeat(90_000) })).toBeNull();
  });
});
