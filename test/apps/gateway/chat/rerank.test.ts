import OpenAI from 'openai';
import { openIndexReader } from '../../../../data/index/query-index';
import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import { defaultTenant as tenant } from '../../../../domain/ids';
import type { BundleReranker } from '../../../../domain/bundle/bundle';
import { fakeChunks, lettersOnly } from '../../../support/language/fake-chunks';
import { noSecret, providerAt } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';
import { parrot, putBundle } from '../../../support/language/served-bundles';
import { addKey, fakeArtifacts, fakeRegistry, type FakeRegistry } from '../fakes';
import { startGateway, type StartedGateway } from '../started-gateway';
import { scrape } from '../../../support/serving/scrape';

let registry: FakeRegistry;
let artifacts: ReturnType<typeof fakeArtifacts>;
let gateway: StartedGateway;
let url: string;
let key: string;
let ranks: ScriptedProvider;
let access: ModelAccess;
let fault: Fault | null;
const chunks = fakeChunks();
const wiki = chunks.put(
  { tenant, index: 'wiki', version: 2 },
  { ada: 'Ada Lovelace wrote of the engine.', bread: 'Bread is baked.', whale: 'Whales swim.' },
);

beforeEach(async () => {
  [registry, artifacts, fault] = [fakeRegistry(), fakeArtifacts(), null];
  ranks = await openScriptedProvider({
    models: ['cross'],
    rerank: ({ documents }) =>
      documents.map((text, index) => ({
        index,
        relevance_score: text.includes('Whales') ? 0.9 : 0.1,
      })),
    fault: () => fault,
  });
  access = openModelAccess(
    [
      providerAt(ranks.url, { name: 'ranks' }),
      providerAt(ranks.url, { name: 'claude', protocol: 'anthropic' }),
    ],
    noSecret,
  );
  gateway = await startGateway({
    registry,
    artifacts,
    access: {
      ...parrot(),
      rerank: (...asked) => access.rerank(...asked),
      requireProvider: (...wanted) => access.requireProvider(...wanted),
    },
    indexes: openIndexReader({
      find: () => Promise.resolve(wiki),
      store: chunks,
      embedders: lettersOnly,
    }),
  });
  ({ url } = gateway);
  key = addKey(registry, 'viewer');
});

afterEach(async () => {
  await gateway.stop();
  await access.close();
  await ranks.close();
});

async function register(change: Partial<BundleReranker> = {}): Promise<string> {
  const rerank = {
    provider: 'ranks',
    model: 'cross',
    candidates: 3,
    onError: 'keepOrder',
    ...change,
  } as const;
  const index = {
    name: 'wiki',
    version: 2,
    digest: wiki.digest,
    variable: 'passages',
    k: 1,
    mode: 'vector',
    rerank,
  } as const;
  const prompt = {
    name: 'answer',
    messages: [
      { role: 'user', template: '{{#passages}}[{{@}}] {{.}} {{/passages}}Q: {{question}}' },
    ],
    variables: {
      question: { type: 'string', description: 'q' },
      passages: { type: 'list', description: 'p' },
    },
    fewShot: null,
    answerSchema: null,
  } as const;
  const manifest = await putBundle((bytes) => artifacts.put(bytes), { prompt, index });
  registry.versions.set('wiki-assistant@1', { model: 'wiki-assistant', version: 1, manifest });
  return 'wiki-assistant@1';
}

const client = () => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const messages = [{ role: 'user' as const, content: 'Ada Lovelace wrote of the engine' }];
const readSources = (answer: unknown) => (answer as { perennial: unknown }).perennial;
const counted = async () =>
  (await scrape(url)).split('\n').filter((line) => line.includes('_rerankings_total{'));
const logged = async (id: string) => {
  for (let look = 0; look < 500; look += 1) {
    const row = registry.inserted.find((each) => each.id === id);
    if (row) return row;
    await new Promise((again) => setTimeout(again, 10));
  }
  throw new Error('it was not logged');
};

test('an answer uses the candidates that the reranker ranks best', async () => {
  const model = await register();
  const { data, response } = await client()
    .chat.completions.create({ model, messages })
    .withResponse();
  expect(data.choices[0]?.message.content).toContain('Whales swim.');
  expect(readSources(data)).toMatchObject({
    sources: [{ documentId: 'whale', score: 0.9 }],
    leftOut: { room: 0 },
  });
  expect(readSources(data)).not.toHaveProperty('notReranked');
  expect(response.headers.get('x-perennial-not-reranked')).toBeNull();
  expect(ranks.requests).toMatchObject([
    { body: { model: 'cross', query: messages[0]?.content, top_n: 3 } },
  ]);
  expect(await counted()).toEqual([
    'perennial_gateway_rerankings_total{tenant="default",model="wiki-assistant",outcome="done"} 1',
  ]);
});

test('when the reranker refuses, the index order is used and reported', async () => {
  fault = { kind: 'error', status: 400 };
  const model = await register();
  const { data, response } = await client()
    .chat.completions.create({ model, messages })
    .withResponse();
  expect(readSources(data)).toMatchObject({
    sources: [{ documentId: 'ada' }],
    notReranked: 'ProviderRefused',
  });
  expect(response.headers.get('x-perennial-not-reranked')).toBe('ProviderRefused');
  expect((await logged(data.id)).output).toMatchObject({
    retrieved: { passages: [{ documentId: 'ada' }], notReranked: 'ProviderRefused' },
  });
  expect(await counted()).toEqual([
    'perennial_gateway_rerankings_total{tenant="default",model="wiki-assistant",outcome="ProviderRefused"} 1',
  ]);

  const all = [];
  for await (const chunk of await client().chat.completions.create({
    model,
    messages,
    stream: true,
  }))
    all.push(chunk);
  expect(readSources(all.at(-1))).toMatchObject({ notReranked: 'ProviderRefused' });
});

test('a bundle may fail instead', async () => {
  fault = { kind: 'error', status: 400 };
  const model = await register({ onError: 'fail' });
  await expect(client().chat.completions.create({ model, messages })).rejects.toMatchObject({
    status: expect.any(Number) as number,
  });
});

test.each([
  ['that is not configured', 'nobody', 'there is no provider nobody'],
  ['whose protocol has none', 'claude', 'the protocol of provider claude has no reranking'],
])('a bundle with a reranker of a provider %s is not served', async (_what, provider, said) => {
  const model = await register({ provider });
  await expect(client().chat.completions.create({ model, messages })).rejects.toMatchObject({
    message: expect.stringContaining(said) as string,
  });
});
