import OpenAI from 'openai';
import { openIndexReader } from '../../../../data/index/query-index';
import type { Embedder } from '../../../../data/index/embedders/embedder';
import { defaultTenant, type Tenant } from '../../../../domain/ids';
import { fakeChunks, letters, countLetters } from '../../../support/language/fake-chunks';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { addKey, fakeArtifacts, fakeRegistry, type FakeRegistry } from '../fakes';
import { refusal } from '../chat/refusal';
import { startGateway, type StartedGateway } from '../started-gateway';
import { until } from '../../../support/time/until';
import { scrape } from '../../../support/serving/scrape';

const limits = { maxTokens: 600, maxTokensUnderWay: 700, timeoutMs: 1_000 };

let registry: FakeRegistry;
let artifacts: ReturnType<typeof fakeArtifacts>;
let gateway: StartedGateway;
let url: string;
let client: OpenAI;
/** The words whose tokens were counted. */
let words = 0;
/** The behaviour of the scripted embedder for the next texts. */
let embed: Embedder['embed'];
/** The behaviour when the embedder is opened. */
let opens: () => Promise<void>;

beforeEach(async () => {
  registry = fakeRegistry();
  registry.indexNames = ['wiki', 'weather'];
  artifacts = fakeArtifacts();
  embed = (texts) => letters.embed(texts);
  opens = () => Promise.resolve();
  words = 0;
  const scripted: Embedder = {
    ...letters,
    measureTokens: () => (words += 1) && 1,
    embed: (...asked) => embed(...asked),
  };
  const chunks = fakeChunks();
  const versions = new Map(
    [2, 3].map((version) => [
      version,
      chunks.put({ tenant: defaultTenant, index: 'wiki', version }, { whale: 'the blue whale' }),
    ]),
  );
  const find = ({
    tenant,
    index,
    version = 'champion',
  }: {
    tenant: Tenant;
    index: string;
    version?: number | string;
  }) => {
    const number = version === 'champion' ? 3 : version === 'previous' ? 2 : Number(version);
    return Promise.resolve(
      (tenant === defaultTenant && index === 'wiki' && versions.get(number)) || null,
    );
  };
  gateway = await startGateway({
    registry,
    artifacts,
    indexes: openIndexReader({
      find,
      store: chunks,
      embedders: { get: () => opens().then(() => scripted), close: () => Promise.resolve() },
    }),
    config: { embeddings: limits },
  });
  ({ url } = gateway);
  client = new OpenAI({ baseURL: `${url}/v1`, apiKey: addKey(registry, 'viewer'), maxRetries: 0 });
});

afterEach(async () => {
  await gateway.stop();
});

const create = (body: object) => client.embeddings.create(body as OpenAI.EmbeddingCreateParams);

describe('a stock OpenAI client', () => {
  test('gets vectors of the index’s vector space, one per text and in order', async () => {
    const { data: answer, response } = await client.embeddings
      .create({ model: 'wiki', input: ['a blue whale', 'bread'] })
      .withResponse();
    expect(answer).toMatchObject({
      object: 'list',
      model: 'wiki@3',
      usage: { prompt_tokens: 4, total_tokens: 4 },
    });
    expect(answer.data.map(({ object, index }) => [object, index])).toEqual([
      ['embedding', 0],
      ['embedding', 1],
    ]);
    // The client requests base64 and decodes it.
    expect(answer.data.map(({ embedding }) => Float32Array.from(embedding))).toEqual([
      countLetters('a blue whale'),
      countLetters('bread'),
    ]);
    expect(response.headers.get('x-perennial-index-version')).toBe('wiki@3');
    expect(response.headers.get('x-perennial-embedder')).toBe(letters.identity.digest);
  });

  test.each([
    ['wiki@champion', 'wiki@3'],
    ['wiki@previous', 'wiki@2'],
    ['wiki@2', 'wiki@2'],
  ])('names a version: %s', async (model, answered) => {
    expect((await create({ model, input: 'whale' })).model).toBe(answered);
  });

  test.each(['float', 'base64'] as const)('gets the same numbers as %s', async (format) => {
    const answer = await fetch(`${url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer pk_viewer' },
      body: JSON.stringify({
        model: 'wiki',
        input: 'whale',
        encoding_format: format,
        dimensions: 26,
        user: 'someone',
      }),
    });
    const { data } = (await answer.json()) as {
      readonly data: readonly [{ readonly embedding: string | readonly number[] }];
    };
    const [{ embedding }] = data;
    const values =
      typeof embedding === 'string'
        ? Array.from({ length: 26 }, (_, place) =>
            Buffer.from(embedding, 'base64').readFloatLE(place * 4),
          )
        : embedding;
    expect(Float32Array.from(values)).toEqual(countLetters('whale'));
  });

  test('can query the index with a vector that it got', async () => {
    const { data, response } = await client.embeddings
      .create({ model: 'wiki', input: 'whale', encoding_format: 'float' })
      .withResponse();
    const answer = await fetch(`${url}/v1/indexes/wiki/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer pk_viewer' },
      body: JSON.stringify({
        vector: data.data[0]?.embedding,
        embedder: response.headers.get('x-perennial-embedder'),
      }),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ hits: [{ documentId: 'whale' }] });
  });

  test('reports the tokens that the provider counted', async () => {
    embed = (texts, options) => {
      for (let at = 0; at < texts.length; at += 1) options?.onUsage?.(7);
      return letters.embed(texts);
    };
    expect((await create({ model: 'wiki', input: ['whale', 'bread'] })).usage).toEqual({
      prompt_tokens: 14,
      total_tokens: 14,
    });
  });
});

describe('refuses', () => {
  test.each<[string, object, number, string, string | null]>([
    ['a name near an index', { model: 'wikki', input: 'a' }, 404, 'did you mean `wiki`?', null],
    [
      'a name near nothing',
      { model: 'text-embedding-3-small', input: 'a' },
      404,
      'perennial index list',
      null,
    ],
    ['an unknown version', { model: 'wiki@9', input: 'a' }, 404, 'wiki@9', null],
    [
      'an alias that indexes do not have',
      { model: 'wiki@challenger', input: 'a' },
      404,
      'no challenger',
      null,
    ],
    ['an empty text', { model: 'wiki', input: '' }, 400, 'an empty text', 'input.0'],
    [
      'an empty text among others',
      { model: 'wiki', input: ['a', ' \n'] },
      400,
      'input.1: an empty text',
      'input.1',
    ],
    ['no text', { model: 'wiki', input: [] }, 400, 'must contain a text', 'input'],
    ['too many texts', { model: 'wiki', input: Array(2049).fill('a') }, 400, '2049 texts', 'input'],
    ['tokens', { model: 'wiki', input: [1, 2, 3] }, 400, 'tokens belong to one tokenizer', 'input'],
    [
      'lists of tokens',
      { model: 'wiki', input: [[1, 2], [3]] },
      400,
      'tokens belong to one tokenizer',
      'input',
    ],
    [
      'another number of dimensions',
      { model: 'wiki', input: 'a', dimensions: 8 },
      400,
      'has 26',
      'dimensions',
    ],
    [
      'an unknown parameter',
      { model: 'wiki', input: 'a', pooling: 'max' },
      400,
      '`pooling`',
      'pooling',
    ],
    [
      'more than one request may contain',
      { model: 'wiki', input: Array(4).fill('a '.repeat(200)) },
      400,
      'more than 600 tokens',
      'input',
    ],
  ])('%s', async (_, body, status, message, param) => {
    const error = await refusal(create({ encoding_format: 'float', ...body }));
    expect(error).toMatchObject({ status, param });
    expect(error.message).toContain(message);
  });

  test('a text that exceeds the limit of the embedder, without cutting it off', async () => {
    const error = await refusal(create({ model: 'wiki', input: ['a', 'a '.repeat(257)] }));
    expect(error).toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      param: 'input.1',
      type: 'invalid_request_error',
    });
    expect(error.message).toContain('256 tokens');
  });

  test('without counting more than necessary', async () => {
    await refusal(create({ model: 'wiki', input: Array(2000).fill('a '.repeat(200)) }));
    expect(words).toBe(800);
  });

  test('an application, and names the index that it uses', async () => {
    const manifest = await putBundle((bytes) => artifacts.put(bytes), {
      prompt: questionPrompt('Be brief.'),
    });
    registry.route('wiki-assistant', [{ alias: 'champion', version: 1, manifest }]);
    await until(async () => (await client.models.list()).data.length > 0);
    const error = await refusal(create({ model: 'wiki-assistant', input: 'a' }));
    expect(error.status).toBe(404);
    expect(error.message).toContain('wiki-assistant@1 is a language application, not an index');
  });

  test('an index of another tenant, and requests without a key', async () => {
    registry.keys.set('pk_other', {
      id: 'key_other',
      tenant: 'other' as Tenant,
      name: 'another tenant’s',
      scope: 'admin',
      isService: false,
      expiresAt: null,
    });
    registry.indexNames = [];
    const other = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'pk_other', maxRetries: 0 });
    expect((await refusal(other.embeddings.create({ model: 'wiki', input: 'a' }))).status).toBe(
      404,
    );
    const nobody = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'pk_unknown', maxRetries: 0 });
    expect((await refusal(nobody.embeddings.create({ model: 'wiki', input: 'a' }))).status).toBe(
      401,
    );
  });
});

describe('an embedder under load', () => {
  test('accepts work up to its limit and has room again afterwards', async () => {
    let end: (() => void) | null = null;
    embed = async (texts) => {
      await new Promise<void>((resolve) => (end = resolve));
      return letters.embed(texts);
    };
    const input = ['a '.repeat(200), 'a '.repeat(200)];
    const first = create({ model: 'wiki', input });
    await until(() => end !== null);
    const error = await refusal(create({ model: 'wiki', input }));
    expect(error).toMatchObject({ status: 503, code: 'TooManyEmbeddings' });
    (end as (() => void) | null)?.();
    expect((await first).data).toHaveLength(2);
    embed = (texts) => letters.embed(texts);
    expect((await create({ model: 'wiki', input })).data).toHaveLength(2);
  });

  test('times out when it takes too long, and its work is cancelled', async () => {
    let told: AbortSignal | undefined;
    embed = (_texts, options) => {
      told = options?.signal;
      return new Promise(() => undefined);
    };
    const error = await refusal(create({ model: 'wiki', input: 'whale' }));
    expect(error.status).toBe(504);
    expect(told?.aborted).toBe(true);
  });

  test('times out when it cannot be opened in time', async () => {
    opens = () => new Promise(() => undefined);
    const error = await refusal(create({ model: 'wiki', input: 'whale' }));
    expect(error).toMatchObject({ status: 504, code: 'ProviderTimeout' });
    expect(error.message).toContain('the embedder of wiki could not be loaded');
  });

  test('stops when the caller disconnects', async () => {
    let told: AbortSignal | undefined;
    embed = (_texts, options) => {
      told = options?.signal;
      return new Promise(() => undefined);
    };
    const hangUp = new AbortController();
    const asking = client.embeddings.create(
      { model: 'wiki', input: 'whale' },
      { signal: hangUp.signal },
    );
    await until(() => told !== undefined);
    hangUp.abort();
    await expect(asking).rejects.toThrow();
    await until(() => told?.aborted === true);
  });
});

test('counts by the version that answered, and no unknown names', async () => {
  await create({ model: 'wiki', input: 'a blue whale' });
  await refusal(create({ model: 'misspelt', input: 'a' }));
  const text = await scrape(url);
  expect(text).toMatch(
    /perennial_gateway_embeddings_requests_total\{tenant="default",index="wiki",version="3",status="200"\} 1/,
  );
  expect(text).toMatch(
    /perennial_gateway_embeddings_requests_total\{tenant="default",index="",version="",status="404"\} 1/,
  );
  expect(text).toMatch(
    /perennial_gateway_embeddings_tokens_total\{tenant="default",index="wiki",version="3"\} 3/,
  );
  expect(text).not.toContain('misspelt');
});
