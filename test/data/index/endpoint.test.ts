import { openEmbedders } from '../../../data/index/embedders/open-embedder';
import { openEndpoint } from '../../../data/index/embedders/endpoint';
import { openIndexReader } from '../../../data/index/query-index';
import type { ModelTarget } from '../../../data/language/attempt';
import { failure } from '../../../domain/failure';
import { defaultTenant } from '../../../domain/ids';
import { sameSpace, type EmbedderSpec } from '../../../domain/index/embedder';
import { fakeChunks } from '../../support/language/fake-chunks';

const spec = {
  kind: 'endpoint',
  provider: 'local',
  model: 'embed-small',
  dimensions: 32,
  maxTokens: 512,
} as const satisfies EmbedderSpec;

/**
 * Returns vectors that depend on text and model, with `noise` between two calls as servers have.
 */
function provider(seed: number, { dimensions = 32, noise = 0, lost = 0 } = {}) {
  const asked: number[] = [];
  const buildVector = (text: string) =>
    Float32Array.from(
      { length: dimensions },
      (_, place) => Math.sin(seed * (place + 1) * (text.length + 1)) + noise * Math.random(),
    );
  return {
    asked,
    access: {
      embed: (_target: ModelTarget, texts: readonly string[]) => {
        asked.push(texts.length);
        return Promise.resolve({
          vectors: texts.slice(lost).map(buildVector),
          usage: { promptTokens: 1, completionTokens: 0 },
        });
      },
    },
  };
}

describe('an embedder at an endpoint', () => {
  test('returns one vector of length one per text, in order, for any number of texts', async () => {
    const model = provider(1);
    const embedder = await openEndpoint(spec, model);
    const vectors = await embedder.embed(
      Array.from({ length: 150 }, (_, index) => 'x'.repeat(index)),
    );
    expect(vectors).toHaveLength(150);
    expect(model.asked).toEqual([1, 64, 64, 22]);
    for (const vector of vectors)
      expect(vector.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
    expect(vectors[149]).toEqual((await embedder.embed(['x'.repeat(149)]))[0]);
  });

  test('detects a replaced model by its vector space and tolerates rounding', async () => {
    const opened = async (model: ReturnType<typeof provider>, change = {}) =>
      (await openEndpoint({ ...spec, ...change }, model)).identity;
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

  test('uses the operator’s access to open, and the tenant’s access for questions', async () => {
    const [own, paid] = [provider(1), provider(1)];
    const embedder = await openEndpoint(spec, { access: paid.access, own: own.access });
    expect([own.asked, paid.asked]).toEqual([[1], []]);
    await embedder.embed(['a', 'b'], { payer: { tenant: defaultTenant } });
    expect([own.asked, paid.asked]).toEqual([[1], [2]]);
  });

  test('is opened once, and again after a failure', async () => {
    const model = provider(1);
    const embedders = openEmbedders(model);
    await Promise.all([embedders.get(spec), embedders.get({ ...spec })]);
    expect(model.asked).toEqual([1]);
    await expect(openEmbedders().get(spec)).rejects.toMatchObject({ type: 'NotFound' });
  });
});

describe('a provider that replaces the model behind a name', () => {
  const minutes = 60_000;
  let passed: number;
  beforeEach(() => {
    passed = 0;
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + passed);
  });
  afterEach(() => jest.restoreAllMocks());

  /** An index that the first model built, or both, queried through embedders that stay open. */
  async function asked() {
    const models = [provider(1), provider(2)] as const;
    const state = { answers: 0 as 0 | 1, away: false, probes: 0, road: Promise.resolve() };
    const embed: (typeof models)[0]['access']['embed'] = (target, texts) =>
      state.away
        ? Promise.reject(failure('ProviderUnavailable', 'away'))
        : models[state.answers].access.embed(target, texts);
    const own: typeof embed = async (target, texts) => {
      state.probes += 1;
      await state.road;
      return embed(target, texts);
    };
    const embedders = openEmbedders({ access: { embed }, own: { embed: own } });
    const made = await Promise.all(models.map((model) => openEndpoint(spec, model)));
    const chunks = fakeChunks({
      digest: (await embedders.get(spec)).identity.digest,
      dimensions: spec.dimensions,
    });
    const served = made.map(({ identity }, place) => ({
      ...chunks.put(
        { tenant: defaultTenant, index: 'wiki', version: place + 1 },
        { bread: 'bread' },
      ),
      recipe: { embedder: { ...identity, spec } },
    }));
    const reader = openIndexReader({
      find: ({ version }) =>
        Promise.resolve(served.find((each) => each.version === version) ?? null),
      store: chunks,
      embedders,
    });
    const ask = (version: 1 | 2 = 1) =>
      reader.query({
        tenant: defaultTenant,
        index: 'wiki',
        version,
        text: 'bread',
        k: 1,
        mode: 'vector',
      });
    return { state, ask };
  }
  const refused = {
    type: 'IndexMismatch',
    next: 'build wiki again, because its embedder has changed',
  };
  const probed = () => new Promise(setImmediate);

  test('is detected after ten minutes, and questions fail until the previous model is back', async () => {
    const { state, ask } = await asked();
    await ask();
    state.answers = 1;
    passed += 11 * minutes;
    await ask();
    await probed();
    await expect(ask()).rejects.toMatchObject(refused);
    expect(await ask(2)).toMatchObject({ version: 2 });

    state.answers = 0;
    passed += 11 * minutes;
    await expect(ask()).rejects.toMatchObject(refused);
    await probed();
    expect(await ask()).toMatchObject({ version: 1 });
    expect(state.probes).toBe(3);
  });

  test('is detected by the first question after a long pause', async () => {
    const { state, ask } = await asked();
    state.answers = 1;
    passed += 60 * minutes;
    await Promise.all(
      Array.from({ length: 5 }, () => expect(ask()).rejects.toMatchObject(refused)),
    );
    expect(state.probes).toBe(2);
  });

  test('gets one probe at a time in the background, and none within ten minutes', async () => {
    const { state, ask } = await asked();
    passed += 9 * minutes;
    await ask();
    expect(state.probes).toBe(1);
    passed += 2 * minutes;
    let arrive = (): void => undefined;
    state.road = new Promise((arrived) => (arrive = arrived));
    await Promise.all(Array.from({ length: 5 }, () => ask()));
    await ask();
    expect(state.probes).toBe(2);
    arrive();
    await probed();
    await ask();
    expect(state.probes).toBe(2);
  });

  test('gets another probe with the next question after a failed one', async () => {
    const { state, ask } = await asked();
    state.away = true;
    passed += 60 * minutes;
    await expect(ask()).rejects.toMatchObject({ type: 'ProviderUnavailable' });
    state.away = false;
    expect(await ask()).toMatchObject({ version: 1 });
    expect(state.probes).toBe(3);
  });

  test('with other dimensions is probed once a minute until it is corrected', async () => {
    const [small, large] = [provider(1), provider(1, { dimensions: 64 })];
    const state = { model: small };
    const embedders = openEmbedders({
      access: { embed: (target, texts) => state.model.access.embed(target, texts) },
    });
    const ask = async () =>
      (await embedders.get(spec)).embed(['bread'], { payer: { tenant: defaultTenant } });
    await ask();
    state.model = large;
    for (let question = 0; question < 5; question += 1)
      await expect(ask()).rejects.toMatchObject({ type: 'IndexMismatch' });
    // The question that detected it, and the probe of the next one.
    expect(large.asked).toEqual([1, 1]);
    passed += 2 * minutes;
    for (let question = 0; question < 5; question += 1)
      await expect(ask()).rejects.toMatchObject({ type: 'IndexMismatch' });
    expect(large.asked).toEqual([1, 1, 1]);
    state.model = small;
    passed += 2 * minutes;
    expect(await ask()).toHaveLength(1);
  });

  test('is probed at once after a build has detected it', async () => {
    const model = provider(1);
    const ledgered = () =>
      Promise.reject(failure('IndexMismatch', 'the model behind embed-small has changed'));
    const embedders = openEmbedders({ ...model, ledgered });
    const before = await embedders.get(spec);
    expect(await embedders.get(spec)).toBe(before);
    const entry = { scope: 'run/a', owner: { execution: 'a', attempt: 1 }, budgets: [] };
    const building = before.embed(['bread'], { payer: { tenant: defaultTenant, entry } });
    await expect(building).rejects.toMatchObject({ type: 'IndexMismatch' });
    expect(await embedders.get(spec)).not.toBe(before);
    expect(model.asked).toEqual([1, 1]);
  });
});
