import { openIndexReader, type IndexQuery } from '../../../data/index/query-index';
import type { ServedIndexVersion } from '../../../data/index/served-lookup';
import { failure } from '../../../domain/failure';
import { defaultTenant as tenant, type Tenant } from '../../../domain/ids';
import { fakeChunks, letters, countLetters, lettersOnly } from '../../support/language/fake-chunks';

function world(memory?: { readonly freshMs: number; readonly graceMs: number }) {
  const chunks = fakeChunks();
  const served = new Map<string, ServedIndexVersion>();
  const registry = { asked: 0, away: false };
  const find = async ({
    tenant: of,
    index,
    version = 'champion',
  }: {
    tenant: Tenant;
    index: string;
    version?: number | string;
  }) => {
    registry.asked += 1;
    await new Promise(setImmediate);
    if (registry.away) throw failure('DatabaseUnavailable', 'PostgreSQL cannot be reached');
    return served.get(`${of}/${index}@${version}`) ?? null;
  };
  const reader = openIndexReader({
    find,
    store: chunks,
    embedders: lettersOnly,
    ...(memory && { memory }),
  });
  const put = (version: number, texts: Readonly<Record<string, string>>, index = 'wiki') => {
    const made = chunks.put({ tenant, index, version }, texts);
    served.set(`${tenant}/${index}@${version}`, made);
    served.set(`${tenant}/${index}@champion`, made);
    return made;
  };
  const ask = (change: Partial<IndexQuery> = {}) =>
    reader.query({ tenant, index: 'wiki', text: 'bread', k: 1, mode: 'vector', ...change });
  return { chunks, served, registry, put, ask };
}

describe('the version that answers a question', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('is the one that the alias names, and follows the alias when it moves', async () => {
    const { put, ask } = world();
    put(1, { bread: 'bread' });
    expect(await ask()).toMatchObject({
      version: 1,
      stale: false,
      hits: [{ documentId: 'bread', foundBy: ['vector'] }],
    });
    put(2, { bread: 'bread' });
    expect((await ask()).version).toBe(2);
    expect((await ask({ version: 1 })).version).toBe(1);
  });

  test('is cached for a time and looked up once for concurrent questions', async () => {
    const { put, ask, registry } = world({ freshMs: 60, graceMs: 0 });
    put(1, { bread: 'bread' });
    await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(registry.asked).toBe(1);
    put(2, { bread: 'bread' });
    expect((await ask()).version).toBe(1);
    jest.advanceTimersByTime(61);
    expect((await ask()).version).toBe(2);
  });

  test('is used while the registry is not available, marked stale, until the grace period ends', async () => {
    const { put, ask, registry } = world({ freshMs: 1, graceMs: 60 });
    put(1, { bread: 'bread' });
    await ask();
    registry.away = true;
    jest.advanceTimersByTime(5);
    expect(await ask()).toMatchObject({ version: 1, stale: true });
    await expect(ask({ index: 'never-asked' })).rejects.toMatchObject({
      type: 'DatabaseUnavailable',
    });
    jest.advanceTimersByTime(60);
    await expect(ask()).rejects.toMatchObject({ type: 'DatabaseUnavailable' });
  });

  test('is looked up again when the cached one was deleted', async () => {
    const { put, ask, chunks } = world({ freshMs: 60_000, graceMs: 0 });
    put(1, { bread: 'bread' });
    await ask();
    put(2, { bread: 'bread' });
    chunks.drop({ tenant, index: 'wiki', version: 1 });
    expect((await ask()).version).toBe(2);
  });

  test('is never that of another tenant', async () => {
    const { put, ask } = world();
    put(1, { bread: 'bread' });
    await expect(ask({ tenant: 'other' as Tenant })).rejects.toMatchObject({ type: 'NotFound' });
  });
});

test('a table that leaves the cache is closed after its last question', async () => {
  const { put, ask, chunks } = world();
  for (let index = 0; index < 17; index += 1) put(1, { bread: 'bread' }, `index-${index}`);
  const first = ask({ index: 'index-0', mode: 'hybrid' });
  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, index) => ask({ index: `index-${index + 1}` })),
  );
  expect((await first).hits).toHaveLength(1);
  expect(answers).toHaveLength(16);
  expect(chunks.closed).toEqual([`${tenant}/index-0@1`]);
  await ask({ index: 'index-16' });
  expect(chunks.opened).toHaveLength(17);
});

test.each([
  ['of another embedder', { values: countLetters('bread'), embedder: 'sha256:other' as const }],
  [
    'of another length',
    { values: countLetters('bread').subarray(1), embedder: letters.identity.digest },
  ],
  ['without a direction', { values: new Float32Array(26), embedder: letters.identity.digest }],
])('refuses a vector %s', async (_, vector) => {
  const { put, ask } = world();
  put(1, { bread: 'bread' });
  await expect(ask({ vector })).rejects.toMatchObject({ type: 'IndexMismatch' });
});
