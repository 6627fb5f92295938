import { openIndexReader } from '../../../../data/index/query-index';
import { defaultTenant, type Tenant } from '../../../../domain/ids';
import {
  fakeChunks,
  letters,
  countLetters,
  lettersOnly,
} from '../../../support/language/fake-chunks';
import { addKey, fakeRegistry } from '../fakes';
import { startGateway, type StartedGateway } from '../started-gateway';
import { scrape } from '../../../support/serving/scrape';

let gateway: StartedGateway;
let url: string;
let viewer: string;

beforeAll(async () => {
  const registry = fakeRegistry();
  const chunks = fakeChunks();
  const wiki = chunks.put(
    { tenant: defaultTenant, index: 'wiki', version: 3 },
    { whale: 'the blue whale is an animal', bread: 'bread is baked from flour' },
  );
  const find = ({
    tenant,
    index,
    version = 'champion',
  }: {
    tenant: Tenant;
    index: string;
    version?: number | string;
  }) =>
    Promise.resolve(
      tenant === defaultTenant && index === 'wiki' && (version === 'champion' || version === 3)
        ? wiki
        : null,
    );
  viewer = addKey(registry, 'viewer');
  registry.keys.set('pk_other', {
    id: 'key_other',
    tenant: 'other' as Tenant,
    name: 'another tenant’s',
    scope: 'admin',
    isService: false,
    expiresAt: null,
  });
  const notAsked = () => Promise.reject(new Error('no language application is here'));
  gateway = await startGateway({
    registry,
    access: {
      chat: notAsked,
      models: notAsked,
      rerank: notAsked,
      requireProvider: () => undefined,
    },
    indexes: openIndexReader({ find, store: chunks, embedders: lettersOnly }),
  });
  ({ url } = gateway);
});

afterAll(async () => {
  await gateway.stop();
});

async function ask(
  body: unknown,
  { index = 'wiki', key = viewer }: { readonly index?: string; readonly key?: string | null } = {},
) {
  const answer = await fetch(`${url}/v1/indexes/${index}/query`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
  });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
}

const vector = [...countLetters('whale')];
const embedder = letters.identity.digest;

describe('POST /v1/indexes/{index}/query', () => {
  test.each([
    ['by text', { text: 'whale' }, ['vector']],
    ['by a vector of its embedder', { vector, embedder }, ['vector']],
    ['by words', { text: 'whale', mode: 'text' }, ['text']],
    ['by both', { text: 'whale', mode: 'hybrid' }, ['vector', 'text']],
    ['of a version', { text: 'whale', version: 3 }, ['vector']],
  ])('answers %s with chunks and their positions', async (_, question, foundBy) => {
    const { status, headers, body } = await ask({ ...question, k: 1 });
    expect(status).toBe(200);
    expect(headers.get('x-perennial-index-version')).toBe('wiki@3');
    expect(body).toMatchObject({
      index: 'wiki',
      version: 3,
      embedder: letters.identity,
      hits: [
        {
          documentId: 'whale',
          chunkId: 'whale#0',
          text: 'the blue whale is an animal',
          source: 'https://example.org/whale',
          foundBy,
        },
      ],
      milliseconds: { search: expect.any(Number) as number },
    });
  });

  test.each([
    ['neither text nor vector', {}, 400, 'a text or a vector'],
    ['a vector without its embedder', { vector }, 400, '`embedder` is missing'],
    [
      'a vector of another embedder',
      { vector, embedder: `sha256:${'0'.repeat(64)}` },
      409,
      'is from embedder',
    ],
    [
      'a vector of another length',
      { vector: vector.slice(1), embedder },
      409,
      'has 25 dimensions; the index has 26',
    ],
    ['a zero vector', { vector: vector.map(() => 0), embedder }, 409, 'zero or not finite'],
    ['a text query without a text', { vector, embedder, mode: 'text' }, 400, 'needs a text'],
    ['too many hits', { text: 'whale', k: 5000 }, 400, '`k`'],
    ['an unknown key', { text: 'whale', top: 3 }, 400, '`top` is not one of'],
    ['an unknown version', { text: 'whale', version: 9 }, 404, 'wiki@9'],
    ['a body that is not an object', 'whale', 400, 'the body'],
  ])('refuses %s', async (_, question, status, detail) => {
    const answer = await ask(question);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body['detail']).toContain(detail);
  });

  test('hides indexes of other tenants and refuses requests without a key', async () => {
    expect((await ask({ text: 'whale' }, { index: 'no-such-index' })).status).toBe(404);
    expect((await ask({ text: 'whale' }, { key: 'pk_other' })).status).toBe(404);
    expect((await ask({ text: 'whale' }, { key: null })).status).toBe(401);
  });

  test('counts by the version that answered, and no unknown names', async () => {
    await ask({ text: 'whale' });
    await ask({ text: 'whale' }, { index: 'misspelt' });
    const text = await scrape(url);
    expect(text).toMatch(
      /perennial_gateway_index_queries_total\{tenant="default",index="wiki",version="3",mode="vector",status="200"\} \d+/,
    );
    expect(text).not.toContain('misspelt');
  });
});
