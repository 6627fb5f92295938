/**
 * A language application with an index and a real model, in the whole product. Killed processes
 * return, and no work is done twice.
 */
import OpenAI from 'openai';
import type { Database } from '../../../db/connection';
import { listChampions, killDuringRequests } from '../../support/process/dying-product';
import { expectNothingLeft } from '../../support/leftovers';
import { buildQuestion, quarters, writeQuarters } from '../../support/language/quarters';
import { startProduct, type Product } from '../../support/process/product';
import {
  readRequests,
  expectPaidOnce,
  listIndexMoves,
  readStoredIndex,
  listIndexVersions,
} from '../../support/process/run-audit';
import { openWorkersDatabase } from '../../support/process/worker-process';
import { untilAnswer } from '../../support/time/until';

// The work of four models, on a machine that may be busy.
jest.setTimeout(900_000);

const { model, cases } = quarters;

let product: Product;
let database: Database;

beforeAll(async () => {
  product = await startProduct({
    env: {
      PERENNIAL_LLM_SERVER: 'true',
      PERENNIAL_LLM_PORT: '0',
      PERENNIAL_LLM_CONTEXT_TOKENS: '1024',
    },
  });
  database = openWorkersDatabase(product);
  await product.apply(writeQuarters(product.workDir));
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await database.close();
  await product.stop();
});

test('is released although the worker dies during indexing and the model during answers: no duplicate chunk, no question paid for twice, one promotion', async () => {
  const { body } = await product.start(model);
  await product.waitForStage(body.id, 'rag-index');
  expect((await product.run(body.id)).stages.at(-1)).toMatchObject({
    name: 'rag-index',
    status: 'running',
  });
  expect(product.kill('main.ts worker')).toHaveLength(1);
  const asked = await killDuringRequests({ product, database }, 'main.ts llm-server', {
    run: body.id,
    stage: 'evaluate',
    answered: 2,
  });
  const run = await product.waitForEnd(body.id, 800);
  expect(run).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
  expect(run.stages.map(({ name }) => name)).toEqual([
    'ingest',
    'rag-index',
    'evaluate',
    'promote',
  ]);

  const stored = await readStoredIndex(product, 'quarters', 1);
  expect(stored).toMatchObject({ documents: cases, duplicates: [] });
  expect(await listIndexVersions(database, 'quarters')).toEqual([
    { version: 1, state: 'ready', chunks: stored.chunks },
  ]);
  expect(await listIndexMoves(database, 'quarters')).toEqual([1]);
  expect(await listChampions(product, model)).toEqual([1]);
  // Each case once, except those in progress when the model died.
  expect((await readRequests(database, run.id, 'evaluate')).calls.answered).toBe(cases);
  expect(await expectPaidOnce(database, run.id, asked.length)).toBeGreaterThan(0);
  expect(await product.cli(['audit', 'verify'])).toMatchObject({ exitCode: 0 });
});

test('answers a stock client whole and in a stream, with sources', async () => {
  const client = new OpenAI({ baseURL: `${product.gatewayUrl}/v1`, apiKey: product.apiKey });
  const messages = [{ role: 'user' as const, content: buildQuestion(3).question }];
  const whole = await client.chat.completions.create({ model, messages });
  expect(whole.model).toBe(`${model}@1`);
  expect(readSources(whole)).toContain(buildQuestion(3).document);
  let text = '';
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true }))
    text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe(whole.choices[0]?.message.content);
});

test('its index can be queried directly, in the version that was promoted with it', async () => {
  const { text, document } = {
    text: buildQuestion(5).question,
    document: buildQuestion(5).document,
  };
  const answer = await product.call<{ version: number; hits: { documentId: string }[] }>(
    'POST',
    `${product.gatewayUrl}/v1/indexes/quarters/query`,
    {
      body: { text, k: 3 },
    },
  );
  expect(answer).toMatchObject({ status: 200, body: { version: 1 } });
  expect(answer.body.hits.map(({ documentId }) => documentId)).toContain(document);
});

test('if the gateway dies during a stream, the client gets an error, and another gateway answers next', async () => {
  const client = new OpenAI({
    baseURL: `${product.gatewayUrl}/v1`,
    apiKey: product.apiKey,
    maxRetries: 0,
  });
  const messages = [{ role: 'user' as const, content: buildQuestion(1).question }];
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  const reading = (async () => {
    let last: string | null = null;
    for await (const chunk of stream) {
      product.kill('main.ts gateway');
      last = chunk.choices[0]?.finish_reason ?? null;
    }
    return last;
  })();
  // The connection breaks, unless the whole answer was sent before.
  const ended = await reading.catch(() => 'broken');
  expect(['broken', 'stop', 'length']).toContain(ended);
  const again = await untilAnswer(
    () => client.chat.completions.create({ model, messages }).catch(() => null),
    (answer) => answer !== null,
    { seconds: 60, everyMs: 300 },
  );
  expect(again?.model).toBe(`${model}@1`);
});

/** The additional members of the gateway in the OpenAI response. */
function readSources(completion: object): readonly string[] {
  const { perennial } = completion as {
    readonly perennial?: { readonly sources?: readonly { readonly documentId: string }[] };
  };
  return (perennial?.sources ?? []).map(({ documentId }) => documentId);
}
