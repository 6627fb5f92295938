import { nextCallName } from '../../../domain/project/call-name';

function nameCalls(...calls: readonly string[]): readonly string[] {
  const known = new Map<string, number>();
  return calls.map((name) => nextCallName(known, name));
}

test('repeated calls are numbered in the order of the code', () => {
  expect(nameCalls('enrich', 'enrich', 'score', 'enrich')).toEqual([
    'enrich',
    'enrich-2',
    'score',
    'enrich-3',
  ]);
});

test.each([
  [['forecast', 'forecast', 'forecast-2']],
  [['forecast-2', 'forecast', 'forecast']],
  [['forecast-2', 'forecast', 'forecast', 'forecast-2', 'forecast-3', 'forecast']],
  [['a-2', 'a-2', 'a', 'a', 'a-2-2', 'a-02']],
])('two calls never share a name: %j', (calls) => {
  expect(new Set(nameCalls(...calls)).size).toBe(calls.length);
});
