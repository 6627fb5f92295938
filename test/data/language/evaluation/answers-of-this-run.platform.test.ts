/**
 * Which answers and latencies an evaluation uses, when the ledger also has those of other runs and
 * of standbys.
 */
import { promptAnswerer } from '../../../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../../../data/language/reranker';
import { evaluateCases } from '../../../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../../../data/language/evaluation/evaluator-tools';
import { openLedgerChat } from '../../../../data/language/ledger-chat';
import { type ModelAccess, openModelAccess } from '../../../../data/language/model-access';
import type { ModelTarget } from '../../../../data/language/attempt';
import { computeDigest } from '../../../../data/digest';
import type { RunId } from '../../../../domain/ids';
import type { EvaluationCase } from '../../../../domain/language/cases/case';
import { buildLlmEvidence } from '../../../../domain/language/evaluation/build-evidence';
import { explainEvidence } from '../../../../domain/decision/explain';
import { judgeLlmGate } from '../../../../domain/language/judge/gate';
import {
  latencySample,
  type LatencySample,
} from '../../../../domain/language/evaluation/latency-sample';
import type { CaseResult } from '../../../../domain/language/evaluation/result';
import type { PromptTemplate } from '../../../../domain/prompt/prompt';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../../../db/registry-fixture';
import { noSecret, providerAt } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';

let test_: TestRegistry;
let [first, spare]: ScriptedProvider[] = [];
let access: ModelAccess;
let isAway = false;
let latencyMs = 1;
let isLost = false;
let refuses: (prompt: string) => boolean = () => false;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 10 });
  first = await openScriptedProvider({
    models: ['scripted', 'smaller'],
    answer: ({ model }) => (model === 'smaller' ? 'smaller' : 'first'),
    latencyMs: () => latencyMs,
    fault: ({ prompt, model }) =>
      isLost && model === 'scripted'
        ? { kind: 'cut', afterTokens: 0 }
        : isAway
          ? { kind: 'error', status: 503 }
          : refuses(prompt)
            ? { kind: 'error', status: 400, body: '{}' }
            : null,
  });
  spare = await openScriptedProvider({ answer: () => 'spare' });
  access = openModelAccess(
    [providerAt(first.url, { name: 'first' }), providerAt(spare.url, { name: 'spare' })],
    noSecret,
  );
});
afterAll(async () => {
  await access.close();
  await Promise.all([first?.close(), spare?.close()]);
  await test_.close();
});
beforeEach(() => {
  [isAway, isLost, latencyMs] = [false, false, 1];
});

const target = (provider: string, model = 'scripted'): ModelTarget => ({ provider, model });
const paid = () => first?.bill.length ?? 0;

function evaluate(
  cases: readonly EvaluationCase[],
  run: string,
  given: { standby?: boolean | ModelTarget; latency?: LatencySample | null; budget?: number } = {},
) {
  const asking: LedgerAccess = {
    chat: openLedgerChat(access, test_.registry.llmCalls),
    tenant,
    scope: `run/${run}/evaluate`,
    owner: { execution: run, attempt: 1 },
    budgets: given.budget === undefined ? [] : [{ scope: `run/${run}`, unit: 'tokens' }],
  };
  return evaluateCases({
    cases,
    caseSet: computeDigest(cases),
    dimensions: [{ name: 'exact', kind: 'exact' }],
    judges: {},
    tools: createEvaluatorTools(null),
    parallel: 2,
    latency: given.latency ?? null,
    answerer: promptAnswerer({
      asking,
      template,
      retrieval: null,
      route: [
        target('first'),
        ...(given.standby ? [given.standby === true ? target('spare') : given.standby] : []),
      ],
      sampling: { temperature: 0, topP: 1, maxTokens: 10, seed: 1, stop: [] },
    }),
  });
}

const evidenceIn = (results: readonly CaseResult[]) =>
  buildLlmEvidence({
    candidate: computeDigest('x'),
    caseSet: computeDigest('y'),
    dimensions: ['exact'],
    results,
    judges: {},
    counterparts: { champion: null, baseline: null },
  });
const seen = (results: readonly CaseResult[]) => {
  const { latenciesMs, earlier, answeredBy } = evidenceIn(results);
  return { latenciesMs, earlier, answeredBy };
};

test('latencies are of this run; a gate on latency asks recorded cases again, within the budget', async () => {
  const cases = buildCases(8);
  const before = paid();
  expect(seen(await evaluate(cases, 'a'))).toMatchObject({
    latenciesMs: { length: 8 },
    earlier: 0,
  });
  // The same run, in a later piece or after a crash: its own answers.
  expect(seen(await evaluate(cases, 'a'))).toMatchObject({
    latenciesMs: { length: 8 },
    earlier: 0,
  });
  expect(seen(await evaluate(cases, 'b'))).toMatchObject({ latenciesMs: [], earlier: 8 });
  expect(paid() - before).toBe(8);

  latencyMs = 60;
  const latency = { ...buildSample('c'), cases: 3 };
  const results = await evaluate(cases, 'c', { latency });
  expect(seen(results)).toMatchObject({ latenciesMs: { length: 3 }, earlier: 5 });
  expect(Math.min(...seen(results).latenciesMs)).toBeGreaterThan(50);
  expect(paid() - before).toBe(11);
  expect(await evaluate(cases, 'c', { latency })).toEqual(results);
  expect(paid() - before).toBe(11);
  // The repeats of another run do not count for this one.
  expect(
    seen(await evaluate(cases, 'd', { latency: { ...buildSample('d'), cases: 1 } })).latenciesMs,
  ).toHaveLength(1);
  expect(paid() - before).toBe(12);

  await test_.registry.budgets.set({ tenant, scope: 'run/e', unit: 'tokens', limit: 1 });
  expect(
    seen(await evaluate(cases, 'e', { latency: { ...buildSample('e'), cases: 8 }, budget: 1 })),
  ).toMatchObject({
    latenciesMs: [],
    earlier: 8,
  });
  expect(paid() - before).toBe(12);
});

test('a question that fails when it is asked again has no latency and counts as the slowest', async () => {
  const cases = buildCases(8);
  await evaluate(cases, 'i');
  refuses = (prompt) => /[0-5]$/.test(prompt);
  const results = await evaluate(cases, 'j', { latency: { ...buildSample('j'), cases: 8 } });
  refuses = () => false;
  expect(seen(results)).toMatchObject({ latenciesMs: { length: 2 }, earlier: 0 });
  const evidence = evidenceIn(results);
  expect(evidence.untimed).toEqual({ ProviderRefused: 6 });
  // The scores of the earlier answers remain.
  expect(evidence.dimensions['exact']?.aggregate).toMatchObject({ cases: 8, failures: 0, mean: 1 });
  expect(explainEvidence(evidence).join('\n')).toContain(
    'no answer when repeated to measure latency: 6 × ProviderRefused',
  );
  const gate = {
    name: 'fast',
    kind: 'latency',
    quantile: 0.5,
    maxMs: 10_000,
    confidence: 0.8,
    maxFailures: 1,
    minCases: 1,
  } as const;
  expect(judgeLlmGate(gate, evidence)).toMatchObject({ outcome: 'failed', code: 'latency.missed' });
  expect(judgeLlmGate({ ...gate, maxFailures: 0.5 }, evidence)).toMatchObject({
    outcome: 'inconclusive',
    code: 'latency.notMeasured',
  });
});

test('an answer of a standby is marked and does not count for the first model', async () => {
  const cases = buildCases(3);
  isAway = true;
  const by = { model: 'scripted', cases: 3 };
  const standIns = [{ ...by, provider: 'spare', standsIn: true }];
  expect(seen(await evaluate(cases, 'f', { standby: true })).answeredBy).toEqual(standIns);
  isAway = false;
  expect(seen(await evaluate(cases, 'g', { standby: true })).answeredBy).toEqual(standIns);
  // A bundle asks only its own model: a recorded answer of a standby is replaced by a new one,
  // which is asked once.
  const before = paid();
  for (let again = 0; again < 2; again += 1) {
    const alone = await evaluate(cases, 'h');
    expect(alone.map(({ answer }) => answer)).toEqual(['first', 'first', 'first']);
    expect(seen(alone).answeredBy).toEqual([{ ...by, provider: 'first', standsIn: false }]);
  }
  expect(paid() - before).toBe(3);
});

test('an answer of another model of the same provider is an answer of a standby, too', async () => {
  const cases = buildCases(2);
  isLost = true;
  const standIns = [{ provider: 'first', model: 'smaller', standsIn: true, cases: 2 }];
  // With a budget, the ledger records an answer in a different transaction.
  await test_.registry.budgets.set({ tenant, scope: 'run/n', unit: 'tokens', limit: 1_000_000 });
  const standby = target('first', 'smaller');
  for (const results of await Promise.all([
    evaluate(cases, 'k', { standby }),
    evaluate(buildCases(2), 'n', { standby, budget: 1 }),
  ]))
    expect(seen(results).answeredBy).toEqual(standIns);
  isLost = false;
  expect(seen(await evaluate(cases, 'l', { standby })).answeredBy).toEqual(standIns);
  const alone = await evaluate(cases, 'm');
  expect(alone.map(({ answer }) => answer)).toEqual(['first', 'first']);
  expect(seen(alone).answeredBy).toEqual([
    { provider: 'first', model: 'scripted', standsIn: false, cases: 2 },
  ]);
});

function buildSample(run: string): LatencySample {
  const gate = {
    name: 'fast',
    kind: 'latency',
    quantile: 0.5,
    maxMs: 100,
    confidence: 0.95,
    maxFailures: 0,
    minCases: 1,
  } as const;
  const sample = latencySample([gate], { runId: run as RunId, looks: 1 });
  // The tenth attempt on a case set needs 99.989 % confidence, which takes fourteen halvings.
  expect(sample?.cases).toBe(14);
  return sample ?? { cases: 0, repeat: 0 };
}

function buildCases(count: number): readonly EvaluationCase[] {
  const set = unique('set');
  return Array.from({ length: count }, (_, place) => ({
    id: `${set}-${place}`,
    input: { question: `${set} ${place}` },
    expected: { answer: 'first' },
    tags: [],
    group: null,
    pair: null,
    rules: [],
  }));
}

const template: PromptTemplate = {
  name: 'answer',
  messages: [{ role: 'user', template: '{{question}}' }],
  variables: { question: { type: 'string', description: '' } },
  fewShot: null,
  answerSchema: null,
};
