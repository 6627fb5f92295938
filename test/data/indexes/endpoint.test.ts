import { openEmbedders } from '../../../data/indexes/embedders/open-embedder';
import { openEndpoint } from '../../../data/indexes/embedders/endpoint';
import type { ModelTarget } from '../../../data/llm/model-access';
import { defaultTenant } from '../../../domain/ids';
import { sameSpace, type EmbedderSpec } from '../../../domain/index/embedder';

const spec = { kind: 'endpoint', provider: 'local', model: 'embed-small', dimensions: 32, maxTokens: 512 } as const satisfies EmbedderSpec;

/** Answers with vectors that depend on text and model; `noise` as servers have it between two calls. */
function provider(seed: number, { dimensions = 32, noise = 0, lost = 0 } = {}) {
  const asked: number[] = [];
  const vectorOf = (text: string) =>
    Float32Array.from({ length: dimensions }, (_, place) => Math.sin(seed * (place + 1) * (text.length + 1)) + noise * Math.random());
  return {
    asked,
    access: {
      embed: (_target: ModelTarget, texts: readonly string[]) => {
        asked.push(texts.length);
        return Promise.resolve({ vectors: texts.slice(lost).map(vectorOf), usage: { promptTokens: 1, completionTokens: 0 } });
      },
    },
  };
}

describe('an embedder behind an endpoint', () => {
  test('gives one vector of length one a text, in order, however many there are', async () => {
    const model = provider(1);
    const embedder = await openEndpoint(spec, model);
    const vectors = await embedder.embed(Array.from({ length: 150 }, (_, index) => 'x'.repeat(index)));
    expect(vectors).toHaveLength(150);
    expect(model.asked).toEqual([1, 64, 64, 22]);
    for (const vector of vectors) expect(vector.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
    expect(vectors[149]).toEqual((await embedder.embed(['x'.repeat(149)]))[0]);
  });

  test('is another vector space when another model answers by the same name, and the same one under rounding', async () => {
    const opened = async (model: ReturnType<typeof provider>, change = {}) => (await openEndpoint({ ...spec, ...change }, model)).identity;
    const first = await opened(provider(1));
    expect(sameSpace(first, await opened(provider(1, { noise: 1e-3 })))).toBe(true);
    expect(sameSpace(first, await opened(provider(2)))).toBe(false);
    expect(sameSpace(first, await opened(provider(1), { model: 'embed-large' }))).toBe(false);
    const { name, digest, dimensions } = first;
    expect(sameSpace(first, { name, digest, dimensions })).toBe(false);
  });

  test.each([
    ['vectors of another length', provider(1, { dimensions: 31 })],
    ['fewer vectors than texts', provider(1, { lost: 1 })],
  ])('refuses %s', async (_, model) => {
    await expect(openEndpoint(spec, model)).rejects.toMatchObject({ type: 'IndexMismatch' });
  });

  test('is opened by the operator’s own access, and asked for a tenant by the one that the tenant pays', async () => {
    const [own, paid] = [provider(1), provider(1)];
    const embedder = await openEndpoint(spec, { access: paid.access, own: own.access });
    expect([own.asked, paid.asked]).toEqual([[1], []]);
    await embedder.embed(['a', 'b'], { payer: { tenant: defaultTenant } });
    expect([own.asked, paid.asked]).toEqual([[1], [2]]);
  });

  test('is opened once, and again after it could not be opened', async () => {
    const model = provider(1);
    const embedders = openEmbedders(model);
    await Promise.all([embedders.get(spec), embedders.get({ ...spec })]);
    expect(model.asked).toEqual([1]);
    await expect(openEmbedders().get(spec)).rejects.toMatchObject({ type: 'NotFound' });
  });
});
