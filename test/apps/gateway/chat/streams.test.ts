import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { gatewayDefaults, type ChatLimits } from '../../../../apps/gateway/config';
import {
  parseInProgress,
  progressSuffix,
} from '../../../../apps/gateway/prediction-log/requests-in-progress';
import { createGateway, type Gateway } from '../../../../apps/gateway/server';
import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import type { ProviderSettings } from '../../../../domain/provider/settings';
import {
  openScriptedProvider,
  type Script,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { addKey, fakeArtifacts, fakeRegistry, noIndexes } from '../fakes';
import { until } from '../../../support/time/until';

interface World {
  readonly gateway: Gateway;
  readonly port: number;
  readonly key: string;
  /** Revoke the key. */
  revoke(): void;
  readonly provider: ScriptedProvider;
  /** The largest amount in bytes that was buffered for a client so far. */
  maxWaiting(): number;
  /** What would be counted if the gateway were killed. */
  inProgress(): ReturnType<typeof parseInProgress>;
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function inProgressIn(folder: string) {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths
    .filter((path) => path.endsWith(progressSuffix))
    .flatMap((path) => parseInProgress(readFileSync(join(folder, path), 'utf8')));
}

/** A gateway with one language application and a scripted provider. */
async function open(
  script: Script,
  limits: Partial<ChatLimits> = {},
  provider: Partial<ProviderSettings> = {},
  keyCacheSeconds: number = gatewayDefaults.keyCacheSeconds,
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-gateway-'));
  const scripted = await openScriptedProvider(script);
  const access: ModelAccess = openModelAccess(
    [{ ...settings, url: scripted.url, ...provider }],
    () => Promise.resolve(''),
  );
  const registry = fakeRegistry();
  const artifacts = fakeArtifacts();
  const config = {
    ...gatewayDefaults,
    keyCacheSeconds,
    port: 0,
    spoolDir: folder,
    pollSeconds: 0.05,
    chat: { ...gatewayDefaults.chat, ...limits },
  };
  const gateway = await createGateway({
    registry,
    artifacts,
    access,
    indexes: noIndexes,
    config,
    log: pino({ level: 'silent' }),
  });
  const sockets = new Set<Socket>();
  gateway.app.server.on('connection', (socket: Socket) => sockets.add(socket));
  let most = 0;
  const watching = setInterval(() => {
    for (const { writableLength } of sockets) most = Math.max(most, writableLength);
  }, 5);
  const manifest = await putBundle((bytes) => artifacts.put(bytes), {
    prompt: questionPrompt('Be long.'),
    base: { provider: 'scripted', model: 'scripted', adapter: null, standby: [] },
    sampling: { temperature: 0, topP: 1, maxTokens: 1_000_000, seed: null, stop: [] },
  });
  registry.route('wiki-assistant', [{ alias: 'champion', version: 1, manifest }]);
  const { url } = await gateway.start();
  closers.push(async () => {
    clearInterval(watching);
    await gateway.stop();
    await access.close();
    await scripted.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const [key, revoke] = [addKey(registry, 'viewer'), () => registry.keys.clear()];
  const world = {
    gateway,
    port: Number(new URL(url).port),
    key,
    revoke,
    provider: scripted,
    maxWaiting: () => most,
    inProgress: () => inProgressIn(join(folder, 'predictions')),
  };
  await until(async () => (await fetch(`${url}/readyz`)).ok);
  return world;
}

const settings: ProviderSettings = {
  name: 'scripted',
  protocol: 'openai',
  url: '',
  key: null,
  allowPrivateAddresses: true,
  limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 100 },
  tenantLimits: null,
  timeouts: { firstTokenMs: 10_000, totalMs: 20_000 },
  prices: {},
  thinkingTokens: {},
};

const pause = (ms: number) => new Promise((later) => setTimeout(later, ms));

interface Reader {
  readonly socket: Socket;
  /** All that was read so far. */
  text(): string;
  /** The end of it. */
  tail(): string;
  readonly ended: Promise<void>;
}

/** A client that controls when it reads. */
function ask({ port, key }: World, stream = true): Reader {
  const body = JSON.stringify({
    model: 'wiki-assistant',
    messages: [{ role: 'user', content: '?' }],
    stream,
  });
  const socket = connect({ port, host: '127.0.0.1' });
  let [text, tail] = ['', ''];
  socket.on('data', (bytes) => {
    text += bytes.toString();
    tail = (tail + bytes.toString()).slice(-2000);
  });
  socket.on('error', () => undefined);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return {
    socket,
    text: () => text,
    tail: () => tail,
    ended: new Promise((resolve) => socket.once('close', () => resolve())),
  };
}

const readContent = (text: string): string =>
  [...text.matchAll(/^data: (\{.*\})$/gm)]
    .map(
      ([, json]) =>
        (JSON.parse(json ?? '') as { choices?: { delta: { content?: string } }[] }).choices?.[0]
          ?.delta.content ?? '',
    )
    .join('');

async function fetchMetrics({ port }: World): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

async function openAnswers(world: World): Promise<number> {
  return Number(/^perennial_gateway_open_answers (\d+)$/m.exec(await fetchMetrics(world))?.[1]);
}

describe('a client that reads more slowly than the model writes', () => {
  // More than the system buffers for a connection, which is 10 MB here.
  const long = Array.from({ length: 40_000 }, (_, index) => `${index}${'x'.repeat(1000)}`).join(
    ' ',
  );

  test('gets everything, and the gateway buffers only a little', async () => {
    const world = await open({ answer: () => long });
    const reader = ask(world);
    await until(() => reader.tail() !== '');
    reader.socket.pause();
    await until(() => world.maxWaiting() > 0);
    await pause(1000);
    reader.socket.resume();
    await until(() => reader.tail().includes('[DONE]'));
    expect(readContent(reader.text()) === long).toBe(true);
    expect(world.maxWaiting()).toBeGreaterThan(0);
    expect(world.maxWaiting()).toBeLessThan(512 * 1024);
    reader.socket.destroy();
  });

  test('gets an error in its stream after reading nothing for too long', async () => {
    const world = await open({ answer: () => long }, { stallMs: 1500 });
    const reader = ask(world);
    await until(() => reader.tail() !== '');
    reader.socket.pause();
    await until(async () => /status="408"/.test(await fetchMetrics(world)));
    reader.socket.resume();
    await until(() => reader.tail().includes('ReaderStalled'));
    expect(reader.tail()).toContain('the client read nothing of this stream for 1.5 s');
    expect(reader.tail()).not.toContain('[DONE]');
    await until(async () => (await openAnswers(world)) === 0);
    reader.socket.destroy();
  });

  test('is disconnected when it never reads again', async () => {
    const world = await open({ answer: () => long }, { stallMs: 200 });
    const reader = ask(world);
    await until(() => reader.tail() !== '');
    reader.socket.pause();
    await until(async () => (await openAnswers(world)) === 1);
    await until(async () => (await openAnswers(world)) === 0);
    reader.socket.destroy();
  });
});

test('a caller that disconnects frees its place at the provider at once', async () => {
  const world = await open(
    { answer: () => 'word '.repeat(1000), msPerToken: 20 },
    {},
    { limits: { ...settings.limits, concurrency: 1 } },
  );
  const first = ask(world);
  await until(() => first.text().includes('word'));
  const second = ask(world);
  await pause(200);
  expect(second.text()).toBe('');
  first.socket.destroy();
  await until(() => second.text().includes('word'));
  second.socket.destroy();
});

test('a stream ends soon after its key is revoked', async () => {
  const world = await open({ answer: () => 'word '.repeat(1000), msPerToken: 20 }, {}, {}, 1);
  const reader = ask(world);
  await until(() => reader.text().includes('word'));
  world.revoke();
  await until(() => reader.text().includes('InvalidApiKey'));
  expect(reader.text()).toContain('was revoked or has expired');
  expect(reader.text()).not.toContain('[DONE]');
  reader.socket.destroy();
});

test('an interrupted provider stream is an error in the stream', async () => {
  const world = await open({
    answer: () => 'a b c d',
    fault: () => ({ kind: 'cut', afterTokens: 2 }),
  });
  const reader = ask(world);
  await until(() => reader.text().includes('"error"'));
  expect(readContent(reader.text())).toBe('a b ');
  expect(reader.text()).toContain('AnswerLost');
  expect(reader.text()).not.toContain('[DONE]');
  reader.socket.destroy();
});

const aSecond: Script = { msPerToken: 20, latencyMs: ({ stream }) => (stream ? 0 : 1000) };
const never = new Promise<void>(() => undefined);

test.each([
  ['streamed', true],
  ['whole', false],
])('answers beyond the limit are refused until a place is free: %s', async (_name, stream) => {
  let goOn: () => void = () => undefined;
  const refusedFirst = new Promise<void>((resolve) => (goOn = resolve));
  const world = await open(
    { answer: () => 'word '.repeat(5), held: () => refusedFirst },
    { maxAnswers: 2 },
  );
  const readers = [ask(world, stream), ask(world, stream)];
  await until(async () => (await openAnswers(world)) === 2);
  const [inProgress] = world.inProgress();
  expect(inProgress).toMatchObject({ model: 'wiki-assistant', requests: 2 });
  const third = ask(world, stream);
  await until(() => third.text().includes('TooManyAnswers'));
  expect(third.text()).toMatch(/^HTTP\/1\.1 503 /);
  expect(third.text()).toMatch(/^retry-after: 1\r$/im);
  expect(third.text()).toContain('this gateway already has 2 answers in progress, its limit');
  goOn();
  for (const reader of readers)
    await until(() => /\[DONE\]|"finish_reason":"stop"/.test(reader.text()));
  const later = ask(world, stream);
  await until(() => /^HTTP\/1\.1 200 /.test(later.text()));
  for (const { socket } of [...readers, third, later]) socket.destroy();
  await until(() => world.inProgress().length === 0);
});

describe('stopping a gateway', () => {
  test('completes answers in progress, accepts no new ones, and ends with the last', async () => {
    const world = await open({ answer: () => 'word '.repeat(50), ...aSecond });
    const readers = [ask(world), ask(world, false)];
    await until(() => readers[0]?.text().includes('word') ?? false);
    const stopped = world.gateway.stop();
    const refused = await fetch(`http://127.0.0.1:${world.port}/readyz`).then(
      ({ status }) => status,
      () => 'refused',
    );
    expect([503, 'refused']).toContain(refused);
    await Promise.all(readers.map(({ ended }) => ended));
    expect(readers[0]?.text()).toContain('[DONE]');
    expect(readers[1]?.text()).toContain('"finish_reason":"stop"');
    await stopped;
  });

  test('aborts answers that take longer with an error', async () => {
    const world = await open(
      {
        answer: () => 'word '.repeat(5000),
        msPerToken: 20,
        held: ({ stream }) => (stream ? null : never),
      },
      { drainMs: 300 },
    );
    const readers = [ask(world), ask(world, false)];
    await until(() => readers[0]?.text().includes('word') ?? false);
    await world.gateway.stop();
    await Promise.all(readers.map(({ ended }) => ended));
    for (const reader of readers) expect(reader.text()).toContain('GatewayStopping');
    expect(readers[0]?.text()).not.toContain('[DONE]');
    expect(readers[1]?.text()).toMatch(/^HTTP\/1\.1 503 /);
  });
});
