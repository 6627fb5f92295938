import { caseScreens } from '../../../../data/language/evaluation/case-screens';
import { screenedAnswerer } from '../../../../data/language/evaluation/screened-answerer';
import { openLedgerChat } from '../../../../data/language/ledger-chat';
import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import { openDetectors } from '../../../../data/safety/open-detectors';
import { redTeamCase } from '../../../../domain/language/cases/red-team';
import type { SafetyPolicy } from '../../../../domain/safety/policy';
import { openTestRegistry, unique, type TestRegistry } from '../../../db/registry-fixture';
import { price } from '../../../support/language/ledgered-evaluation';
import { noSecret, providerAt, tenant } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';

let test_: TestRegistry;
let provider: ScriptedProvider;
let access: ModelAccess;
let fault: Fault | null;
let latencyMs: number;
let scope: string;

beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 5 });
});
afterAll(() => test_.close());

beforeEach(async () => {
  fault = null;
  latencyMs = 0;
  scope = unique('run/');
  provider = await openScriptedProvider({
    models: ['guard'],
    answer: ({ prompt }) => (prompt.includes('bomb') ? 'unsafe\nS1' : 'safe'),
    fault: () => fault,
    latencyMs: () => latencyMs,
  });
  access = openModelAccess([providerAt(provider.url, { prices: { guard: price } })], noSecret);
});

afterEach(async () => {
  await access.close();
  await provider.close();
});

const policy: SafetyPolicy = {
  name: 'p',
  detectors: [
    {
      name: 'guard',
      kind: 'guardModel',
      provider: 'scripted',
      model: 'guard',
      timeoutSeconds: 20,
      categories: [],
      prompt: null,
      answers: 'llamaGuard',
      on: ['input', 'output'],
      action: 'block',
      onError: 'block',
    },
  ],
};

/** As a new attempt does. */
function answerer(screens: SafetyPolicy = policy) {
  const detectors = openDetectors({
    embedders: { get: () => Promise.reject(new Error('no embedder')) },
    access,
  });
  const chat = openLedgerChat(access, test_.registry.llmCalls);
  const owner = { execution: unique('execution'), attempt: 1 };
  const asking = { chat, tenant, scope, owner, budgets: [{ scope, unit: 'tokens' as const }] };
  const says = () =>
    Promise.resolve({ text: 'well', retrieved: [], latencyMs: 1, cost: 1, fromLedger: false });
  const ask = screenedAnswerer(
    says,
    caseScreens({ policy: screens, detectors, asking }),
    'question',
  );
  return (text: string) =>
    ask(
      redTeamCase({
        id: text,
        text: `${scope} ${text}`,
        isAttack: true,
        source: 's',
        category: 'c',
      }),
      { repeat: 0 },
    );
}

const budget = (limit: number) =>
  test_.registry.budgets.set({ tenant, scope, unit: 'tokens', limit });

test('verdicts are paid once from the budget of the run and are part of the cost of a case', async () => {
  await budget(10_000);
  const first = await answerer()('who was Ada?');
  expect(first).toMatchObject({ text: 'well' });
  expect(first.cost).toBeGreaterThan(1);
  expect(await answerer()('who was Ada?')).toEqual(first);
  expect(provider.bill).toHaveLength(2);
  expect(await answerer()('a bomb')).toMatchObject({ text: '', blocked: 'input' });
  expect(await test_.registry.llmCalls.report({ tenant, scope })).toMatchObject({
    calls: { answered: 3 },
  });
});

test('a text is neither blocked nor passed when its guard model cannot be asked', async () => {
  await budget(10_000);
  fault = { kind: 'error', status: 401 };
  await expect(answerer()('who was Ada?')).rejects.toMatchObject({ type: 'ProviderDenied' });
  fault = null;
  expect(await answerer()('who was Ada?')).toMatchObject({ text: 'well' });
});

test('a spent budget ends the evaluation instead of blocking the rest', async () => {
  await budget(1);
  await expect(answerer()('who was Ada?')).rejects.toMatchObject({ type: 'BudgetSpent' });
  expect(provider.requests).toEqual([]);
});

test('the timeout of a detector does not include the wait for rate limits in an evaluation', async () => {
  await access.close();
  const limits = { requestsPerMinute: null, tokensPerMinute: null, concurrency: 1 };
  access = openModelAccess(
    [providerAt(provider.url, { prices: { guard: price }, limits })],
    noSecret,
  );
  latencyMs = 300;
  await budget(100_000);
  const ask = answerer({
    ...policy,
    detectors: policy.detectors.map((each) => ({ ...each, on: ['input'], timeoutSeconds: 1 })),
  });
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, index) => ask(`who was number ${index}?`)),
  );
  expect(answers.map(({ text }) => text)).toEqual(answers.map(() => 'well'));
});
