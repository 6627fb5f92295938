import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEndpoint } from '../../../data/index/embedders/endpoint';
import { openEmbedders } from '../../../data/index/embedders/open-embedder';
import { openIndexReader } from '../../../data/index/query-index';
import { bundleRetrieval, promptAnswerer } from '../../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../../data/language/reranker';
import { openLedgerChat } from '../../../data/language/ledger-chat';
import { openLedgerEmbeddings, type LedgerTexts } from '../../../data/language/ledger-embeddings';
import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import { openRetrieval } from '../../../data/language/retrieval';
import { failure } from '../../../domain/failure';
import { freePrice } from '../../../domain/provider/price';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../../db/registry-fixture';
import { directoryArtifacts } from '../../support/directory-artifacts';
import { fakeChunks } from '../../support/language/fake-chunks';
import { noSecret, providerAt } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';

const folder = mkdtempSync(join(tmpdir(), 'perennial-ledgered-embeddings-'));
const artifacts = directoryArtifacts(folder);
let test_: TestRegistry;
let server: ScriptedProvider;
let access: ModelAccess;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 10 });
  server = await openScriptedProvider({
    models: ['scripted', 'embed'],
    answer: () => 'bread',
    latencyMs: () => 30,
  });
  const prices = {
    scripted: { promptPerMillion: 1, completionPerMillion: 1 },
    embed: { promptPerMillion: 1_000, completionPerMillion: 0 },
  };
  access = openModelAccess([providerAt(server.url, { prices })], noSecret);
});
afterAll(async () => {
  await access.close();
  await server.close();
  await test_.close();
  rmSync(folder, { recursive: true, force: true });
});

const embedded = () => server.bill.filter(({ model }) => model === 'embed').length;

test('concurrent requests of one owner for the same texts are paid once', async () => {
  const embed = openLedgerEmbeddings(access, test_.registry.llmCalls, artifacts);
  const asked: LedgerTexts = {
    tenant,
    scope: 'run/same',
    owner: { execution: 'same', attempt: 1 },
    budgets: [],
    target: { provider: 'scripted', model: 'embed' },
    texts: ['one', 'two'],
  };
  const before = embedded();
  const vectors = await Promise.all(Array.from({ length: 5 }, () => embed(asked)));
  expect(embedded() - before).toBe(1);
  for (const each of vectors) expect(each).toEqual(vectors[0]);
});

test('of two owners of the same texts, the one with a budget gets them embedded', async () => {
  const embed = openLedgerEmbeddings(access, test_.registry.llmCalls, artifacts);
  const [poor, rich] = [unique('run/'), unique('run/')];
  await test_.registry.budgets.set({ tenant, scope: poor, unit: 'tokens', limit: 1 });
  const of = (scope: string, budgets: LedgerTexts['budgets']): LedgerTexts => ({
    tenant,
    scope,
    owner: { execution: scope, attempt: 1 },
    budgets,
    target: { provider: 'scripted', model: 'embed' },
    texts: [`${poor} one`, 'two'],
  });
  const [, embeddings] = await Promise.allSettled([
    embed(of(poor, [{ scope: poor, unit: 'tokens' }])),
    embed(of(rich, [])),
  ]);
  expect(embeddings).toMatchObject({ status: 'fulfilled', value: { length: 2 } });
});

test('vectors that were deleted from the store are embedded again, each time', async () => {
  const gone = new Set<string>();
  const kept: string[] = [];
  const forgetful: Pick<typeof artifacts, 'putBytes' | 'getBytes'> = {
    async putBytes(bytes) {
      const ref = await artifacts.putBytes(bytes);
      kept.push(ref.digest);
      return ref;
    },
    getBytes: (ref) =>
      gone.has(ref.digest)
        ? Promise.reject(failure('ArtifactMissing', `${ref.digest} was collected`))
        : artifacts.getBytes(ref),
  };
  // They differ slightly each time, as with many providers.
  let times = 0;
  const inexact: Pick<ModelAccess, 'embed'> = {
    async embed(target, texts, { journal }) {
      times += 1;
      const begun = await journal?.begin({ target, texts, price: freePrice, totalMs: 1_000 });
      if (begun?.kind !== 'send') throw new Error('nobody else asks');
      const vectors = texts.map(() => Float32Array.of(1, times / 1_000));
      return begun.answered({
        vectors,
        usage: { promptTokens: 1, completionTokens: 0 },
        totalMs: 1,
      });
    },
  };
  const embed = openLedgerEmbeddings(inexact, test_.registry.llmCalls, forgetful);
  for (let build = 1; build <= 25; build += 1) {
    const owner = { execution: `build-${build}`, attempt: 1 };
    const asked: LedgerTexts = {
      tenant,
      scope: 'index-build/often',
      owner,
      budgets: [],
      target: { provider: 'scripted', model: 'embed' },
      texts: ['collected again and again'],
    };
    const vectors = await embed(asked);
    expect(await embed(asked)).toEqual(vectors);
    expect(times).toBe(build);
    for (const digest of kept) gone.add(digest);
  }
});

describe('a provider that replaces the model behind a name', () => {
  const spec = {
    kind: 'endpoint',
    provider: 'scripted',
    model: 'embed',
    dimensions: 8,
    maxTokens: 512,
  } as const;
  let turned = false;
  let asked = 0;
  /**
   * The vectors of the scripted model and of the other one: same length, different vector space.
   */
  const either: Pick<ModelAccess, 'embed'> = {
    async embed(target, texts, options) {
      asked += 1;
      const { journal, ...plain } = options;
      const begun = await journal?.begin({ target, texts, price: freePrice, totalMs: 1_000 });
      if (begun?.kind === 'answered') return begun.answered;
      if (begun?.kind === 'held') throw new Error('nobody else asks');
      const { vectors, usage } = await access.embed(target, texts, plain);
      const made = {
        vectors: turned
          ? vectors.map((vector) => vector.map((value, place) => (place % 2 ? value : -value)))
          : vectors,
        usage,
      };
      return begun ? begun.answered({ ...made, totalMs: 1 }) : made;
    },
  };
  const entry = (execution: string) => ({
    tenant,
    entry: { scope: 'run/turned', owner: { execution, attempt: 1 }, budgets: [] },
  });
  const openNow = () =>
    openEndpoint(spec, {
      access: either,
      ledgered: openLedgerEmbeddings(either, test_.registry.llmCalls, artifacts),
    });
  beforeEach(() => (turned = false));

  test('is not mixed with the recorded vectors of the previous model, and nothing is paid twice', async () => {
    const texts = [unique('text '), 'two'];
    const before = await openNow();
    const first = await before.embed(texts, { payer: entry('before') });
    turned = true;
    const after = await openNow();
    const second = await after.embed(texts, { payer: entry('after') });
    expect(second).toEqual(await after.embed(texts));
    expect(second).not.toEqual(first);
    const paid = asked;
    expect(await after.embed(texts, { payer: entry('again') })).toEqual(second);
    expect(await before.embed(texts, { payer: entry('again') })).toEqual(first);
    expect(asked).toBe(paid);
  });

  test('is detected by new vectors, without repeated requests', async () => {
    const embedder = await openNow();
    turned = true;
    const before = asked;
    await expect(
      embedder.embed([unique('text ')], { payer: entry('found') }),
    ).rejects.toMatchObject({ type: 'IndexMismatch' });
    expect(asked - before).toBe(1);
  });
});

test('embedding questions in an evaluation is paid once from its budgets and is part of the cost of a case', async () => {
  const scope = unique('run/');
  const budget = { scope, unit: 'usd' as const };
  await test_.registry.budgets.set({ tenant, ...budget, limit: 1_000_000_000 });
  const spec = {
    kind: 'endpoint',
    provider: 'scripted',
    model: 'embed',
    dimensions: 8,
    maxTokens: 512,
  } as const;
  const embedders = openEmbedders({
    access,
    ledgered: openLedgerEmbeddings(access, test_.registry.llmCalls, artifacts),
  });
  const { identity } = await embedders.get(spec);
  const chunks = fakeChunks({ digest: identity.digest, dimensions: 8 });
  const served = {
    ...chunks.put({ tenant, index: 'wiki', version: 1 }, { bread: 'bread' }),
    recipe: { embedder: { ...identity, spec } },
  };
  const reader = openIndexReader({ find: () => Promise.resolve(served), store: chunks, embedders });
  const asking: LedgerAccess = {
    chat: openLedgerChat(access, test_.registry.llmCalls),
    tenant,
    scope,
    owner: { execution: scope, attempt: 1 },
    budgets: [budget],
  };
  const index = {
    name: 'wiki',
    version: 1,
    digest: served.digest,
    variable: 'passages',
    k: 1,
    mode: 'vector',
  } as const;
  const ask = (question: string) =>
    promptAnswerer({
      asking,
      template,
      route: [{ provider: 'scripted', model: 'scripted' }],
      sampling: { temperature: 0, topP: 1, maxTokens: 10, seed: 1, stop: [] },
      retrieval: bundleRetrieval({
        retrieve: openRetrieval(reader),
        paying: asking,
        index,
        input: 'question',
      }),
    })(buildCase(question), { repeat: 0 });

  const before = embedded();
  const [first, again] = await Promise.all([ask('what is bread?'), ask('what is bread?')]);
  expect(embedded() - before).toBe(1);
  expect(first.retrieved).toMatchObject([{ documentId: 'bread' }]);
  expect(again.cost).toBe(first.cost);
  // Three words at 0.001 dollars per thousand, and the answer.
  expect(first.cost).toBeGreaterThan(3_000_000);
  const { spent, reserved } = (await test_.registry.budgets.get({ tenant, ...budget })) ?? {
    spent: 0,
    reserved: -1,
  };
  expect({ spent, reserved }).toEqual({ spent: first.cost, reserved: 0 });

  await test_.registry.budgets.set({ tenant, ...budget, limit: spent });
  await expect(ask('what is a whale?')).rejects.toMatchObject({ type: 'BudgetSpent' });
  expect(embedded() - before).toBe(1);
  reader.close();
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
