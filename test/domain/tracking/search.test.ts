import { runWithTimeLimit } from '../../../data/time-limit';
import { parseFilter, parseOrder } from '../../../domain/tracking/search';

describe('a filter', () => {
  test.each([
    ['metrics.auc > 0.7', { kind: 'metric', key: 'auc', operator: '>', values: ['0.7'] }],
    ["params.C='1'", { kind: 'param', key: 'C', operator: '=', values: ['1'] }],
    ['tags.`a b` != "x"', { kind: 'tag', key: 'a b', operator: '!=', values: ['x'] }],
    [
      "tags.mlflow.runName LIKE 'a%'",
      { kind: 'tag', key: 'mlflow.runName', operator: 'LIKE', values: ['a%'] },
    ],
    [
      "attributes.run_id IN ('a', 'b')",
      { kind: 'attribute', key: 'run_id', operator: 'IN', values: ['a', 'b'] },
    ],
    [
      "status not in ('FAILED')",
      { kind: 'attribute', key: 'status', operator: 'NOT IN', values: ['FAILED'] },
    ],
    ['params.C IS NULL', { kind: 'param', key: 'C', operator: 'IS NULL', values: [] }],
    ['metrics.loss <= -1e-3', { kind: 'metric', key: 'loss', operator: '<=', values: ['-1e-3'] }],
  ])('%s is one term', (text, term) => {
    expect(parseFilter(text)).toEqual([term]);
  });

  test('joins terms by AND, and may be empty', () => {
    expect(parseFilter("metrics.a > 1 and params.b = 'and' AND status = 'x'")).toHaveLength(3);
    expect(parseFilter(' ')).toEqual([]);
  });

  test.each([
    ["params.C = '1' OR params.C = '2'", `from here: "OR params.C = '2'"`],
    ["params.C = '1' params.D = '2'", `from here: "params.D = '2'"`],
    ['metrics.auc >', 'from here: "metrics.auc >"'],
    ["metrics.auc IN 'a'", 'from here'],
    ["other.key = '1'", 'has no key other.key'],
    ["params.C = '1'; drop table runs", 'from here'],
    [`params.C = '${'x'.repeat(6000)}'`, 'longer than 6000'],
    [Array.from({ length: 31 }, () => 'metrics.a = 1').join(' AND '), 'more than 30 terms'],
  ])('%.40s is refused with the place', (text, message) => {
    expect(() => parseFilter(text)).toThrow(message);
  });
});

test('an order names a key and a direction', () => {
  expect(parseOrder('metrics.auc DESC')).toEqual({ kind: 'metric', key: 'auc', direction: 'desc' });
  expect(parseOrder('start_time')).toEqual({
    kind: 'attribute',
    key: 'start_time',
    direction: 'asc',
  });
  expect(() => parseOrder('metrics.auc; drop')).toThrow('cannot sort by');
});

describe('takes time in proportion to its length', () => {
  const half = 2_900;
  test.each([
    ['numbers in a list', `params.C IN (${'1'.repeat(half)}`],
    ['numbers in a list, with commas', `params.C IN (${'11,'.repeat(half / 3)}x`],
    ['a number without an end', `metrics.a > ${'1'.repeat(half)}x`],
    ['quotes', `params.C = '${'"'.repeat(half)}`],
    ['a key', `${'a'.repeat(half)}!`],
    ['a key of dots', `${'a.'.repeat(half / 2)}!`],
    ['spaces', `a${' '.repeat(half)}!`],
    ['spaces after IS', `a IS${' '.repeat(half)}NUL`],
    ['spaces before AND', `a = 1${' '.repeat(half)}AN`],
    ['a key in quotes', `\`${'a'.repeat(half)}`],
  ])('%s', (_what, text) => {
    // A tenth of this is plenty on a busy machine; a pattern that tries again takes minutes.
    const limitMs = 2_000;
    const read = (parse: (given: string) => unknown) =>
      runWithTimeLimit(limitMs, () => {
        expect(() => parse(text)).toThrow(/not understood|cannot sort/);
      });
    expect([read(parseFilter), read(parseOrder)]).toEqual([
      { kind: 'done', value: undefined },
      { kind: 'done', value: undefined },
    ]);
  });
});
