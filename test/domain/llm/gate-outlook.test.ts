import { gateOutlooks } from '../../../domain/llm/gate-outlook';
import { llmPlanOf } from '../../support/fake-llm';

const { evaluate } = llmPlanOf().spec;
const gate = { name: 'useful', kind: 'threshold', dimension: 'right', confidence: 0.95, maxFailures: 0.02, minCases: 1 } as const;
const lines = (count: number) =>
  Array.from({ length: count }, (_, index) => `{"id":"${index}","input":{"question":"Who?"},"expected":{"answer":"Ada"}}\n`).join('');
const said = (count: number, min: number) =>
  gateOutlooks(
    { cases: { file: 'cases.ndjson', search: 0, confirm: 0 }, evaluate: { ...evaluate, gates: [{ ...gate, min }] } },
    { 'cases.ndjson': lines(count) },
  );

test('a threshold says what its cases can show before anything is asked', () => {
  const [line = ''] = said(200, 0.6);
  const [, least] = /^useful: 200 cases judge, and right of at least 0.6 is shown by a mean from (0\.\d\d),/.exec(line) ?? [];
  expect(Number(least)).toBeGreaterThan(0.65);
  expect(Number(least)).toBeLessThan(0.8);
  expect(said(4, 0.9)).toEqual(['useful: 4 cases judge, and right of at least 0.9 is more than so few can show']);
});
