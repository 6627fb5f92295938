import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { defaultTenant as tenant } from '../../../../domain/ids';
import { unique } from '../../../db/registry-fixture';
import { startGatewayProcess, type GatewayProcess } from '../../../support/process/gateway-process';
import {
  complete,
  fill,
  library,
  openIndexWorld,
  promote,
  wordllama,
  type IndexWorld,
} from '../../../support/language/index-world';

let folder: string;
let world: IndexWorld;
let gateway: GatewayProcess;
let key: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-gateway-'));
  world = await openIndexWorld();
  key = (
    await world.registry.apiKeys.create({ tenant, name: 'viewer', scope: 'viewer', actor: 'test' })
  ).key;
  gateway = await startGatewayProcess({
    databaseUrl: world.databaseUrl,
    s3: world.s3,
    stateDir: folder,
  });
});

afterAll(async () => {
  await gateway.stop();
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(index: string, body: unknown) {
  const answer = await fetch(`${gateway.url}/v1/indexes/${index}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  const view = (await answer.json()) as {
    version?: number;
    hits?: { documentId: string }[];
    detail?: string;
  };
  return {
    status: answer.status,
    version: view.version,
    first: view.hits?.[0]?.documentId,
    detail: view.detail,
  };
}

async function built(index: string, documents = library) {
  const filled = await fill(world, index, await world.dataset(`${index}.documents`, documents));
  await complete(world, filled);
  return filled;
}

test('a gateway answers from LanceDB on S3, by text and by a vector of the index’s embedder', async () => {
  const index = unique('index');
  await promote(world, await built(index));
  for (const mode of ['vector', 'text', 'hybrid'])
    expect(await ask(index, { text: 'Who discovered penicillin?', mode })).toMatchObject({
      status: 200,
      version: 1,
      first: 'penicillin',
    });
  const embedder = await world.deps.embedders.get(wordllama);
  const [vector = new Float32Array()] = await embedder.embed(['the largest animal in the sea']);
  const { digest } = embedder.identity;
  expect(await ask(index, { vector: [...vector], embedder: digest })).toMatchObject({
    status: 200,
    first: 'whale',
  });
  expect(await ask(index, { vector: [...vector].slice(1), embedder: digest })).toMatchObject({
    status: 409,
  });
  expect((await ask('no-such-index', { text: 'whale' })).status).toBe(404);
});

test('a stock OpenAI client gets vectors that can query the index', async () => {
  const index = unique('index');
  await promote(world, await built(index));
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
  const texts = ['the largest animal in the sea', 'a mould that kills bacteria'];
  const { data, response } = await client.embeddings
    .create({ model: index, input: texts })
    .withResponse();
  const embedder = await world.deps.embedders.get(wordllama);
  expect(data.data.map(({ embedding }) => Float32Array.from(embedding))).toEqual(
    await embedder.embed(texts),
  );
  expect(data).toMatchObject({ model: `${index}@1` });
  expect(data.usage.prompt_tokens).toBeGreaterThan(8);
  const vector = data.data[0]?.embedding;
  expect(
    await ask(index, { vector, embedder: response.headers.get('x-perennial-embedder') }),
  ).toMatchObject({
    status: 200,
    first: 'whale',
  });
  const long = client.embeddings.create({ model: index, input: 'whale '.repeat(1100) });
  await expect(long).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' });
  await expect(client.embeddings.create({ model: `${index}x`, input: 'whale' })).rejects.toThrow(
    `did you mean \`${index}\`?`,
  );
});

test('a moved alias takes effect within 5 seconds, in both directions, and no question fails', async () => {
  const index = unique('index');
  await promote(world, await built(index));
  const next = await built(index, library.slice(1));
  const answers: Awaited<ReturnType<typeof ask>>[] = [];
  let asking = true;
  const callers = Array.from({ length: 3 }, async () => {
    while (asking) answers.push(await ask(index, { text: 'the largest animal in the sea' }));
  });
  const followed = async (version: number) => {
    const begun = performance.now();
    while (answers.at(-1)?.version !== version) await new Promise((again) => setTimeout(again, 20));
    return performance.now() - begun;
  };
  await followed(1);
  await promote(world, next);
  expect(await followed(2)).toBeLessThan(5_000);
  await world.registry.indexes.rollback({
    tenant,
    index,
    actor: 'test',
    cause: 'test',
    idempotencyKey: unique('back'),
  });
  expect(await followed(1)).toBeLessThan(5_000);
  asking = false;
  await Promise.all(callers);
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  // Only the first version has the whale, so no answer may mix one version with the documents of
  // the other.
  expect(answers.filter(({ version, first }) => (version === 1) !== (first === 'whale'))).toEqual(
    [],
  );
});
