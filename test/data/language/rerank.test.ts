import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import { rerankServed } from '../../../data/language/reranker';
import type { BundleReranker } from '../../../domain/bundle/bundle';
import { noSecret, providerAt, tenant } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type Fault,
  type Script,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';

let provider: ScriptedProvider;
let access: ModelAccess;

async function scripted(
  script: Script,
  settings: Parameters<typeof providerAt>[1] = {},
): Promise<void> {
  provider = await openScriptedProvider({ models: ['cross'], ...script });
  access = openModelAccess([providerAt(provider.url, settings)], noSecret);
}

afterEach(async () => {
  await access.close();
  await provider.close();
});

const documents = ['a panda eats', 'a llama is from Peru', 'a camel drinks'];
const rank = (change: Partial<BundleReranker> = {}, signal?: AbortSignal, timeoutMs = 5000) =>
  rerankServed({ access, tenant, timeoutMs })({
    by: { provider: 'scripted', model: 'cross', candidates: 20, onError: 'fail', ...change },
    query: 'what lives near Peru?',
    documents,
    signal,
  });
const result = (index: unknown, score: unknown) => ({ index, relevance_score: score });

test('documents are ordered by their scores', async () => {
  await scripted({ rerank: () => [result(0, -3.5), result(1, 0.9), result(2, 0.9)] });
  expect(await rank()).toEqual({
    kind: 'ranked',
    documents: [
      { index: 1, score: 0.9 },
      { index: 2, score: 0.9 },
      { index: 0, score: -3.5 },
    ],
  });
  expect(provider.requests.map(({ body }) => body)).toEqual([
    {
      model: 'cross',
      query: 'what lives near Peru?',
      documents,
      top_n: 3,
      return_documents: false,
    },
  ]);
});

test.each([
  ['leaves out a document', [result(0, 1), result(1, 2)], '1 documents are missing'],
  ['names a document twice', [result(0, 1), result(1, 2), result(1, 3)], 'names a document twice'],
  ['names a document that was not sent', [result(0, 1), result(1, 2), result(3, 3)], 'not sent'],
  ['has a fractional index', [result(0, 1), result(1, 2), result(1.5, 3)], 'not sent'],
  ['has a text as a score', [result(0, 1), result(1, 2), result(2, 'good')], 'not a number'],
  ['has no score', [result(0, 1), result(1, 2), result(2, null)], 'not a number'],
])('an answer that %s is invalid and is not retried', async (_what, results, said) => {
  await scripted({ rerank: () => results });
  await expect(rank()).rejects.toMatchObject({
    type: 'AnswerInvalid',
    message: expect.stringContaining(said) as string,
  });
  expect(provider.requests).toHaveLength(1);
});

test('a response that breaks the protocol is AnswerLost and is retried', async () => {
  let asked = 0;
  await scripted({
    rerank: () => ((asked += 1) === 1 ? 'soon' : documents.map((_, index) => result(index, index))),
  });
  expect(await rank()).toMatchObject({
    kind: 'ranked',
    documents: [{ index: 2 }, { index: 1 }, { index: 0 }],
  });
  expect(provider.requests).toHaveLength(2);
});

test('a rate-limited request waits as the provider says and is answered', async () => {
  await scripted({
    rerank: () => documents.map((_, index) => result(index, index)),
    fault: (_, number) => (number === 0 ? { kind: 'rateLimited' } : null),
  });
  expect(await rank()).toMatchObject({ kind: 'ranked' });
  expect(provider.requests).toHaveLength(2);
});

test.each([
  ['has no such path', {}, null],
  ['was not started for it', { rerank: () => [] }, { kind: 'error', status: 501 }],
] as const)(
  'a server that %s is an error with the next step',
  async (_what, script, fault: Fault | null) => {
    await scripted({ ...script, fault: () => fault });
    await expect(rank()).rejects.toMatchObject({
      type: 'ProviderRefused',
      message: expect.stringContaining('provider scripted has no /rerank') as string,
      next: expect.stringContaining('llama-server --reranking') as string,
    });
  },
);

test('a protocol without reranking is an error before any request', async () => {
  await scripted({}, { protocol: 'anthropic' });
  expect(() => access.requireProvider('scripted', { reranking: true })).toThrow(
    'the protocol of provider scripted has no reranking',
  );
  await expect(rank()).rejects.toMatchObject({
    type: 'InvalidInput',
    next: 'use a provider with protocol: openai',
  });
});

describe('a reranker that is not available', () => {
  const keepOrder = { onError: 'keepOrder' } as const;

  test.each([
    ['refuses', { kind: 'error', status: 400 }, 'ProviderRefused', 5000],
    [
      'refuses because of its content filter',
      { kind: 'error', status: 400, body: '{"error":{"code":"content_filter"}}' },
      'ProviderRefused',
      5000,
    ],
    ['does not respond in time', { kind: 'stall', afterTokens: 0 }, 'ProviderTimeout', 200],
  ] as const)(
    'and %s fails the answer or keeps the index order with the reason',
    async (_what, fault, type, timeoutMs) => {
      await scripted({ rerank: () => [], fault: () => fault });
      await expect(rank({}, undefined, timeoutMs)).rejects.toMatchObject({ type });
      expect(await rank(keepOrder, undefined, timeoutMs)).toEqual({ kind: 'kept', failure: type });
    },
  );

  test('does not delay a cancelled request', async () => {
    await scripted({ rerank: () => [], fault: () => ({ kind: 'stall', afterTokens: 0 }) });
    const caller = new AbortController();
    const asked = rank(keepOrder, caller.signal);
    caller.abort(new Error('hung up'));
    await expect(asked).rejects.toThrow('hung up');
  });
});
