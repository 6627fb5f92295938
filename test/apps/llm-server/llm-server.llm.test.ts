import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireFromLlmRuntime } from '../../../data/language/runtime-module';
import type { ArtifactRef } from '../../../domain/artifact';
import { directoryArtifacts, type DirectoryArtifacts } from '../../support/directory-artifacts';
import { ggufFile } from '../../support/language/gguf-file';
import { startLlmServer, type LlmServerProcess } from '../../support/provider/llm-server-process';
import { waveAdapter } from '../../support/language/wave-adapter';
import { until } from '../../support/time/until';

// The machine may be busy with other tests while the model loads and answers.
const model = 'smollm2-135m-instruct';
let folder: string;
let artifacts: DirectoryArtifacts;
let server: LlmServerProcess;
let client: OpenAiClient;

/** The parts of OpenAI's client from npm that are used here. */
interface OpenAiClient {
  readonly chat: {
    readonly completions: {
      create(
        body: object,
        options?: { readonly signal?: AbortSignal },
      ): Promise<Completion & AsyncIterable<Chunk>>;
    };
  };
  readonly embeddings: {
    create(
      body: object,
    ): Promise<{ readonly data: readonly { readonly embedding: readonly number[] }[] }>;
  };
  readonly models: { list(): Promise<{ readonly data: readonly { readonly id: string }[] }> };
}
interface Completion {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly finish_reason: string;
  }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}
interface Chunk {
  readonly choices: readonly {
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage: Completion['usage'] | null | undefined;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-llm-'));
  artifacts = directoryArtifacts(join(folder, 'artifacts'));
  server = await startLlmServer({
    folder: join(folder, 'state'),
    artifactsFolder: join(folder, 'artifacts'),
    sequences: 2,
    contextTokens: 512,
    maxQueued: 2,
    maxAdapters: 1,
  });
  const { OpenAI } = requireFromLlmRuntime('openai') as {
    readonly OpenAI: new (options: object) => OpenAiClient;
  };
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const ask = (content: string, more: object = {}) => ({
  model,
  messages: [{ role: 'user', content }],
  temperature: 0,
  max_tokens: 12,
  ...more,
});

describe('answers', () => {
  test('are equal whole and streamed at temperature 0, and report their tokens', async () => {
    const whole = await client.chat.completions.create(ask('Name three colours.'));
    const streamed = await client.chat.completions.create(
      ask('Name three colours.', { stream: true, stream_options: { include_usage: true } }),
    );
    let text = '';
    let usage: Chunk['usage'];
    for await (const chunk of streamed) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).not.toBe('');
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(whole.choices[0]?.finish_reason).toBe('length');
    expect(usage).toMatchObject({
      completion_tokens: 12,
      prompt_tokens: whole.usage.prompt_tokens,
    });
  });

  test('reuse the tokens that they share with the last prompt of a sequence', async () => {
    const rules =
      'You sort words. Answer with one word: animal or plant. Be brief and never explain. Word: ';
    await client.chat.completions.create(ask(`${rules}oak`, { max_tokens: 1 }));
    const { usage } = await client.chat.completions.create(ask(`${rules}wolf`, { max_tokens: 1 }));
    expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(usage.prompt_tokens / 2);
  });

  test('end at a stop text, which is not part of them', async () => {
    const whole =
      (
        await client.chat.completions.create(
          ask('Count from one to ten in digits.', { max_tokens: 30 }),
        )
      ).choices[0]?.message.content ?? '';
    const stop = whole.slice(5, 8);
    const answer = await client.chat.completions.create(
      ask('Count from one to ten in digits.', { max_tokens: 30, stop: [stop] }),
    );
    expect(answer.choices[0]).toMatchObject({
      message: { content: whole.slice(0, whole.indexOf(stop)) },
      finish_reason: 'stop',
    });
  });

  test.each([
    [
      'a schema',
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'kind', schema: schemaOfKind() },
        },
      },
      /^\{\s*"kind": "(animal|plant)"\s*\}$/,
    ],
    ['a grammar', { grammar: 'root ::= "animal" | "plant"' }, /^(animal|plant)$/],
  ])('conform to %s', async (_what, more, expected) => {
    const { choices } = await client.chat.completions.create(
      ask('What is an oak?', { max_tokens: 40, ...more }),
    );
    expect(choices[0]?.message.content).toMatch(expected);
    expect(choices[0]?.finish_reason).toBe('stop');
  });

  test('are the same for four concurrent requests on two sequences as one by one', async () => {
    const words = ['wolf', 'oak', 'bread', 'river'];
    const one = async (word: string) =>
      (await client.chat.completions.create(ask(`Describe: ${word}`))).choices[0]?.message.content;
    const alone: unknown[] = [];
    for (const word of words) alone.push(await one(word));
    expect(await Promise.all(words.map(one))).toEqual(alone);
  });
});

describe('a request that cannot be answered', () => {
  const refused = async (body: object) =>
    client.chat.completions.create(body).then(
      () => null,
      (error: unknown) => error,
    );

  test.each([
    [
      'is too long',
      ask('word '.repeat(600)),
      { status: 400, code: 'context_length_exceeded', param: 'messages' },
    ],
    [
      'is four megabytes long',
      ask('hello world '.repeat(330_000)),
      { status: 400, code: 'context_length_exceeded' },
    ],
    [
      'requests more tokens than fit',
      ask('hello', { max_tokens: 512 }),
      { status: 400, code: 'context_length_exceeded' },
    ],
    [
      'names another model',
      { ...ask('hello'), model: 'gpt-5' },
      { status: 404, code: 'model_not_found' },
    ],
    [
      'names an unknown adapter',
      { ...ask('hello'), model: `${model}:none` },
      { status: 404, code: 'model_not_found' },
    ],
    ['has no messages', { model, messages: [] }, { status: 400, param: 'messages' }],
    [
      'requests tools',
      ask('hello', { tools: [] }),
      { status: 400, code: 'unsupported_parameter', param: 'tools' },
    ],
    [
      'has an invalid grammar',
      ask('hello', { grammar: 'root ::= (' }),
      { status: 400, code: 'invalid_grammar' },
    ],
    [
      'has a grammar that is not closed',
      ask('hello', { grammar: 'root ::= root "a"' }),
      { status: 400, code: 'invalid_grammar' },
    ],
    [
      'has a schema that a grammar cannot enforce',
      ask('hello', {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'x', schema: { type: 'string', pattern: 'a+' } },
        },
      }),
      { status: 400, code: 'invalid_json_schema' },
    ],
  ])('is refused with a message because it %s', async (_what, body, expected) => {
    expect(await refused(body)).toMatchObject(expected);
  });

  test.each([
    ['broken JSON', '{"model":', 400],
    ['bytes that are not JSON', '\u0000\u0001\uFFFD', 400],
    ['5 MB', `{"model":"${'x'.repeat(5_000_000)}"}`, 413],
  ])('with %s does not harm the server', async (_what, body, status) => {
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({
      error: { message: expect.any(String) as string, type: 'invalid_request_error' },
    });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  test('text in a message that looks like a special token stays text', async () => {
    const { usage } = await client.chat.completions.create(ask('<|im_end|>', { max_tokens: 1 }));
    const { usage: plain } = await client.chat.completions.create(ask('x', { max_tokens: 1 }));
    expect(usage.prompt_tokens).toBeGreaterThan(plain.prompt_tokens + 2);
  });
});

describe('requests beyond the limit', () => {
  test('get 429 with Retry-After; cancelled ones make room', async () => {
    const leave = new AbortController();
    const long = ask('Tell a very long story about the sea.', {
      max_tokens: 450,
      seed: 1,
      temperature: 0.8,
    });
    const held = Array.from({ length: 4 }, () =>
      client.chat.completions
        .create(long, { signal: leave.signal })
        .catch((error: unknown) => error),
    );
    await until(async () => /perennial_llm_server_waiting 2/.test(await metrics()));
    const turnedAway = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ask('hello')),
    });
    expect(turnedAway.status).toBe(429);
    expect(Number(turnedAway.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await turnedAway.json()).toMatchObject({
      error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' },
    });

    leave.abort();
    await Promise.all(held);
    await until(async () => /perennial_llm_server_writing 0/.test(await metrics()));
    expect(await metrics()).toMatch(/perennial_llm_server_cancelled_total [1-9]/);
    expect((await client.chat.completions.create(ask('hello'))).choices).toHaveLength(1);
  });
});

describe('adapters', () => {
  test('answer under their name and do not change the base model', async () => {
    const before = await client.chat.completions.create(ask('What is an oak?'));
    const artifact = await keep(await waveAdapter({ strength: 3 }));
    expect((await put('oak', artifact)).status).toBe(200);
    expect((await client.models.list()).data.map(({ id }) => id)).toContain(`${model}:oak`);
    const adapted = await client.chat.completions.create({
      ...ask('What is an oak?'),
      model: `${model}:oak`,
    });
    expect(adapted.choices[0]?.message.content).not.toBe(before.choices[0]?.message.content);
    const after = await client.chat.completions.create(ask('What is an oak?'));
    expect(after.choices[0]?.message.content).toBe(before.choices[0]?.message.content);
  });

  test('with zero weights answer like the base model; a second one replaces the first', async () => {
    const before = await client.chat.completions.create(ask('What is an oak?'));
    await put('nothing', await keep(await waveAdapter({ strength: 0 })));
    const adapted = await client.chat.completions.create({
      ...ask('What is an oak?'),
      model: `${model}:nothing`,
    });
    expect(adapted.choices[0]?.message.content).toBe(before.choices[0]?.message.content);
    expect(await metrics()).toMatch(/perennial_llm_server_adapters 1/);
  });

  test.each([
    [
      'for another base model',
      async () => waveAdapter({ strength: 1, base: `sha256:${'0'.repeat(64)}` }),
      /trained on a different base model/,
    ],
    [
      'that are a model',
      async () => Promise.resolve(ggufFile({ 'general.type': 'model' }, [])),
      /not a LoRA adapter in GGUF; its type is model/,
    ],
    [
      'that are not GGUF files',
      async () => Promise.resolve(Buffer.from('not a model')),
      /not a GGUF file/,
    ],
  ])('%s are refused when they are registered', async (_what, bytes, message) => {
    const answer = await put('wrong', await keep(await bytes()));
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(
      message,
    );
  });

  test('with wrong shapes are refused when they are used, and the server continues', async () => {
    await put('narrow', await keep(await waveAdapter({ strength: 1, columns: 64 })));
    await expect(
      client.chat.completions.create({ ...ask('hello'), model: `${model}:narrow` }),
    ).rejects.toMatchObject({
      status: 400,
      code: 'adapter_mismatch',
    });
    expect((await client.chat.completions.create(ask('hello'))).choices).toHaveLength(1);
  });

  test('whose bytes do not match their digest are not loaded', async () => {
    const artifact = await keep(await waveAdapter({ strength: 2 }));
    const answer = await put('forged', { ...artifact, digest: `sha256:${'1'.repeat(64)}` });
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });
});

test('embeddings of similar texts are close', async () => {
  const { data } = await client.embeddings.create({
    model: 'all-minilm-l6-v2',
    input: ['a cat sleeps', 'a dog naps', 'interest rates rise'],
  });
  const [cat = [], dog = [], rates = []] = data.map(({ embedding }) => embedding);
  expect(cat).toHaveLength(384);
  expect(dot(cat, dog)).toBeGreaterThan(dot(cat, rates) + 0.1);
});

function schemaOfKind(): object {
  return {
    type: 'object',
    properties: { kind: { enum: ['animal', 'plant'] } },
    required: ['kind'],
    additionalProperties: false,
  };
}

async function keep(bytes: Buffer): Promise<ArtifactRef> {
  return artifacts.putBytes({ tenant: 'default', bytes, mediaType: 'application/octet-stream' });
}

async function put(name: string, artifact: ArtifactRef): Promise<Response> {
  return fetch(`${server.url}/v1/adapters/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(artifact),
  });
}

async function metrics(): Promise<string> {
  return (await fetch(`${server.url}/metrics`)).text();
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
