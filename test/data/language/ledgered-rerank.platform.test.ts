import { openIndexReader } from '../../../data/index/query-index';
import { bundleRetrieval, promptAnswerer } from '../../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../../data/language/reranker';
import { evaluateCases } from '../../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../../data/language/evaluation/evaluator-tools';
import { openLedgerChat } from '../../../data/language/ledger-chat';
import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import { openRetrieval } from '../../../data/language/retrieval';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import {
  toDigest,
  openTestRegistry,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { fakeChunks, lettersOnly } from '../../support/language/fake-chunks';
import { noSecret, providerAt } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';

let test_: TestRegistry;
let server: ScriptedProvider;
let access: ModelAccess;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 10 });
  server = await openScriptedProvider({
    models: ['scripted', 'cross'],
    answer: ({ prompt }) => prompt,
    // The last document is the best; for a riddle the ranking is incomplete.
    rerank: ({ query, documents }) =>
      documents
        .slice(query.includes('riddle') ? 1 : 0)
        .map((_, index) => ({ index, relevance_score: index })),
    latencyMs: () => 30,
  });
  const prices = { cross: { promptPerMillion: 1_000, completionPerMillion: 0 } };
  access = openModelAccess([providerAt(server.url, { prices })], noSecret);
});
afterAll(async () => {
  await access.close();
  await server.close();
  await test_.close();
});

const ranked = () => server.bill.filter(({ model }) => model === 'cross').length;

async function world() {
  const scope = unique('run/');
  const budget = { scope, unit: 'usd' as const };
  await test_.registry.budgets.set({ tenant, ...budget, limit: 1_000_000_000 });
  const chunks = fakeChunks();
  // Unique to this test, because the ledger has the answers of others.
  const served = chunks.put(
    { tenant, index: 'wiki', version: 1 },
    { bread: 'bread is baked', breads: `breads of ${scope}`, whale: 'whales swim' },
  );
  const reader = openIndexReader({
    find: () => Promise.resolve(served),
    store: chunks,
    embedders: lettersOnly,
  });
  const asking: LedgerAccess = {
    chat: openLedgerChat(access, test_.registry.llmCalls),
    tenant,
    scope,
    owner: { execution: scope, attempt: 1 },
    budgets: [budget],
  };
  const rerank = {
    provider: 'scripted',
    model: 'cross',
    candidates: 3,
    onError: 'keepOrder',
  } as const;
  const index = {
    name: 'wiki',
    version: 1,
    digest: served.digest,
    variable: 'passages',
    k: 1,
    mode: 'vector',
    rerank,
  } as const;
  const answerer = promptAnswerer({
    asking,
    template,
    route: [{ provider: 'scripted', model: 'scripted' }],
    sampling: { temperature: 0, topP: 1, maxTokens: 50, seed: 1, stop: [] },
    retrieval: bundleRetrieval({
      retrieve: openRetrieval(reader),
      paying: asking,
      reranking: asking,
      index,
      input: 'question',
    }),
  });
  return { answerer, budget };
}

test('reranking in an evaluation is paid once from its budgets and is part of the cost of a case', async () => {
  const { answerer, budget } = await world();
  const before = ranked();
  const ask = () => answerer(buildCase('bread is baked'), { repeat: 0 });
  const [first, beside] = await Promise.all([ask(), ask()]);
  const again = await ask();
  expect(ranked() - before).toBe(1);
  expect(first.retrieved).toHaveLength(1);
  expect(first.retrieved[0]?.documentId).not.toBe('bread');
  expect([beside.cost, again.cost]).toEqual([first.cost, first.cost]);
  expect(first.cost).toBeGreaterThan(0);
  const { spent, reserved } = (await test_.registry.budgets.get({ tenant, ...budget })) ?? {
    spent: 0,
    reserved: -1,
  };
  expect({ spent, reserved }).toEqual({ spent: first.cost, reserved: 0 });

  await test_.registry.budgets.set({ tenant, ...budget, limit: spent });
  await expect(answerer(buildCase('breads are baked'), { repeat: 0 })).rejects.toMatchObject({
    type: 'BudgetSpent',
  });
  expect(ranked() - before).toBe(1);
});

test('a case whose reranking fails has no answer, even if the bundle permits the index order', async () => {
  const { answerer } = await world();
  const results = await evaluateCases({
    cases: ['bread is baked', 'a riddle of bread'].map(buildCase),
    caseSet: toDigest('cases'),
    parallel: 2,
    dimensions: [],
    judges: {},
    tools: createEvaluatorTools(null),
    answerer,
  });
  expect(results.map(({ id, unanswered }) => [id, unanswered])).toEqual([
    ['bread is baked', null],
    ['a riddle of bread', 'AnswerInvalid'],
  ]);
});

const buildCase = (question: string): EvaluationCase => ({
  id: question,
  input: { question },
  expected: {},
  tags: [],
  group: null,
  pair: null,
  rules: [],
});

const template: PromptTemplate = {
  name: 'answer',
  messages: [{ role: 'user', template: '{{#passages}}{{.}}{{/passages}} {{question}}' }],
  variables: {
    question: { type: 'string', description: '' },
    passages: { type: 'list', description: '' },
  },
  fewShot: null,
  answerSchema: null,
};
