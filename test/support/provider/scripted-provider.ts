import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropicWire } from './scripted-anthropic';
import { openAiWire } from './scripted-openai';
import type { ScriptedFineTuning } from './scripted-fine-tuning';
import { json, sendStream, sendWhole } from './scripted-sending';

/** The fault of one request. Token counts give the number of pieces before it. */
export type Fault =
  | { readonly kind: 'rateLimited'; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'error'; readonly status: number; readonly body?: string }
  | { readonly kind: 'stall'; readonly afterTokens: number }
  /** The connection is reset. */
  | { readonly kind: 'cut'; readonly afterTokens: number }
  /** The response ends properly but too early. */
  | { readonly kind: 'truncated'; readonly afterTokens: number }
  | { readonly kind: 'garbage' }
  | {
      readonly kind: 'errorEvent';
      readonly afterTokens: number;
      readonly error?: Readonly<Record<string, unknown>>;
    };

export interface ScriptedRequest {
  readonly model: string;
  /** The texts of all messages. */
  readonly prompt: string;
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly wantsJson: boolean;
  readonly requestId: string | null;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: IncomingMessage['headers'];
}

/** One line for every answer that the provider worked on, whatever its end. */
export interface BillLine {
  readonly requestId: string | null;
  readonly model: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface Script {
  readonly models?: readonly string[];
  readonly answer?: (request: ScriptedRequest) => string;
  /** By the number of the request, from 0. */
  readonly fault?: (request: ScriptedRequest, number: number) => Fault | null;
  readonly key?: string;
  /** Scores by category, for a text sent to `/moderations`. */
  readonly moderation?: (text: string) => unknown;
  /** Results of `/rerank`, each an index and a relevance score; without them 404. */
  readonly rerank?: (asked: {
    readonly query: string;
    readonly documents: readonly string[];
  }) => unknown;
  /** Its own fine-tuning; tuned models answer like those in `models`. */
  readonly fineTuning?: ScriptedFineTuning;
  readonly contextTokens?: number;
  /**
   * Thinking tokens before each answer, within its token limit. It accepts no sampling parameters,
   * like OpenAI's thinking models.
   */
  readonly thoughts?: number;
  readonly latencyMs?: (request: ScriptedRequest) => number;
  /** Responds after this has settled, whatever the latency. */
  readonly held?: (request: ScriptedRequest) => Promise<unknown> | null;
  readonly msPerToken?: number;
}

/** A wire protocol over the same behaviour. */
export interface Wire {
  readonly path: string;
  read(
    body: Readonly<Record<string, unknown>>,
  ): Pick<ScriptedRequest, 'model' | 'prompt' | 'maxTokens' | 'stream' | 'wantsJson'>;
  whole(answer: WireAnswer): unknown;
  head(answer: WireAnswer): readonly string[];
  piece(text: string, answer: WireAnswer): string;
  tail(answer: WireAnswer): readonly string[];
  errorEvent(error?: Readonly<Record<string, unknown>>): string;
  error(status: number, code: string, message: string, param?: string): unknown;
}

export interface WireAnswer {
  readonly model: string;
  readonly text: string;
  readonly finish: 'stop' | 'length';
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface ScriptedProvider {
  /** For either protocol. */
  readonly url: string;
  readonly requests: readonly ScriptedRequest[];
  readonly bill: readonly BillLine[];
  readonly maxConcurrency: () => number;
  /** The number of connections opened so far. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** A provider over real HTTP that follows a script and keeps its own bill. */
export async function openScriptedProvider(script: Script = {}): Promise<ScriptedProvider> {
  const requests: ScriptedRequest[] = [];
  const bill: BillLine[] = [];
  const load = { now: 0, most: 0, connections: 0 };
  const server = createServer((request, response) => {
    load.now += 1;
    load.most = Math.max(load.most, load.now);
    response.once('close', () => (load.now -= 1));
    serve(request, response, script, requests, bill).catch(() => response.destroy());
  });
  server.on('connection', () => (load.connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    bill,
    maxConcurrency: () => load.most,
    connections: () => load.connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  incoming: IncomingMessage,
  response: ServerResponse,
  script: Script,
  requests: ScriptedRequest[],
  bill: BillLine[],
): Promise<void> {
  if (await script.fineTuning?.serve(incoming, response)) return;
  const wire = incoming.headers['anthropic-version'] === undefined ? openAiWire : anthropicWire;
  const path = (incoming.url ?? '').split('?')[0];
  const body = await readBody(incoming);
  const refuse = (...[status, code, message, param]: Refusal) =>
    json(response, status, wire.error(status, code, message, param));
  if (script.key !== undefined && readKey(incoming) !== script.key)
    refuse(401, 'invalid_api_key', 'Incorrect API key provided: sk-wrong***.');
  else if (path === '/v1/models')
    json(response, 200, { data: listModels(script).map((id) => ({ id })), has_more: false });
  else if (path === '/v1/embeddings')
    await embed(response, wire, script, {
      body,
      requestId: header(incoming, 'x-client-request-id'),
      headers: incoming.headers,
      requests,
      bill,
    });
  else if (path === '/v1/moderations' && script.moderation) {
    const text = String(body['input']);
    const asked = {
      ...unread,
      model: String(body['model']),
      prompt: text,
      requestId: header(incoming, 'x-client-request-id'),
      body,
    };
    const number = requests.push({ ...asked, headers: incoming.headers }) - 1;
    const fault = script.fault?.({ ...asked, headers: incoming.headers }, number) ?? null;
    if (fault?.kind === 'stall') return;
    if (fault?.kind === 'rateLimited' || fault?.kind === 'error')
      refuse(fault.kind === 'error' ? fault.status : 429, 'refused', 'not now');
    else
      json(response, 200, { id: 'modr-1', model: asked.model, results: [script.moderation(text)] });
  } else if (path === '/v1/rerank' && script.rerank)
    await rerank(response, wire, script, {
      body,
      requestId: header(incoming, 'x-client-request-id'),
      headers: incoming.headers,
      requests,
      bill,
    });
  else if (path !== wire.path) refuse(404, 'not_found', 'no such route');
  else {
    const asked = {
      ...wire.read(body),
      requestId: header(incoming, 'x-client-request-id'),
      body,
      headers: incoming.headers,
    };
    const number = requests.push(asked) - 1;
    const refused = refusal(script, asked);
    if (refused) refuse(...refused);
    else await answer(response, wire, script, asked, script.fault?.(asked, number) ?? null, bill);
  }
}

const unread = { maxTokens: 0, stream: false, wantsJson: false };

function listModels({ models = ['scripted'], fineTuning }: Script): readonly string[] {
  return [...models, ...(fineTuning?.models() ?? [])];
}

type Refusal = readonly [status: number, code: string, message: string, param?: string];

function refusal(
  script: Script,
  { model, prompt, maxTokens, body }: ScriptedRequest,
): Refusal | null {
  const { contextTokens = Number.POSITIVE_INFINITY } = script;
  if (!listModels(script).includes(model))
    return [404, 'model_not_found', `The model '${model}' does not exist`];
  const param =
    script.thoughts === undefined
      ? undefined
      : samplingParameters.find((name) => body[name] !== undefined && body[name] !== 1);
  if (param !== undefined)
    return [
      400,
      'unsupported_value',
      `Unsupported value: '${param}' is not supported with this model.`,
      param,
    ];
  if (words(prompt).length + maxTokens <= contextTokens) return null;
  return [
    400,
    'context_length_exceeded',
    `This model's maximum context length is ${contextTokens} tokens`,
  ];
}

const samplingParameters = ['temperature', 'top_p', 'seed', 'stop', 'stop_sequences'] as const;

async function answer(
  response: ServerResponse,
  wire: Wire,
  script: Script,
  asked: ScriptedRequest,
  fault: Fault | null,
  bill: BillLine[],
): Promise<void> {
  if (fault?.kind === 'rateLimited') {
    for (const [name, value] of Object.entries(fault.headers ?? {}))
      response.setHeader(name, value);
    json(response, 429, wire.error(429, 'rate_limit_exceeded', 'Rate limit reached'));
    return;
  }
  if (fault?.kind === 'error') {
    response
      .writeHead(fault.status, { 'content-type': 'text/html' })
      .end(fault.body ?? '<html>Bad gateway</html>');
    return;
  }
  await delayed(script, asked);
  const { model, requestId } = asked;
  const all = inPieces(script.answer?.(asked) ?? echo(asked));
  const { thoughts = 0 } = script;
  const pieces = all.slice(0, Math.max(0, asked.maxTokens - thoughts));
  const whole: WireAnswer = {
    model,
    text: pieces.join(''),
    finish: pieces.length < all.length ? 'length' : 'stop',
    promptTokens: words(asked.prompt).length,
    completionTokens: thoughts + pieces.length,
  };
  const completionTokens =
    fault !== null && 'afterTokens' in fault
      ? Math.min(fault.afterTokens, pieces.length)
      : whole.completionTokens;
  // Billed before the first byte, so a client that is killed meanwhile has a bill without an
  // answer.
  bill.push({ requestId, model, promptTokens: whole.promptTokens, completionTokens });
  const sending = { response, wire, answer: whole, fault };
  await (asked.stream
    ? sendStream({ ...sending, pieces, msPerToken: script.msPerToken ?? 0 })
    : sendWhole(sending));
}

async function delayed(script: Script, asked: ScriptedRequest): Promise<void> {
  const latency = script.latencyMs?.(asked) ?? 0;
  if (latency > 0) await sleep(latency);
  await script.held?.(asked);
}

/** The same vector for the same question, and a different one for another question. */
function echo({ prompt, model }: ScriptedRequest): string {
  const digest = createHash('sha256').update(`${model}\n${prompt}`).digest('hex');
  return `answer ${digest.slice(0, 8)} of ${words(prompt).length} words`;
}

interface EmbedRequest extends Pick<ScriptedRequest, 'body' | 'requestId' | 'headers'> {
  readonly requests: ScriptedRequest[];
  readonly bill: BillLine[];
}

/** Billed like answers: before the first byte. */
async function embed(
  response: ServerResponse,
  wire: Wire,
  script: Script,
  { requests, bill, ...sent }: EmbedRequest,
): Promise<void> {
  const texts = sent.body['input'] as readonly string[];
  const model = String(sent.body['model']);
  const asked = {
    ...sent,
    model,
    prompt: texts.join('\n'),
    maxTokens: 0,
    stream: false,
    wantsJson: false,
  };
  const number = requests.push(asked) - 1;
  const fault = script.fault?.(asked, number) ?? null;
  if (fault?.kind === 'rateLimited' || fault?.kind === 'error') {
    const status = fault.kind === 'error' ? fault.status : 429;
    json(response, status, wire.error(status, 'refused', 'no embeddings now'));
    return;
  }
  await delayed(script, asked);
  const promptTokens = words(asked.prompt).length;
  bill.push({ requestId: sent.requestId, model, promptTokens, completionTokens: 0 });
  if (fault !== null) response.destroy();
  else
    json(response, 200, embeddings(texts, sent.body['encoding_format'] === 'base64', promptTokens));
}

/** In llama-server's format; each document is billed with the question, like embeddings. */
async function rerank(
  response: ServerResponse,
  wire: Wire,
  script: Script,
  { requests, bill, ...sent }: EmbedRequest,
): Promise<void> {
  const [model, query, documents] = [
    String(sent.body['model']),
    String(sent.body['query']),
    sent.body['documents'] as readonly string[],
  ];
  const asked = { ...unread, ...sent, model, prompt: [query, ...documents].join('\n') };
  const number = requests.push(asked) - 1;
  const fault = script.fault?.(asked, number) ?? null;
  if (fault?.kind === 'stall') return;
  if (fault?.kind === 'rateLimited' || fault?.kind === 'error') {
    const status = fault.kind === 'error' ? fault.status : 429;
    json(response, status, wire.error(status, 'refused', 'no reranking now'));
    return;
  }
  await delayed(script, asked);
  const promptTokens = documents.reduce(
    (sum, text) => sum + words(query).length + words(text).length,
    0,
  );
  bill.push({ requestId: sent.requestId, model, promptTokens, completionTokens: 0 });
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
  json(response, 200, {
    model,
    object: 'list',
    usage,
    results: script.rerank?.({ query, documents }),
  });
}

function embeddings(texts: readonly string[], base64: boolean, promptTokens: number): unknown {
  const data = texts.map((text, index) => {
    const bytes = createHash('sha256').update(text).digest();
    const vector = Float32Array.from(bytes.subarray(0, 8), (byte) => byte / 255);
    return {
      index,
      embedding: base64 ? Buffer.from(vector.buffer).toString('base64') : [...vector],
    };
  });
  return {
    data: data.toReversed(),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}

export function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Words with the following space. */
function inPieces(text: string): readonly string[] {
  return text.match(/\S+\s*/g) ?? [];
}

async function readBody(incoming: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}

function readKey(incoming: IncomingMessage): string | null {
  return (
    header(incoming, 'x-api-key') ??
    header(incoming, 'authorization')?.replace(/^Bearer /, '') ??
    null
  );
}

function header(incoming: IncomingMessage, name: string): string | null {
  const value = incoming.headers[name];
  return typeof value === 'string' ? value : null;
}
