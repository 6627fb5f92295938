import { createEvaluatorTools } from '../../../../data/language/evaluation/evaluator-tools';
import type { EvaluationCase } from '../../../../domain/language/cases/case';
import { evaluate } from '../../../../domain/language/dimension/evaluator';
import { ruleViolation } from '../../../../domain/language/dimension/rule';
import { inParallel, inConcurrencySlots } from '../../../../data/language/evaluation/pool';
import { openGauge } from '../../../support/time/gauge';

describe('the tools of evaluators', () => {
  const tools = createEvaluatorTools(null);
  const { matches, schemaErrors } = tools;

  test('match a pattern, with a time limit', () => {
    expect(matches('^\\p{Lu}', 'Österreich')).toBe(true);
    expect(matches('^x', 'y')).toBe(false);
    expect(matches('(', 'y')).toEqual({
      untold: expect.stringMatching(
        /^the pattern \( could not be evaluated: .*Unterminated group/,
      ) as string,
    });
    expect(matches('^(a+)+$', `${'a'.repeat(60)}!`)).toEqual({
      untold: 'the pattern ^(a+)+$ could not be evaluated in time',
    });
    // The next pattern is not affected.
    expect(matches('a', 'a')).toBe(true);
  });

  test('validate by JSON Schema 2020-12 and name the paths', () => {
    const schema = {
      type: 'object',
      properties: { n: { type: 'integer' }, tags: { prefixItems: [{ const: 'x' }] } },
      required: ['n'],
    };
    expect(schemaErrors(schema, { n: 1, tags: ['x'] })).toEqual([]);
    expect(schemaErrors(schema, { n: 'one', tags: ['y'] })).toEqual([
      '/n must be integer',
      '/tags/0 must be equal to constant',
    ]);
    expect(schemaErrors(schema, {})).toEqual(["/ must have required property 'n'"]);
    expect(() => schemaErrors({ type: 'nothing' }, 1)).toThrow(/not a JSON Schema/);
  });

  test('validate by draft-07 when the schema declares it, and list the known drafts', () => {
    const tuple = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'array',
      items: [{ type: 'string' }],
      additionalItems: false,
    };
    expect(schemaErrors(tuple, ['x'])).toEqual([]);
    expect(schemaErrors(tuple, ['x', 'y'])).toEqual(['/ must NOT have more than 1 items']);
    expect(() => schemaErrors({ $schema: 'http://json-schema.org/draft-04/schema#' }, 1)).toThrow(
      /\$schema is "http:\/\/json-schema.org\/draft-04\/schema#"; supported are https:\S+ and http:/,
    );
  });

  test('accept a schema whose id is that of a draft', () => {
    schemaErrors({ $id: 'https://json-schema.org/draft/2020-12/schema', type: 'string' }, 'x');
    expect(schemaErrors({ type: 'boolean' }, 1)).toEqual(['/ must be boolean']);
  });

  test('refuse an asynchronous schema, whose promise would count as valid', () => {
    expect(() => schemaErrors({ $async: true, type: 'string' }, 1)).toThrow(
      '$async is not part of JSON Schema',
    );
    expect(() =>
      schemaErrors({ $ref: '#/$defs/a', $defs: { a: { $async: true, type: 'string' } } }, 1),
    ).toThrow(/async/);
  });

  test('limit the time of a schema with an exponential pattern', () => {
    const schema = { type: 'object', properties: { name: { type: 'string', pattern: '^(a+)+$' } } };
    expect(schemaErrors(schema, { name: `${'a'.repeat(60)}!` })).toEqual({
      untold: 'the answer could not be validated by the JSON Schema in time',
    });
    expect(schemaErrors(schema, { name: 'aa' })).toEqual([]);
    const answer = JSON.stringify({ name: `${'a'.repeat(60)}!` });
    expect(ruleViolation({ kind: 'json', schema }, answer, tools)).toEqual({
      kind: 'unknown',
      reason: expect.stringContaining('in time') as string,
    });
  });

  test('report why an answer could not be validated', async () => {
    const schema = { allOf: [{ $ref: '#' }] };
    const judged = {
      case: { expected: {}, rules: [] } as unknown as EvaluationCase,
      answer: '1',
      retrieved: [],
    };
    expect(await evaluate({ kind: 'json', schema }, judged, tools)).toEqual({
      kind: 'failed',
      reason:
        'the answer could not be validated by the JSON Schema: Maximum call stack size exceeded',
    });
  });

  test('distinguish two schemas with the same id', () => {
    expect(schemaErrors({ $id: 'answer', type: 'string' }, 'x')).toEqual([]);
    expect(schemaErrors({ $id: 'answer', type: 'number' }, 'x')).toEqual(['/ must be number']);
  });
});

describe('work in parallel', () => {
  test('keeps to the limit and returns results in the order of the items', async () => {
    const working = openGauge();
    const results = await inParallel([5, 1, 4, 2, 3], 2, async (milliseconds) => {
      await working.during(() => new Promise((resolve) => setTimeout(resolve, milliseconds)));
      return milliseconds * 10;
    });
    expect({ results, peak: working.peak() }).toEqual({ results: [50, 10, 40, 20, 30], peak: 2 });
    expect(await inParallel([], 3, () => Promise.resolve(1))).toEqual([]);
  });

  test('uses no more places than there are and has a quarter more items in progress', async () => {
    const [asking, working] = [openGauge(), openGauge()];
    const moment = () => new Promise((resolve) => setTimeout(resolve, 5));
    const results = await inConcurrencySlots(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      { parallel: 8 },
      async (item, place) => {
        await working.during(async () => {
          await place(() => asking.during(moment));
          await moment();
        });
        return item * 10;
      },
    );
    expect(results).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);
    expect({ asking: asking.peak(), working: working.peak() }).toEqual({ asking: 8, working: 10 });
  });

  test('starts nothing after a failure and waits for items in progress', async () => {
    const [begun, ended]: [number[], number[]] = [[], []];
    const work = inParallel([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      await new Promise((resolve) => setTimeout(resolve, item === 1 ? 1 : 20));
      if (item === 1) throw new Error('no');
      ended.push(item);
    });
    await expect(work).rejects.toThrow('no');
    expect({ begun, ended }).toEqual({ begun: [1, 2], ended: [2] });
  });
});
