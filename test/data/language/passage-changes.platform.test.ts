import { openIndexReader } from '../../../data/index/query-index';
import { bundleRetrieval, promptAnswerer } from '../../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../../data/language/reranker';
import { evaluateCases } from '../../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../../data/language/evaluation/evaluator-tools';
import { openLedgerChat } from '../../../data/language/ledger-chat';
import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import { openRetrieval } from '../../../data/language/retrieval';
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
  // Answers with the first passage of its prompt.
  server = await openScriptedProvider({
    models: ['scripted'],
    answer: ({ prompt }) => /<([^>]*)>/.exec(prompt)?.[1] ?? '',
  });
  access = openModelAccess([providerAt(server.url)], noSecret);
});
afterAll(async () => {
  await access.close();
  await server.close();
  await test_.close();
});

test('passages in another order are separate calls, drawn and paid once across resumed runs', async () => {
  const chunks = fakeChunks();
  const served = chunks.put(
    { tenant, index: 'wiki', version: 1 },
    {
      bread: 'bread is baked',
      breads: 'breads are baked from flour',
      dough: 'dough is bread that is not baked',
    },
  );
  const reader = openIndexReader({
    find: () => Promise.resolve(served),
    store: chunks,
    embedders: lettersOnly,
  });
  const scope = unique('run/');
  const budget = { scope, unit: 'usd' as const };
  await test_.registry.budgets.set({ tenant, ...budget, limit: 1_000_000_000 });
  const index = {
    name: 'wiki',
    version: 1,
    digest: served.digest,
    variable: 'passages',
    k: 3,
    mode: 'vector',
  } as const;
  const attempt = async (number: number) => {
    const asking: LedgerAccess = {
      chat: openLedgerChat(access, test_.registry.llmCalls),
      tenant,
      scope,
      budgets: [budget],
      owner: { execution: scope, attempt: number },
    };
    const before = server.bill.length;
    const results = await evaluateCases({
      cases: Array.from({ length: 8 }, (_, each) => ({
        id: `c${each}`,
        input: { question: `bread is baked ${scope}` },
        expected: { answer: 'bread is baked' },
        tags: [],
        group: null,
        pair: null,
        rules: [],
      })),
      dimensions: [
        { name: 'right', kind: 'exact' },
        {
          name: 'steady',
          kind: 'robustness',
          of: 'right',
          variable: 'passages',
          perturbations: [{ kind: 'order' }],
        },
      ],
      answerer: promptAnswerer({
        asking,
        route: [{ provider: 'scripted', model: 'scripted' }],
        sampling: { temperature: 0, topP: 1, maxTokens: 50, seed: 1, stop: [] },
        retrieval: bundleRetrieval({
          retrieve: openRetrieval(reader),
          paying: asking,
          index,
          input: 'question',
        }),
        template: {
          name: 'answer',
          messages: [{ role: 'user', template: '{{#passages}}<{{.}}>{{/passages}} {{question}}' }],
          variables: {
            question: { type: 'string', description: '' },
            passages: { type: 'list', description: '' },
          },
          fewShot: null,
          answerSchema: null,
        },
      }),
      caseSet: toDigest('cases'),
      judges: {},
      tools: createEvaluatorTools(null),
      parallel: 2,
    });
    return { results, paid: server.bill.length - before };
  };
  const first = await attempt(1);
  // All cases have the same question, and three passages have six orders.
  expect(first.paid).toBeGreaterThan(2);
  expect(first.paid).toBeLessThanOrEqual(6);
  const scores = first.results.map(({ scores: { steady } }) =>
    steady?.kind === 'scored' ? steady.value : steady?.kind,
  );
  expect(scores).toContain(0);
  const again = await attempt(2);
  expect(again.paid).toBe(0);
  expect(again.results.map((each) => each.scores)).toEqual(
    first.results.map((each) => each.scores),
  );
});
