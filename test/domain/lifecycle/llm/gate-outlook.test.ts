import { gateOutlooks } from '../../../../domain/lifecycle/llm/gate-outlook';
import { llmCanarySchema } from '../../../../domain/lifecycle/llm/canary/canary.schema';
import type { LlmLifecycleSpec } from '../../../../domain/lifecycle/llm/llm-lifecycle';
import { buildLlmPlan } from '../../../support/provider/fake-llm';

const { evaluate, model, canary } = buildLlmPlan().spec;
const budget = { usd: 5, tokens: null };
const gate = {
  name: 'useful',
  kind: 'threshold',
  dimension: 'right',
  confidence: 0.95,
  maxFailures: 0.02,
  minCases: 1,
} as const;
const lines = (count: number) =>
  Array.from(
    { length: count },
    (_, index) => `{"id":"${index}","input":{"question":"Who?"},"expected":{"answer":"Ada"}}\n`,
  ).join('');
const said = (count: number, min: number, change: Partial<LlmLifecycleSpec> = {}) =>
  gateOutlooks(
    {
      cases: { file: 'cases.ndjson', search: 0, confirm: 0 },
      evaluate: { ...evaluate, gates: [{ ...gate, min }] },
      model,
      canary,
      budget,
      ...change,
    },
    { 'cases.ndjson': lines(count) },
  );

test('a threshold reports the mean that its cases must reach', () => {
  const [line = ''] = said(200, 0.6);
  const [, least] =
    /^useful: 200 cases show right of at least 0.6 with a mean of (0\.\d+) or more,/.exec(line) ??
    [];
  expect(Number(least)).toBeGreaterThan(0.65);
  expect(Number(least)).toBeLessThan(0.8);
  expect(said(4, 0.9)).toEqual(['useful: 4 cases are too few to show right of at least 0.9']);
});

test('each standby is listed with the number of questions that its evaluation takes', () => {
  const standby = [
    { provider: 'acme', model: 'small' },
    { provider: 'embedded', model: 'tiny' },
  ];
  expect(said(200, 0.6, { model: { ...model, standby } }).slice(1)).toEqual([
    'acme small must pass the gates to be a standby: up to 200 questions',
    'embedded tiny must pass the gates to be a standby: up to 200 questions',
  ]);
  const dimensions: LlmLifecycleSpec['evaluate']['dimensions'] = [
    { name: 'right', kind: 'exact' },
    { name: 'same', kind: 'consistency', repeats: 3 },
    {
      name: 'sturdy',
      kind: 'robustness',
      of: 'right',
      variable: 'question',
      perturbations: [{ kind: 'upperCase' }, { kind: 'lowerCase' }],
    },
  ];
  const asked = said(200, 0.6, {
    model: { ...model, standby: standby.slice(0, 1) },
    evaluate: { ...evaluate, dimensions, gates: [] },
  });
  expect(asked).toEqual(['acme small must pass the gates to be a standby: up to 1,000 questions']);
});

test("warns that standbys and the canary's judge share a limited budget", () => {
  const standby = [{ provider: 'acme', model: 'small' }];
  const judged = llmCanarySchema.parse({ quality: { from: 'judge', judge: 'sound', margin: 0.1 } });
  const shared = 'standbys are evaluated before the canary, from the same budget as its judge';
  expect(said(200, 0.6, { model: { ...model, standby }, canary: judged }).at(-1)).toBe(shared);
  expect(
    said(200, 0.6, {
      model: { ...model, standby },
      canary: judged,
      budget: { usd: null, tokens: null },
    }),
  ).not.toContain(shared);
  expect(said(200, 0.6, { canary: judged })).not.toContain(shared);
});
