import { openIndexReader } from '../../../data/index/query-index';
import {
  askWithFittingPassages,
  openRetrieval,
  screenPassages,
  type RetrievedPassages,
} from '../../../data/language/retrieval';
import type { Rerank } from '../../../data/language/reranker';
import { failure } from '../../../domain/failure';
import { defaultTenant as tenant } from '../../../domain/ids';
import type { BundleIndex } from '../../../domain/bundle/bundle';
import { fakeChunks, lettersOnly } from '../../support/language/fake-chunks';

function world() {
  const chunks = fakeChunks();
  const served = chunks.put(
    { tenant, index: 'wiki', version: 2 },
    { bread: 'bread is baked', breads: 'breads are baked from flour', whale: 'whales swim' },
  );
  const retrieve = openRetrieval(
    openIndexReader({ find: () => Promise.resolve(served), store: chunks, embedders: lettersOnly }),
  );
  const index: BundleIndex = {
    name: 'wiki',
    version: 2,
    digest: served.digest,
    variable: 'passages',
    k: 2,
    mode: 'vector',
  };
  return { retrieve, index };
}

const ids = ({ passages }: RetrievedPassages) => passages.map(({ documentId }) => documentId);

test('a question gets the nearest passages of the bundle’s index version', async () => {
  const { retrieve, index } = world();
  const found = await retrieve({ tenant, index, text: 'bread is baked' });
  expect(ids(found)).toEqual(['bread', 'breads']);
  expect(found).toMatchObject({
    index: { name: 'wiki', version: 2 },
    left: { room: 0, policy: 0 },
  });
  expect(ids(await retrieve({ tenant, index, text: ' … ' }))).toEqual([]);
  await expect(
    retrieve({ tenant, index: { ...index, digest: 'sha256:other' }, text: 'bread' }),
  ).rejects.toMatchObject({
    type: 'IndexMismatch',
  });
});

describe('with a reranker in the bundle', () => {
  const by = { provider: 'ranks', model: 'cross', candidates: 3, onError: 'keepOrder' } as const;

  test('it gets the candidates as the prompt shows them, and its best are kept with its scores', async () => {
    const { retrieve, index } = world();
    const given: string[] = [];
    const rerank: Rerank = ({ query, documents }) => {
      given.push(query, ...documents);
      const ranked = documents.map((text, place) => ({
        index: place,
        score: text.includes('whales') ? 9 : -place,
      }));
      return Promise.resolve({
        kind: 'ranked',
        documents: ranked.toSorted((a, b) => b.score - a.score),
      });
    };
    const found = await retrieve({
      tenant,
      index: { ...index, rerank: by },
      text: 'bread is baked',
      rerank,
    });
    expect(given).toEqual([
      'bread is baked',
      expect.stringContaining('bread is baked'),
      expect.stringContaining('flour'),
      expect.any(String),
    ]);
    expect(found.passages.map(({ documentId, score }) => [documentId, score])).toEqual([
      ['whale', 9],
      ['bread', -0],
    ]);
    expect(found).toMatchObject({ left: { room: 0, policy: 0 } });
    expect(found).not.toHaveProperty('notReranked');
  });

  test('a failure of the reranker is reported with the index order', async () => {
    const { retrieve, index } = world();
    const rerank: Rerank = () => Promise.resolve({ kind: 'kept', failure: 'ProviderTimeout' });
    const found = await retrieve({
      tenant,
      index: { ...index, rerank: by },
      text: 'bread is baked',
      rerank,
    });
    expect(ids(found)).toEqual(['bread', 'breads']);
    expect(found.notReranked).toBe('ProviderTimeout');
  });

  test('a missing reranker is an error', async () => {
    const { retrieve, index } = world();
    await expect(
      retrieve({ tenant, index: { ...index, rerank: by }, text: 'bread is baked' }),
    ).rejects.toThrow('the reranker of its bundle is missing');
  });
});

test('a policy leaves out a passage or redacts it', async () => {
  const { retrieve, index } = world();
  const found = await retrieve({ tenant, index, text: 'bread is baked' });
  const kept = await screenPassages(found, (text) =>
    Promise.resolve(text.includes('flour') ? null : text.replace('bread', '[food]')),
  );
  expect(kept).toMatchObject({
    passages: [{ documentId: 'bread', text: '[food] is baked' }],
    left: { room: 0, policy: 1 },
  });
});

describe('when the context of the model is too small', () => {
  const roomFor = (most: number) => (shown: RetrievedPassages) =>
    shown.passages.length > most
      ? Promise.reject(failure('ContextOverflow', 'no room'))
      : Promise.resolve(shown.passages.length);

  test('as few passages as possible are left out, the least near first, and counted', async () => {
    const { retrieve, index } = world();
    const found = await retrieve({ tenant, index: { ...index, k: 3 }, text: 'bread is baked' });
    const { answer, retrieved } = await askWithFittingPassages(found, roomFor(1));
    expect(answer).toBe(1);
    expect(ids(retrieved)).toEqual(['bread']);
    expect(retrieved.left).toEqual({ room: ids(found).length - 1, policy: 0 });
  });

  test('a question that does not fit is ContextOverflow', async () => {
    const { retrieve, index } = world();
    const found = await retrieve({ tenant, index, text: 'bread is baked' });
    await expect(askWithFittingPassages(found, roomFor(-1))).rejects.toMatchObject({
      type: 'ContextOverflow',
    });
    await expect(
      askWithFittingPassages(found, () => Promise.reject(failure('ProviderRefused', 'no'))),
    ).rejects.toMatchObject({
      type: 'ProviderRefused',
    });
  });
});
