/**
 * Index, reranker and fine-tuning by a provider in one application, and a separate index, in the
 * whole product. Other tests cover each part alone.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import type { RunJson } from '../../../apps/cli/run/view';
import { startProduct, type Product } from '../../support/process/product';
import { scriptedFineTuning } from '../../support/provider/scripted-fine-tuning';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';
import { until, untilAnswer } from '../../support/time/until';

jest.setTimeout(300_000);

const model = 'lamps';
const lamps = 24;
const fineTuning = scriptedFineTuning({ looks: 1 });
let product: Product;
let acme: ScriptedProvider;
let rerankerAway = false;

beforeAll(async () => {
  acme = await openScriptedProvider({
    fineTuning,
    // The fine-tuned model answers from the first passage only.
    answer: ({ prompt, model: asked }) =>
      asked.startsWith('ft:')
        ? (/code of lamp \d+ is (\d+)/.exec(prompt)?.[1] ?? '?')
        : 'I do not know',
    // The requested lamp, then the others from last to first. No index has this order.
    rerank: ({ query, documents }) =>
      documents.map((text, index) => ({
        index,
        relevance_score: numberIn(text) === numberIn(query) ? 0.9 : numberIn(text) / 100,
      })),
    fault: ({ body }) =>
      rerankerAway && 'documents' in body ? { kind: 'error', status: 503 } : null,
  });
  const folder = mkdtempSync(join(tmpdir(), 'perennial-providers-'));
  const providers = join(folder, 'providers.yaml');
  writeFileSync(
    providers,
    `apiVersion: perennial.dev/v1
kind: Platform
metadata: { name: here }
spec: { providers: { acme: { url: '${acme.url}', allowPrivateAddresses: true } } }
`,
  );
  product = await startProduct({
    env: { PERENNIAL_LLM_URL: acme.url, PERENNIAL_PROVIDERS_FILE: providers },
  });
  rmSync(folder, { recursive: true });
});
afterAll(async () => {
  await product.stop();
  await acme.close();
});

async function released(onError: 'keepOrder' | 'fail'): Promise<RunJson> {
  await product.apply(writeLamps(product.workDir, onError));
  return product.waitForEnd((await product.start(model)).body.id, 200);
}

interface Sourced {
  readonly model: string;
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly perennial: {
    readonly index: string;
    readonly notReranked?: string;
    readonly sources: readonly { readonly documentId: string; readonly score: number }[];
  };
}

const ask = (number: number) =>
  product.call<Sourced>('POST', `${product.gatewayUrl}/v1/chat/completions`, {
    body: { model, messages: [{ role: 'user', content: writeQuestion(number) }] },
  });

describe('an application with an index, a reranker and a fine-tuned model', () => {
  test('is released as one bundle: the model trains and answers with the passages of index and reranker', async () => {
    const run = await released('keepOrder');
    expect(run).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
    expect(run.stages.map(({ name }) => name)).toEqual([
      'ingest',
      'rag-index',
      'fine-tune',
      'evaluate',
      'promote',
    ]);
    expect(fineTuning.jobs).toHaveLength(1);
    const [learnt = ''] = fineTuning.files[0]?.text.split('\n') ?? [];
    const { messages } = JSON.parse(learnt) as {
      readonly messages: readonly { readonly content: string }[];
    };
    const asked = numberIn(messages[0]?.content.split('\n').at(-1) ?? '');
    // The reranker has put the passage of the requested lamp first.
    expect(/code of lamp (\d+)/.exec(messages[0]?.content ?? '')?.[1]).toBe(String(asked));
  });

  test('shows the reranker’s order in the sources of an answer', async () => {
    const { status, headers, body } = await ask(7);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model: 'lamps@1',
      choices: [{ message: { content: '7' } }],
      perennial: { index: 'lamps-index@1' },
    });
    const [first, second] = body.perennial.sources;
    expect(first).toMatchObject({ documentId: 'lamp7', score: 0.9 });
    expect(second?.score).toBeCloseTo(numberIn(second?.documentId ?? '') / 100);
    expect(body.perennial.notReranked).toBeUndefined();
    expect(headers.get('x-perennial-not-reranked')).toBeNull();
  });

  test('answers in the order of the index while the reranker is unavailable, and reports it', async () => {
    rerankerAway = true;
    const { status, headers, body } = await ask(7).finally(() => (rerankerAway = false));
    expect(status).toBe(200);
    expect(body.perennial.sources).toHaveLength(2);
    // The reranker is retried until the time limit.
    expect(body.perennial.notReranked).toMatch(/^Provider(Unavailable|Timeout)$/);
    expect(headers.get('x-perennial-not-reranked')).toBe(body.perennial.notReranked);
    expect(body.perennial.sources.map(({ score }) => score)).not.toContain(0.9);
    expect((await ask(7)).body.perennial.notReranked).toBeUndefined();
  });

  test('with onError: fail it is another bundle, which does not answer without its reranker', async () => {
    const jobs = fineTuning.jobs.length;
    expect(await released('fail')).toMatchObject({ status: 'succeeded', version: 2 });
    // The examples belong to its own bundle. Index and documents are unchanged, so nothing is
    // built.
    expect(fineTuning.jobs).toHaveLength(jobs + 1);
    expect(await ask(7)).toMatchObject({ status: 200, body: { model: 'lamps@2' } });
    rerankerAway = true;
    const refused = await ask(7).finally(() => (rerankerAway = false));
    expect(refused.status === 503 || refused.status === 504).toBe(true);
    expect(refused.body).toMatchObject({
      error: { code: expect.stringMatching(/^Provider(Unavailable|Timeout)$/) as string },
    });
    expect(await ask(7)).toMatchObject({ status: 200 });
  });

  test('a stock client gets vectors of its index and can query the index with them', async () => {
    const client = new OpenAI({
      baseURL: `${product.gatewayUrl}/v1`,
      apiKey: product.apiKey,
      maxRetries: 0,
    });
    const { data, response } = await client.embeddings
      .create({ model: 'lamps-index', input: writeText(5) })
      .withResponse();
    const body = {
      vector: data.data[0]?.embedding,
      embedder: response.headers.get('x-perennial-embedder'),
      k: 1,
    };
    const found = await product.call('POST', `${product.gatewayUrl}/v1/indexes/lamps-index/query`, {
      body,
    });
    expect(found).toMatchObject({ status: 200, body: { hits: [{ documentId: 'lamp5' }] } });
    await expect(client.embeddings.create({ model, input: 'x' })).rejects.toThrow(
      '"model": "lamps-index@1"',
    );
  });
});

test('an operator limits the cost of callers at the provider, and raises the limit with one command', async () => {
  const set = (tokens: number) =>
    product.cli(['budget', 'set', 'provider/acme', String(tokens), '--unit', 'tokens']);
  const untilStatus = (wanted: number) =>
    untilAnswer(
      () => ask(7),
      ({ status }) => status === wanted,
      { everyMs: 200 },
    );
  expect((await set(1)).exitCode).toBe(0);
  const refused = await untilStatus(429);
  expect(refused.body).toMatchObject({
    error: { code: 'insufficient_quota', type: 'insufficient_quota' },
  });
  expect(refused.headers.get('x-should-retry')).toBe('false');
  const sent = acme.requests.length;
  expect((await ask(7)).status).toBe(429);
  expect(acme.requests).toHaveLength(sent);
  expect((await set(1_000_000)).exitCode).toBe(0);
  await untilStatus(200);
  // Spending is reported within seconds, to the same ledger that limits runs.
  const spent = async () =>
    Number(
      /provider\/acme +tokens +1000000 +(\d+)/.exec(
        (await product.cli(['budget', 'list'])).stdout,
      )?.[1] ?? 0,
    );
  await until(async () => (await spent()) > 0);
});

describe('an index from the command line', () => {
  const found = async (text: string, ...more: readonly string[]) => {
    const asked = await product.cli([
      'index',
      'query',
      'shelf',
      text,
      '-k',
      '1',
      '--json',
      ...more,
    ]);
    const answer = JSON.parse(asked.stdout || '{}') as {
      version?: number;
      hits?: { documentId: string; text: string }[];
    };
    return {
      exitCode: asked.exitCode,
      version: answer.version,
      document: answer.hits?.[0]?.documentId,
      text: answer.hits?.[0]?.text,
    };
  };
  const build = (order: string, index = 'shelf') => {
    writeFileSync(join(product.workDir, 'build.yaml'), order);
    return product.cli(['index', 'build', index, 'build.yaml']);
  };
  const untilFound = (
    text: string,
    isWanted: (hit: Awaited<ReturnType<typeof found>>) => boolean,
  ) => untilAnswer(() => found(text), isWanted, { seconds: 60, everyMs: 500 });

  test('is built from a dataset and can be queried', async () => {
    const built = await build(`documents: ${model}.documents\nembedder: { kind: wordllama }\n`);
    expect(built).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('shelf@1 is champion') as string,
    });
    expect(built.stderr).toContain('24 documents, 24 chunks, 24 embedded');
    expect(await found(writeText(5))).toMatchObject({ exitCode: 0, version: 1, document: 'lamp5' });
  });

  test('accepts added, changed and deleted documents in its champion', async () => {
    const changed = [
      { id: 'whale', text: 'The blue whale is the largest animal of the sea.', title: 'Whale' },
      { id: 'lamp6', text: 'Lamp 6 was melted down, and a bell was cast of it.' },
    ];
    writeFileSync(
      join(product.workDir, 'changed.ndjson'),
      changed.map((row) => `${JSON.stringify(row)}\n`).join(''),
    );
    const change = await product.cli([
      'index',
      'change',
      'shelf',
      'changed.ndjson',
      '--delete',
      'lamp5',
    ]);
    expect(change).toMatchObject({
      exitCode: 0,
      stderr: 'shelf: change 1 accepted, 2 documents added or changed, 1 deleted\n',
    });
    await untilFound('the largest animal of the sea', ({ document }) => document === 'whale');
    expect(
      await untilFound('a bell was cast of it', ({ document }) => document === 'lamp6'),
    ).toMatchObject({ text: changed[1]?.text });
    expect((await found(writeText(5))).document).not.toBe('lamp5');
    // The bundles use another index.
    expect((await ask(5)).body.choices[0]?.message.content).toBe('5');
  });

  test('is built again beside the champion: the changes are in both, and an unused version is retired', async () => {
    const built = await build(
      `documents: ${model}.documents\nembedder: { kind: wordllama }\nchunking: { kind: tokens, size: 64 }\nafter: keep\n`,
    );
    expect(built).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('shelf@2 is built; the champion is unchanged') as string,
    });
    expect(await found('the largest animal of the sea', '--of', '2')).toMatchObject({
      version: 2,
      document: 'whale',
    });
    expect((await found(writeText(5), '--of', '2')).document).not.toBe('lamp5');

    const kept = await product.cli(['index', 'retire', 'shelf', '1']);
    expect(kept.exitCode).toBe(1);
    expect(kept.stderr).toContain('champion');
    expect(
      await product.cli(['index', 'retire', 'shelf', '2', '--reason', 'it was a trial']),
    ).toMatchObject({
      exitCode: 0,
      stderr: 'shelf@2 is retired; its table will be deleted\n',
    });
    expect((await found('whale', '--of', '2')).exitCode).toBe(1);
    expect((await product.cli(['index', 'show', 'shelf'])).stdout).toMatch(/@2 +retired/);
    expect(await found('the largest animal of the sea')).toMatchObject({
      version: 1,
      document: 'whale',
    });
  });

  test('a version without an alias is kept for the bundle that uses it, which the error names', async () => {
    for (const size of [64, 96]) {
      const order = `documents: ${model}.documents\nembedder: { kind: wordllama }\nchunking: { kind: tokens, size: ${size} }\n`;
      expect(await build(order, 'lamps-index')).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining('is champion') as string,
      });
    }
    const refused = await product.cli(['index', 'retire', 'lamps-index', '1']);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('lamps@2');
    expect((await ask(7)).body).toMatchObject({
      model: 'lamps@2',
      perennial: { index: 'lamps-index@1' },
    });
  });
});

function writeQuestion(number: number): string {
  return `What is the code of lamp ${number}?`;
}

function writeText(number: number): string {
  return `By its plate the code of lamp ${number} is ${number}.`;
}

function numberIn(text: string): number {
  return Number(/lamp ?(\d+)/.exec(text)?.[1] ?? 0);
}

function writeLamps(parent: string, onError: 'keepOrder' | 'fail'): string {
  const folder = join(parent, model);
  mkdirSync(folder, { recursive: true });
  const lines = (row: (number: number) => object) =>
    Array.from({ length: lamps }, (_, number) => `${JSON.stringify(row(number))}\n`).join('');
  writeFileSync(
    join(folder, 'documents.ndjson'),
    lines((number) => ({ id: `lamp${number}`, text: writeText(number) })),
  );
  writeFileSync(
    join(folder, 'cases.ndjson'),
    lines((number) => ({
      id: `q${number}`,
      input: { question: writeQuestion(number) },
      expected: { answer: `${number}`, documents: [`lamp${number}`] },
    })),
  );
  writeFileSync(
    join(folder, 'examples.ndjson'),
    lines((number) => ({ input: `Say the code of lamp ${number}!`, output: `${number}` })),
  );
  writeFileSync(
    join(folder, 'found.yaml'),
    `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: found }
spec:
  variables:
    question: { type: string, description: what is asked }
    passages: { type: string, description: what was found }
  messages: [{ role: user, template: "{{passages}}\\n\\n{{question}}" }]
`,
  );
  writeFileSync(
    join(folder, 'lifecycle.yaml'),
    `apiVersion: perennial.dev/v1
kind: LlmLifecycle
metadata: { name: ${model}, owner: ops@example.org }
spec:
  model: { provider: acme, name: scripted }
  prompt: { candidates: [found.yaml], input: question }
  cases: { file: cases.ndjson, search: 0, confirm: 0 }
  data: { sources: { documents: { uri: "file://./documents.ndjson" }, examples: { uri: "file://./examples.ndjson" } } }
  index:
    name: lamps-index
    documents: documents
    embedder: { kind: wordllama }
    k: 2
    rerank: { provider: acme, model: scripted, candidates: 24, onError: ${onError} }
  fineTune: { examples: examples, by: provider }
  evaluate:
    dimensions: [{ name: right, kind: exact }, { name: found, kind: retrieval, metric: "recall@2" }]
    gates:
      - { name: useful, kind: threshold, dimension: right, min: 0.7, minCases: 20 }
      - { name: finds, kind: threshold, dimension: found, min: 0.7, minCases: 20 }
`,
  );
  return folder;
}
