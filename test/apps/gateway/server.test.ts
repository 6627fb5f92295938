import { request as sendRequest } from 'node:http';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import pino from 'pino';
import { newId } from '../../../db/ids';
import { binaryNumbers, binaryTexts } from '../../../apps/gateway/inference/binary-tensors';
import { gatewayDefaults, type GatewayConfig } from '../../../apps/gateway/config';
import { createGateway, type Gateway } from '../../../apps/gateway/server';
import {
  addKey,
  fakeArtifacts,
  fakeRegistry,
  noIndexes,
  type FakeArtifacts,
  type FakeRegistry,
} from './fakes';
import type { RolloutId } from '../../../domain/ids';
import {
  distanceModel,
  distanceRequest,
  putModel,
  type TestModel,
} from '../../support/serving/served-models';
import { until } from '../../support/time/until';
import { metricsToken } from '../../support/serving/scrape';

let folder: string;
let registry: FakeRegistry;
let artifacts: FakeArtifacts;
let gateway: Gateway;
let url: string;
let viewer: string;
let operator: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-gateway-'));
  registry = fakeRegistry();
  artifacts = fakeArtifacts();
  viewer = addKey(registry, 'viewer');
  operator = addKey(registry, 'operator');
});

afterEach(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function register(version: number, bias: number) {
  const manifest = await putModel((bytes) => artifacts.put(bytes), distanceModel(bias));
  const ref = { model: 'flight-delay', version, manifest };
  registry.versions.set(`flight-delay@${version}`, ref);
  return ref;
}

async function promote(version: number, bias: number) {
  const ref = await register(version, bias);
  registry.route('flight-delay', [{ alias: 'champion', version, manifest: ref.manifest }]);
  return ref;
}

async function start(changes: Partial<GatewayConfig> = {}): Promise<void> {
  const config = {
    ...gatewayDefaults,
    port: 0,
    metricsToken,
    spoolDir: folder,
    pollSeconds: 0.05,
    ...changes,
  };
  gateway = await createGateway({
    registry,
    artifacts,
    access: { chat: notAsked, models: notAsked, rerank: notAsked, requireProvider: notAsked },
    indexes: noIndexes,
    config,
    log: pino({ level: 'silent' }),
  });
  ({ url } = await gateway.start());
}

const notAsked = () => {
  throw new Error('no model of this test is a language application');
};

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Record<string, unknown> & {
    outputs?: { name: string; datatype: string; shape: number[]; data: unknown[] }[];
    detail?: string;
  };
}

async function post(
  path: string,
  payload: unknown,
  options: { key?: string | null; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const key = options.key === undefined ? viewer : options.key;
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...options.headers,
    },
    body: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });
  return readAnswer(answer);
}

/** Sends bytes, with only the given headers. */
async function send(
  bytes: Buffer,
  headers: Record<string, string> = {},
  path = '/v2/models/flight-delay/infer',
): Promise<Answer> {
  return readAnswer(
    await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${viewer}`, ...headers },
      body: bytes,
    }),
  );
}

async function get(path: string, key: string | null = viewer): Promise<Answer> {
  return readAnswer(
    await fetch(url + path, { headers: key === null ? {} : { authorization: `Bearer ${key}` } }),
  );
}

async function readAnswer(answer: Response): Promise<Answer> {
  const headers = Object.fromEntries(answer.headers);
  const body =
    headers['content-type']?.includes('json') === true
      ? ((await answer.json()) as Answer['body'])
      : { text: await answer.text() };
  return { status: answer.status, headers, body };
}

const ask = (): Promise<Answer> => post('/v2/models/flight-delay/infer', one);

const one = distanceRequest([{ carrier: 'AA', distance: 100 }]);

describe('a gateway whose disk fails', () => {
  test('shows it until the disk can be written', async () => {
    await promote(7, 10);
    await start();
    const [own = ''] = readdirSync(join(folder, 'predictions'));
    const path = join(folder, 'predictions', own);
    const metric = async () => String((await get('/metrics', metricsToken)).body['text']);
    expect((await get('/readyz', null)).body).toMatchObject({ journalFails: false });

    rmSync(path, { recursive: true });
    writeFileSync(path, '');
    expect((await ask()).status).toBe(200);
    expect((await get('/readyz', null)).body).toMatchObject({ journalFails: true });
    expect(await metric()).toContain('\nperennial_gateway_journal_failing 1\n');
    rmSync(path);
    await until(async () => (await get('/readyz', null)).body['journalFails'] === false);
    expect(await metric()).toContain('\nperennial_gateway_journal_failing 0\n');
  });
});

describe('a gateway that has just started', () => {
  test('answers 503 with Retry-After until it has read its routing table, on every path with a model', async () => {
    await promote(7, 10);
    const { routing } = registry;
    const stored = await routing.table();
    let giveTable: () => void = () => undefined;
    const given = new Promise<void>((resolve) => (giveTable = resolve));
    routing.table = () => given.then(() => stored);
    await start();
    const requests: readonly (() => Promise<Answer>)[] = [
      ask,
      () => post('/v2/models/flight-delay@champion/infer', one),
      () => post('/v2/models/flight-delay@previous/infer', one),
      () => get('/v2/models/flight-delay'),
      () => get('/v2/models/flight-delay/ready'),
      () => get('/v1/models'),
      () => get('/v1/models/flight-delay'),
      () =>
        post('/v1/chat/completions', {
          model: 'flight-delay',
          messages: [{ role: 'user', content: 'hello' }],
        }),
    ];
    for (const send of requests) {
      const { status, headers } = await send();
      expect({ status, retryAfter: headers['retry-after'] }).toEqual({
        status: 503,
        retryAfter: '1',
      });
    }
    giveTable();
    await until(async () => (await ask()).status === 200);
    expect((await post('/v2/models/flight-delay@previous/infer', one)).status).toBe(404);
    expect((await post('/v2/models/nosuch/infer', one)).status).toBe(404);
  });
});

test('a previous version that is not loaded is loaded when its alias is named', async () => {
  const before = await register(6, 10);
  const { manifest } = await register(7, 20);
  const previous = { model: 'flight-delay', version: 6, manifest: before.manifest, keepSeconds: 0 };
  registry.route('flight-delay', [{ alias: 'champion', version: 7, manifest }], { previous });
  await start();
  await until(async () => (await ask()).status === 200);
  const { status, body } = await post('/v2/models/flight-delay@previous/infer', one);
  expect({ status, version: body['model_version'] }).toEqual({ status: 200, version: '6' });
});

describe('an answer', () => {
  test('has the score, the version, the prediction and the trace', async () => {
    const { manifest } = await promote(7, 10);
    await start();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { status, headers, body } = await post(
      '/v2/models/flight-delay/infer',
      { ...one, id: 'mine' },
      { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } },
    );
    expect(status).toBe(200);
    const predictionId = String(headers['x-perennial-prediction-id']);
    expect(body).toEqual({
      model_name: 'flight-delay',
      model_version: '7',
      id: 'mine',
      outputs: [
        { name: 'score', datatype: 'FP64', shape: [1, 1], data: [expect.closeTo(10.6, 4)] },
        { name: 'prediction_id', datatype: 'BYTES', shape: [1, 1], data: [predictionId] },
      ],
    });
    expect(predictionId).toMatch(/^pred_[0-9a-z]{26}$/);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-perennial-model-version': 'flight-delay@7',
      'x-perennial-model-digest': manifest.digest,
      traceparent: expect.stringContaining(`00-${traceId}-`) as string,
    });
    expect(headers).not.toHaveProperty('x-perennial-stale');
  });

  test('that takes too long is a 504', async () => {
    await promote(7, 10);
    await start({ requestTimeoutMs: { usual: 0, of: {} } });
    const { status, body } = await ask();
    expect(status).toBe(504);
    expect(body.detail).toBe(
      'flight-delay did not answer within the request timeout of this gateway',
    );
  });

  test.each([
    { limits: { usual: 10_000, of: { 'flight-delay': 0 } }, status: 504 },
    { limits: { usual: 0, of: { 'flight-delay': 10_000 } }, status: 200 },
  ])('has the time of its own model', async ({ limits, status }) => {
    await promote(7, 10);
    await start({ requestTimeoutMs: limits });
    expect(await ask()).toMatchObject({ status });
  });

  test('keeps the order of many rows and passes missing values to the graph', async () => {
    await promote(7, 10);
    await start();
    const rows = Array.from({ length: 700 }, (_, index) => ({
      carrier: index % 2 === 0 ? 'AA' : null,
      distance: index % 3 === 0 ? null : index,
    }));
    const { body } = await post('/v2/models/flight-delay/infer', distanceRequest(rows));
    const [score, ids] = body.outputs ?? [];
    expect(score?.shape).toEqual([700, 1]);
    expect(score?.data).toEqual(
      rows.map(
        ({ carrier, distance }) =>
          expect.closeTo(10 + (carrier === null ? 0 : 0.5) + (distance ?? 0) / 1000, 3) as number,
      ),
    );
    expect(new Set(ids?.data).size).toBe(700);
  });

  test('is logged with the request and the version', async () => {
    await promote(7, 10);
    await start();
    const { headers } = await post('/v2/models/flight-delay/infer', {
      ...one,
      parameters: { entity: 'N14228', event_time: '2013-07-01T09:00:00Z' },
    });
    await post('/v2/models/flight-delay@7/infer', one);
    await gateway.stop();
    expect(registry.inserted).toMatchObject([
      {
        tenant: 'default',
        id: headers['x-perennial-prediction-id'],
        model: 'flight-delay',
        version: 7,
        arm: 'champion',
        entity: 'N14228',
        eventTime: '2013-07-01T09:00:00Z',
        input: { carrier: 'AA', distance: 100 },
        output: { score: expect.closeTo(10.6, 4) as number },
        rollout: null,
        other: null,
      },
      { version: 7, arm: 'direct', entity: null, eventTime: null },
    ]);
  });

  test('is logged as a probe only for the platform', async () => {
    await promote(7, 10);
    await start();
    const headers = { 'x-perennial-probe': 'parity' };
    for (const key of [operator, viewer])
      await post('/v2/models/flight-delay@7/infer', one, { key, headers });
    await post('/v2/models/flight-delay/infer', one, { key: operator, headers });
    await gateway.stop();
    expect(registry.inserted.map(({ arm }) => arm)).toEqual(['probe', 'direct', 'champion']);
  });

  test('uses features.sql when the features are not plain columns', async () => {
    const manifest = await putModel((bytes) => artifacts.put(bytes), {
      graph: { bias: 0, weights: { airline: { aa: 5 }, kilometres: 1 }, link: 'identity' },
      request: [
        { name: 'carrier', type: 'string' },
        { name: 'distance', type: 'number' },
      ],
      sql: 'SELECT lower(carrier) AS airline, distance * 1.5 AS kilometres FROM request',
    });
    registry.route('flight-delay', [{ alias: 'champion', version: 1, manifest }]);
    await start();
    const answers = await Promise.all(
      [2, 4, 6].map((distance) =>
        post(
          '/v2/models/flight-delay/infer',
          distanceRequest([
            { carrier: 'AA', distance },
            { carrier: null, distance: null },
          ]),
        ),
      ),
    );
    expect(answers.map(({ body }) => body.outputs?.[0]?.data)).toEqual([
      [8, 0],
      [11, 0],
      [14, 0],
    ]);
  });
});

describe('a request that the champion cannot answer', () => {
  test('is reported to its monitor, and one that the caller got wrong as refused', async () => {
    const manifest = await putModel((bytes) => artifacts.put(bytes), {
      ...distanceModel(1),
      sql: 'SELECT carrier, CAST(carrier AS DOUBLE) AS distance FROM request',
    });
    registry.route('flight-delay', [{ alias: 'champion', version: 7, manifest }]);
    await start();
    const two = distanceRequest([
      { carrier: 'AA', distance: 100 },
      { carrier: 'AA', distance: 200 },
    ]);
    for (const request of [one, two]) {
      const failed = await post('/v2/models/flight-delay/infer', request);
      expect(failed.status).toBe(422);
    }
    const wrong = await post('/v2/models/flight-delay/infer', { rows: [{}, {}] });
    expect(wrong.status).toBe(400);
    await gateway.stop();
    const of = { model: 'flight-delay', version: 7 };
    expect(registry.failures).toMatchObject([
      { ...of, reason: 'failed', failed: 3 },
      { ...of, reason: 'refused', column: null, failed: 1 },
      { ...of, reason: 'missing', column: 'carrier', failed: 1 },
      { ...of, reason: 'missing', column: 'distance', failed: 1 },
    ]);
  });
});

describe('the version that answers', () => {
  test('the champion, an alias, a number in the name or in the path', async () => {
    await register(3, 30);
    await promote(7, 70);
    await start();
    const asked = [
      'flight-delay',
      'flight-delay@champion',
      'flight-delay@7',
      'flight-delay@3',
      'flight-delay/versions/3',
    ];
    const answers = await Promise.all(asked.map((name) => post(`/v2/models/${name}/infer`, one)));
    expect(answers.map(({ headers }) => headers['x-perennial-model-version'])).toEqual(
      [7, 7, 7, 3, 3].map((version) => `flight-delay@${version}`),
    );
    expect(answers.map(({ body }) => Math.floor(Number(body.outputs?.[0]?.data[0])))).toEqual([
      70, 70, 70, 30, 30,
    ]);
  });

  test.each([
    [
      '/v2/models/flight-dealy/infer',
      404,
      'no model `flight-dealy` has a champion; did you mean `flight-delay`?',
    ],
    ['/v2/models/flight-delay@9/infer', 404, 'there is no flight-delay@9'],
    [
      '/v2/models/flight-delay@best/infer',
      400,
      '`best` is not a version of flight-delay; expected a number, or champion, challenger, previous',
    ],
    ['/v2/models/flight-delay@challenger/infer', 404, 'flight-delay has no challenger'],
    [
      '/v2/models/flight-delay@7/versions/7/infer',
      400,
      '`flight-delay@7` already names a version; drop either `@7` or `/versions/7`',
    ],
  ])('%s → %i', async (path, expected, detail) => {
    await promote(7, 70);
    await start();
    const { status, headers, body } = await post(path, one);
    expect({ status, detail: body.detail }).toEqual({ status: expected, detail });
    expect(headers['content-type']).toBe('application/json');
  });

  test('a promotion takes effect with its notification', async () => {
    await promote(1, 10);
    await start({ pollSeconds: 60 });
    await promote(2, 20);
    await until(
      async () => (await ask()).headers['x-perennial-model-version'] === 'flight-delay@2',
    );
    await until(() => registry.beats.at(-1)?.epoch === 2);
  });

  test('bytes that do not match the digest are refused, and the old champion answers, marked stale', async () => {
    await promote(1, 10);
    await start();
    const ref = await register(2, 20);
    artifacts.replace(ref.manifest, Buffer.from('{}'));
    registry.route('flight-delay', [{ alias: 'champion', version: 2, manifest: ref.manifest }]);
    await until(async () => (await get('/readyz', null)).body['blockedModels'] === 1);
    const { status, headers } = await post('/v2/models/flight-delay/infer', one);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'x-perennial-model-version': 'flight-delay@1',
      'x-perennial-stale': 'not-loaded',
    });
    expect((await get('/readyz')).body).toMatchObject({
      status: 'ready',
      epoch: 1,
      blocked: [{ name: 'flight-delay@2' }],
    });
    expect(registry.beats.at(-1)).toEqual({ epoch: 1 });
    const direct = await post('/v2/models/flight-delay@2/infer', one);
    expect(direct.status).toBe(503);
    expect(direct.body).toMatchObject({
      code: 'DigestMismatch',
      detail: expect.stringContaining('the manifest of flight-delay is sha256:') as string,
    });
  });

  test('without a version that can be loaded the answer is 503 with the reason', async () => {
    const ref = await register(1, 10);
    artifacts.replace(ref.manifest, Buffer.from('{}'));
    registry.route('flight-delay', [{ alias: 'champion', version: 1, manifest: ref.manifest }]);
    await start();
    const { status, body } = await post('/v2/models/flight-delay/infer', one);
    expect(status).toBe(503);
    // The other models are not affected.
    expect((await get('/readyz')).body).toMatchObject({
      status: 'ready',
      epoch: 1,
      blocked: [{ name: 'flight-delay@1' }],
    });
    expect(body.detail).toMatch(
      /^flight-delay@1 cannot be served here: the manifest of flight-delay is sha256:/,
    );
  });
});

describe('a rollout', () => {
  const rollout = (besides: boolean, step = 1) => ({
    rollout: { id: 'roll_1' as RolloutId, step, besides },
  });
  const entities = Array.from({ length: 40 }, (_, index) => `N${index}`);

  async function open(
    weight: number,
    { besides, test }: { readonly besides: boolean; readonly test?: TestModel },
  ): Promise<void> {
    const champion = await register(1, 10);
    const manifest = await putModel((bytes) => artifacts.put(bytes), test ?? distanceModel(20));
    registry.route(
      'flight-delay',
      [
        { alias: 'challenger', version: 2, weight, manifest },
        { alias: 'champion', version: 1, weight: 1 - weight, manifest: champion.manifest },
      ],
      rollout(besides),
    );
  }

  async function askAll(): Promise<readonly Answer[]> {
    const answers = await Promise.all(
      entities.map((entity) =>
        post('/v2/models/flight-delay/infer', { ...one, parameters: { entity } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(entities.map(() => 200));
    return answers;
  }
  const listVersions = (answers: readonly Answer[]) =>
    answers.map(({ headers }) => headers['x-perennial-model-version']);

  /** Needs a column in addition to those that callers send. */
  const demanding: TestModel = {
    ...distanceModel(30),
    request: [...distanceModel(30).request, { name: 'seats', type: 'number' }],
    sql: 'SELECT carrier, distance + 0 * seats AS distance FROM request',
  };

  test('gives its challenger a fixed share of the entities and records the step in each row', async () => {
    await open(0.5, { besides: false });
    await start();
    const first = listVersions(await askAll());
    expect(new Set(first)).toEqual(new Set(['flight-delay@1', 'flight-delay@2']));
    expect(listVersions(await askAll())).toEqual(first);
    await gateway.stop();
    expect(registry.inserted).toHaveLength(80);
    for (const row of registry.inserted) {
      expect(row).toMatchObject({
        arm: row.version === 1 ? 'champion' : 'challenger',
        rollout: { id: 'roll_1', step: 1 },
        other: null,
      });
    }
  });

  test('also scores with the arm that did not answer, and stores both scores in one row', async () => {
    await open(0.5, { besides: true });
    await start();
    await askAll();
    await gateway.stop();
    expect(registry.inserted).toHaveLength(40);
    const scores = { 1: expect.closeTo(10.6, 4) as number, 2: expect.closeTo(20.6, 4) as number };
    for (const { version, output, other } of registry.inserted) {
      const answered = version === 1 ? 1 : 2;
      const asked = answered === 1 ? 2 : 1;
      expect({ output, other }).toEqual({
        output: { score: scores[answered] },
        other: {
          version: asked,
          role: 'shadow',
          score: scores[asked],
          error: null,
          latencyMs: expect.any(Number) as number,
        },
      });
    }
    expect(new Set(registry.inserted.map(({ version }) => version))).toEqual(new Set([1, 2]));
  });

  test('lets the champion answer what the challenger fails, names the champion, and counts the failure', async () => {
    await open(0.5, { besides: true, test: demanding });
    await start();
    expect(new Set(listVersions(await askAll()))).toEqual(new Set(['flight-delay@1']));
    const { text } = (await get('/metrics', metricsToken)).body;
    expect(text).toMatch(
      /perennial_gateway_challenger_failures_total\{tenant="default",model="flight-delay",version="2"\} [1-9]/,
    );
    await gateway.stop();
    const fell = registry.inserted.filter(({ other }) => other?.role === 'fallback');
    expect(fell.length).toBeGreaterThan(5);
    const error = {
      version: 2,
      score: null,
      error: 'InvalidInput',
      latencyMs: expect.any(Number) as number,
    };
    for (const row of registry.inserted) {
      expect(row).toMatchObject({
        version: 1,
        arm: 'champion',
        rollout: { id: 'roll_1' },
        other: error,
      });
    }
  });

  test('does not count an error of the caller as a failure', async () => {
    await open(1, { besides: true });
    await start();
    const { status, body } = await post('/v2/models/flight-delay/infer', {
      inputs: [one.inputs[0]],
    });
    expect({ status, code: body['code'] }).toEqual({ status: 400, code: 'InvalidInput' });
    expect((await get('/metrics', metricsToken)).body['text']).not.toMatch(
      /challenger_failures_total\{/,
    );
    await gateway.stop();
    expect(registry.inserted).toEqual([]);
  });

  test('does not apply to a version that is named', async () => {
    await open(1, { besides: true });
    await start();
    await post('/v2/models/flight-delay@champion/infer', one);
    await gateway.stop();
    expect(registry.inserted).toMatchObject([{ version: 1, rollout: null, other: null }]);
  });

  test('stops in a gateway whose lease has expired: only the champion answers, marked stale', async () => {
    await open(1, { besides: true });
    await start({ leaseSeconds: 0.3, keyCacheSeconds: 0 });
    expect((await ask()).headers['x-perennial-model-version']).toBe('flight-delay@2');
    registry.away = true;
    await until(async () => (await ask()).headers['x-perennial-stale'] === 'lease');
    const alone = await ask();
    expect(alone.headers['x-perennial-model-version']).toBe('flight-delay@1');
    registry.away = false;
    await until(
      async () => (await ask()).headers['x-perennial-model-version'] === 'flight-delay@2',
    );
    await until(() =>
      registry.inserted.some(({ id }) => id === alone.headers['x-perennial-prediction-id']),
    );
    const row = registry.inserted.find(
      ({ id }) => id === alone.headers['x-perennial-prediction-id'],
    );
    expect(row).toMatchObject({ version: 1, rollout: null, other: null });
  });
});

describe('while the registry is not available', () => {
  test('the last known champion answers, marked stale after the lease, and predictions wait on disk', async () => {
    await promote(1, 10);
    await start({ leaseSeconds: 0.3, keyCacheSeconds: 0 });
    await post('/v2/models/flight-delay/infer', one);
    registry.away = true;
    await until(async () => (await ask()).headers['x-perennial-stale'] === 'lease');
    const away = await ask();
    expect(away.status).toBe(200);
    expect(away.headers['x-perennial-stale']).toBe('lease');
    await until(async () => Number((await get('/readyz', null)).body['spilledBytes']) > 0);
    expect((await get('/readyz', null)).body).toMatchObject({ status: 'ready', leaseSeconds: 0 });
    registry.away = false;
    await until(async () => !('x-perennial-stale' in (await ask()).headers));
    await until(() =>
      registry.inserted.some(({ id }) => id === away.headers['x-perennial-prediction-id']),
    );
  });

  test('a version that is not loaded cannot be found', async () => {
    await register(3, 30);
    await promote(1, 10);
    await start();
    await post('/v2/models/flight-delay/infer', one);
    registry.away = true;
    const { status, headers } = await post('/v2/models/flight-delay@3/infer', one);
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('1');
  });

  test('the gateway is not ready before it has read a table', async () => {
    registry.away = true;
    await start();
    expect((await get('/readyz', null)).status).toBe(503);
    expect((await get('/livez', null)).status).toBe(200);
    registry.away = false;
    await until(async () => (await get('/v2/health/ready', null)).status === 200);
  });
});

describe('invalid input', () => {
  beforeEach(async () => {
    await promote(7, 10);
    await start({ bodyLimitBytes: 20_000 });
  });

  test('gets a problem that names the tensor', async () => {
    const { status, headers, body } = await post('/v2/models/flight-delay/infer', {
      inputs: [one.inputs[0]],
    });
    expect(status).toBe(400);
    // KServe's client reads `error` only with this media type.
    expect(headers['content-type']).toBe('application/json');
    const detail =
      'tensor `distance` is missing; expected datatype FP64 or another numeric datatype and shape [rows, 1]';
    expect(body).toMatchObject({
      type: 'https://perennial.dev/problems/InvalidInput',
      status: 400,
      code: 'InvalidInput',
      detail,
      error: detail,
      errors: [{ pointer: '/inputs' }],
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    });
  });

  test.each([
    [
      'text that is not JSON',
      '{"inputs": [secret',
      400,
      'InvalidJson',
      /^the body is not valid JSON: (?!.*secret)/,
    ],
    [
      'half a body',
      '{"inputs": ',
      400,
      'InvalidJson',
      /^the body is not valid JSON: Unexpected end of JSON input$/,
    ],
    ['nothing', '', 400, 'InvalidJson', /^the body is not valid JSON/],
    [
      'too much',
      `"${'x'.repeat(20_000)}"`,
      413,
      'BodyTooLarge',
      /^the body is 20002 bytes; the limit is 20000 bytes/,
    ],
  ])('%s', async (_name, payload, expected, code, detail) => {
    const { status, body } = await post('/v2/models/flight-delay/infer', payload);
    expect({ status, code: body['code'] }).toEqual({ status: expected, code });
    expect(body.detail).toMatch(detail);
  });

  test('of another media type is refused', async () => {
    const answer = await post('/v2/models/flight-delay/infer', 'a=b', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.status).toBe(415);
  });

  test('with an unknown content encoding is refused', async () => {
    const answer = await post('/v2/models/flight-delay/infer', one, {
      headers: { 'content-encoding': 'br' },
    });
    expect(answer.body).toMatchObject({
      status: 415,
      error: expect.stringMatching(/^a body in br is not supported; use gzip/) as string,
    });
  });

  test('that exceeds the limit when decompressed is refused', async () => {
    const answer = await send(gzipSync('['.repeat(1_000_000)), { 'content-encoding': 'gzip' });
    expect(answer.body).toMatchObject({ status: 413, code: 'BodyTooLarge' });
  });

  test.each([
    ['an inference request', '/v2/models/flight-delay/infer', () => viewer],
    ['feedback', '/v1/feedback', () => operator],
    ['a chat request', '/v1/chat/completions', () => viewer],
  ])('with invalid UTF-8 in %s is refused', async (_name, path, key) => {
    const bytes = Buffer.concat([
      Buffer.from('{"inputs":[{"name":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}]}'),
    ]);
    const answer = await send(
      bytes,
      { 'content-type': 'application/json', authorization: `Bearer ${key()}` },
      path,
    );
    expect(answer.body).toMatchObject({ status: 400, code: 'InvalidUtf8' });
  });

  test('with a wrong method is a 405 that names the right ones', async () => {
    const answer = await get('/v2/models/flight-delay/infer');
    expect(answer.headers['allow']).toBe('POST');
    expect(answer.body).toMatchObject({
      status: 405,
      code: 'MethodNotAllowed',
      error: 'GET is not allowed for /v2/models/flight-delay/infer; use POST',
    });
    expect((await post('/livez', {})).headers['allow']).toBe('GET, HEAD');
  });

  test('with an unknown path is a 404 that names it', async () => {
    expect((await post('/v2/models/flight-delay/predict', one)).body).toMatchObject({
      status: 404,
      code: 'NoSuchRoute',
      detail: 'no POST /v2/models/flight-delay/predict',
    });
  });

  test('is counted', async () => {
    await post('/v2/models/flight-delay/infer', {});
    await post('/v2/models/flight-delay/infer', one);
    const { body } = await get('/metrics', metricsToken);
    expect(body['text']).toContain(
      'perennial_gateway_requests_total{tenant="default",model="",version="",arm="",status="400"} 1',
    );
    expect(body['text']).toContain(
      'perennial_gateway_requests_total{tenant="default",model="flight-delay",version="7",arm="champion",status="200"} 1',
    );
    expect(body['text']).toContain('perennial_gateway_models_loaded 1');
    expect(body['text']).toContain('perennial_gateway_stale 0');
  });
});

describe('a request of a stock client of the Open Inference Protocol', () => {
  beforeEach(async () => {
    await promote(7, 10);
    await start();
  });

  test('is read without a content type', async () => {
    const answer = await send(Buffer.from(JSON.stringify(one)));
    expect(answer.body.outputs?.[0]?.data).toEqual([expect.closeTo(10.6, 4)]);
  });

  test('may be compressed, and a long answer is compressed if the client accepts it', async () => {
    const rows = Array.from({ length: 200 }, () => ({ carrier: 'AA', distance: 100 }));
    for (const [coding, compress] of [
      ['gzip', gzipSync] as const,
      ['deflate', deflateSync] as const,
    ]) {
      const body = compress(JSON.stringify(distanceRequest(rows)));
      const answer = await send(body, { 'content-encoding': coding, 'accept-encoding': coding });
      expect(answer.headers['content-encoding']).toBe(coding);
      expect(answer.body.outputs?.[0]?.data).toHaveLength(200);
    }
    expect(
      (await send(Buffer.from(JSON.stringify(one)), { 'accept-encoding': 'gzip' })).headers[
        'content-encoding'
      ],
    ).toBeUndefined();
  });

  test('may have binary tensors, and gets them if it asks for them', async () => {
    const tensors = [binaryTexts(['AA', 'B6']), binaryNumbers(Float64Array.of(100, NaN))];
    const json = JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: [
        {
          name: 'carrier',
          datatype: 'BYTES',
          shape: [2],
          parameters: { binary_data_size: tensors[0]?.length },
        },
        {
          name: 'distance',
          datatype: 'FP64',
          shape: [2],
          parameters: { binary_data_size: tensors[1]?.length },
        },
      ],
    });
    const answer = await fetch(`${url}/v2/models/flight-delay/infer`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${viewer}`,
        'inference-header-content-length': String(json.length),
      },
      body: Buffer.concat([Buffer.from(json), ...tensors]),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    const bytes = Buffer.from(await answer.arrayBuffer());
    const head = Number(answer.headers.get('inference-header-content-length'));
    expect(JSON.parse(bytes.toString('utf8', 0, head))).toMatchObject({
      outputs: [
        { name: 'score', shape: [2, 1], parameters: { binary_data_size: 16 } },
        { name: 'prediction_id', shape: [2, 1], parameters: { binary_data_size: 70 } },
      ],
    });
    expect([bytes.readDoubleLE(head), bytes.readDoubleLE(head + 8)]).toEqual([
      expect.closeTo(10.6, 4),
      10,
    ]);
    expect(bytes.toString('utf8', head + 20, head + 25)).toBe('pred_');
  });

  test('may hold the NaN that Python writes for a missing number', async () => {
    const body = JSON.stringify(distanceRequest([{ carrier: 'NaN', distance: null }])).replace(
      'null',
      'NaN',
    );
    expect((await send(Buffer.from(body))).body.outputs?.[0]?.data).toEqual([10]);
  });

  test('may be rows of plain JSON objects', async () => {
    const answer = await post('/v2/models/flight-delay/infer', {
      rows: [{ carrier: 'AA', distance: 100, tailnum: 'N14228' }],
    });
    expect(answer.body.outputs?.[0]?.data).toEqual([expect.closeTo(10.6, 4)]);
    await gateway.stop();
    expect(registry.inserted).toMatchObject([
      { entity: 'N14228', input: { carrier: 'AA', distance: 100 } },
    ]);
  });
});

describe('authorization', () => {
  beforeEach(async () => {
    await promote(7, 10);
    await start();
  });

  test.each([
    ['no key', null, 401, 'MissingApiKey'],
    ['a wrong key', 'pk_wrong', 401, 'InvalidApiKey'],
  ])('%s → %i', async (_name, key, expected, code) => {
    for (const path of ['/v2/models/flight-delay/infer', '/v1/feedback', '/internal/probe']) {
      const { status, body } = await post(path, one, { key });
      expect({ status, code: body['code'] }).toEqual({ status: expected, code });
    }
    expect((await get('/v2', key)).status).toBe(expected);
  });

  test('a viewer may infer but not label or probe', async () => {
    expect((await post('/v2/models/flight-delay/infer', one, { key: viewer })).status).toBe(200);
    const refused = await post('/v1/feedback', {}, { key: viewer });
    expect(refused.body).toMatchObject({
      status: 403,
      detail: 'POST /v1/feedback requires the scope operator; the key the viewer has viewer',
    });
    expect((await post('/internal/probe', {}, { key: viewer })).status).toBe(403);
  });

  test('health and metrics need no key', async () => {
    for (const path of ['/livez', '/readyz', '/metrics', '/v2/health/live', '/v2/health/ready'])
      expect((await get(path, null)).status).toBe(200);
  });

  test.each(['evil.example', 'evil.example:8710', '169.254.169.254'])(
    'the Host %s opens no route without a key',
    async (host) => {
      const status = (headers: Readonly<Record<string, string>>): Promise<number> =>
        new Promise((resolve, reject) => {
          sendRequest(`${url}/v2/models/flight-delay`, { headers }, (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          })
            .once('error', reject)
            .end();
        });
      expect(await status({ host })).toBe(401);
      expect(await status({ host, authorization: `Bearer ${viewer}` })).toBe(200);
    },
  );

  test('the key may be sent as X-API-Key', async () => {
    expect(
      (
        await post('/v2/models/flight-delay/infer', one, {
          key: null,
          headers: { 'x-api-key': viewer },
        })
      ).status,
    ).toBe(200);
  });
});

describe('metadata', () => {
  test('describes the inputs of a model', async () => {
    const { manifest } = await promote(7, 10);
    await register(8, 20);
    await start();
    expect((await get('/v2')).body).toMatchObject({
      name: 'perennial',
      version: expect.stringMatching(/^\d/) as string,
    });
    const model = {
      name: 'flight-delay',
      versions: ['7'],
      platform: 'onnxruntime_onnx',
      inputs: [
        { name: 'carrier', datatype: 'BYTES', shape: [-1, 1], parameters: { type: 'string' } },
        { name: 'distance', datatype: 'FP64', shape: [-1, 1], parameters: { type: 'number' } },
      ],
      outputs: [
        {
          name: 'score',
          datatype: 'FP64',
          shape: [-1, 1],
          parameters: { meaning: 'predicted value' },
        },
        { name: 'prediction_id', datatype: 'BYTES', shape: [-1, 1] },
      ],
      parameters: { digest: manifest.digest, entity: 'tailnum', event_time: 'scheduled_at' },
    };
    expect((await get('/v2/models/flight-delay')).body).toEqual(model);
    expect((await get('/v2/models/flight-delay/versions/8')).body).toMatchObject({
      versions: ['8'],
    });
    expect((await get('/v2/models/flight-delay/ready')).body).toMatchObject({
      ready: true,
      version: '7',
    });
    expect((await get('/v2/models/flight-delay/versions/9/ready')).status).toBe(404);
  });
});

describe('probe', () => {
  test('loads a version and returns its digest', async () => {
    await promote(7, 10);
    const { manifest } = await register(8, 20);
    await start();
    expect(
      (
        await post(
          '/internal/probe',
          { tenant: 'default', model: 'flight-delay', version: 8 },
          { key: operator },
        )
      ).body,
    ).toEqual({
      model: 'flight-delay',
      version: 8,
      digest: manifest.digest,
    });
  });

  test('returns why a version cannot be served', async () => {
    const manifest = await putModel((bytes) => artifacts.put(bytes), {
      ...distanceModel(1),
      sql: 'SELECT carrier, random() AS distance FROM request',
    });
    registry.versions.set('flight-delay@8', { model: 'flight-delay', version: 8, manifest });
    await start();
    const { status, body } = await post(
      '/internal/probe',
      { model: 'flight-delay', version: 8 },
      { key: operator },
    );
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'SqlForbidden' });
  });

  test.each([
    [{}, 400],
    [{ model: 'flight-delay', version: 0 }, 400],
    [{ model: 'flight-delay', version: 99 }, 404],
    [{ tenant: 'other', model: 'flight-delay', version: 7 }, 403],
  ])('%j → %i', async (payload, expected) => {
    await promote(7, 10);
    await start();
    expect((await post('/internal/probe', payload, { key: operator })).status).toBe(expected);
  });
});

describe('feedback', () => {
  /** The id of a recent prediction that is not stored yet. */
  const early = newId('pred');

  test('joins a label to its prediction, or keeps it until the prediction is stored', async () => {
    await promote(7, 10);
    await start();
    const { headers } = await post('/v2/models/flight-delay/infer', one);
    const predictionId = headers['x-perennial-prediction-id'];
    await until(() => registry.inserted.length === 1);
    const send = (payload: unknown) => post('/v1/feedback', payload, { key: operator });
    expect((await send({ predictionId, label: true })).body).toEqual({
      accepted: 1,
      joined: 1,
      waiting: 0,
      stored: 0,
      unknown: 0,
      contradictory: 0,
    });
    expect(
      (
        await send([
          { predictionId, label: 1, labelledAt: '2013-07-01T09:00:00Z' },
          { predictionId: early, label: false },
        ])
      ).body,
    ).toEqual({
      accepted: 2,
      joined: 1,
      waiting: 1,
      stored: 0,
      unknown: 0,
      contradictory: 0,
    });
    expect(registry.labels.get(early as never)).toBe(false);
  });

  test('that differs from an earlier label is contradictory, in the answer and in a metric', async () => {
    await start();
    const send = (label: unknown) =>
      post('/v1/feedback', { predictionId: early, label }, { key: operator });
    const answers = [(await send(1)).body, (await send(true)).body, (await send(0)).body];
    expect(answers.map(({ contradictory }) => contradictory)).toEqual([0, 0, 1]);
    expect((await get('/metrics', metricsToken)).body['text']).toContain(
      'perennial_gateway_feedback_contradictory_total 1',
    );
  });

  test('for an id that the log should have is counted as unknown and not stored', async () => {
    await start();
    const old = 'pred_01jd0000000000000000000000';
    const { status, body } = await post('/v1/feedback', [{ predictionId: old, label: 1 }], {
      key: operator,
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        accepted: 0,
        joined: 0,
        waiting: 0,
        stored: 0,
        unknown: 1,
        contradictory: 0,
      },
    });
    expect(registry.labels.size).toBe(0);
  });

  test('of a multiclass model must be one of its classes', async () => {
    await promote(7, 10);
    await start();
    const { headers } = await post('/v2/models/flight-delay/infer', one);
    const predictionId = String(headers['x-perennial-prediction-id']);
    await until(() => registry.inserted.length === 1);
    registry.task = 'multiclass';
    registry.classes = ['late', '7'];
    const send = (label: unknown) =>
      post('/v1/feedback', { predictionId, label }, { key: operator });
    for (const label of ['late', '7', 7])
      expect(await send(label)).toMatchObject({ status: 200, body: { joined: 1 } });
    for (const label of ['Late', 8, true, ['late', '7']]) {
      const { status, body } = await send(label);
      expect({ status, detail: body['detail'] }).toEqual({
        status: 400,
        detail: `${predictionId} is a prediction of flight-delay@7: the label of this multiclass model must be one of its classes: "late", "7"`,
      });
    }
  });

  test.each<[FakeRegistry['task'], unknown, string]>([
    [
      'classification',
      'banana',
      'the label of a binary classification must be true, false, 1 or 0',
    ],
    ['classification', 'true', 'the label of a binary classification must be true, false, 1 or 0'],
    ['classification', 7, 'the label of a binary classification must be true, false, 1 or 0'],
    ['regression', true, 'the label of a regression must be a number'],
    [
      'chat',
      1,
      'feedback on an answer must be `score`, `thumbs`, `correction`, or the right text as `label`',
    ],
  ])(
    'of a %s that no metric can use, such as %j, is refused as a whole',
    async (task, label, why) => {
      await promote(7, 10);
      await start();
      const { headers } = await post('/v2/models/flight-delay/infer', one);
      const predictionId = String(headers['x-perennial-prediction-id']);
      await until(() => registry.inserted.length === 1);
      registry.task = task;
      const { status, body } = await post(
        '/v1/feedback',
        [
          { predictionId: early, label: 1 },
          { predictionId, label },
        ],
        { key: operator },
      );
      expect({ status, errors: body['errors'] }).toEqual({
        status: 400,
        errors: [
          {
            pointer: '/1/label',
            detail: `${predictionId} is a prediction of flight-delay@7: ${why}`,
          },
        ],
      });
      expect(registry.labels.size).toBe(0);
    },
  );

  test.each([
    [{ label: 'Paris' }, { references: ['Paris'] }],
    [{ label: ['Paris', 'Paris, France'] }, { references: ['Paris', 'Paris, France'] }],
    [{ score: 0.25 }, { score: 0.25 }],
    [{ thumbs: 'up' }, { score: 1 }],
    [
      { thumbs: 'down', correction: 'Paris' },
      { score: 0, correction: 'Paris' },
    ],
    [
      { label: 'Paris', score: 0.5 },
      { references: ['Paris'], score: 0.5 },
    ],
  ])('accepts %j for an answer', async (said, stored) => {
    await start();
    expect(
      (await post('/v1/feedback', { predictionId: early, ...said }, { key: operator })).body,
    ).toMatchObject({ accepted: 1 });
    expect(registry.labels.get(early as never)).toEqual(stored);
  });

  test.each([
    [
      'not an object',
      7,
      '',
      'feedback must be an object with `predictionId` and `label`; got a number',
    ],
    ['an empty array', [], undefined, undefined],
    [
      'an invalid id',
      { predictionId: '7', label: 1 },
      '/predictionId',
      '`predictionId` must be the id of a prediction, `pred_…`',
    ],
    [
      'no label',
      [{ predictionId: early }],
      '/0/label',
      '`label` is missing; expected true, false or a number; for an answer `label`, `score`, `thumbs` or `correction`',
    ],
    [
      'an invalid label',
      { predictionId: early, label: ' ' },
      '/label',
      '`label` is text; expected true, false or a number, or of an answer the right text, or a list of texts as right',
    ],
    [
      'a score beyond 1',
      [{ predictionId: early, score: 5 }],
      '/0/score',
      '`score` must be a number from 0 (useless) to 1 (perfect)',
    ],
    [
      'two scores',
      { predictionId: early, score: 1, thumbs: 'down' },
      '/thumbs',
      '`thumbs` is a score of 1 or 0; send either `thumbs` or `score`',
    ],
    [
      'a number beside a correction',
      { predictionId: early, label: 1, correction: 'Paris' },
      '/label',
      '`label` is the true value of a score; `score`, `thumbs` and `correction` rate an answer; send only one of them',
    ],
    [
      'an empty correction',
      { predictionId: early, correction: '' },
      '/correction',
      '`correction` must be the corrected answer, a text of at most 100000 characters',
    ],
    [
      'no time',
      { predictionId: early, label: 1, labelledAt: 'now' },
      '/labelledAt',
      '`labelledAt` must be an RFC 3339 time with its offset, such as "2013-07-01T09:00:00Z"',
    ],
    [
      'an unknown member',
      { predictionId: early, label: 1, lable: 2 },
      '/lable',
      '`lable` is not part of feedback; expected predictionId, label, score, thumbs, correction, labelledAt',
    ],
  ])('%s is refused, and nothing is recorded', async (_name, payload, pointer, detail) => {
    await start();
    const { status, body } = await post('/v1/feedback', payload, { key: operator });
    expect(status).toBe(400);
    if (pointer !== undefined)
      expect(body['errors']).toContainEqual(expect.objectContaining({ pointer, detail }));
    expect(registry.labels.size).toBe(0);
  });

  test('is stored on disk while the registry is not available, and recorded once it is back', async () => {
    await start({ feedback: { ...gatewayDefaults.feedback, retryEveryMs: 20 } });
    await get('/v2', operator);
    registry.away = true;
    const { status, body } = await post(
      '/v1/feedback',
      { predictionId: early, label: true },
      { key: operator },
    );
    expect({ status, body }).toEqual({
      status: 202,
      body: {
        accepted: 1,
        joined: 0,
        waiting: 0,
        stored: 1,
        unknown: 0,
        contradictory: 0,
      },
    });
    expect((await get('/readyz', null)).body).toMatchObject({
      feedbackBytes: expect.any(Number) as number,
      feedbackFails: false,
    });
    const metrics = async () => String((await get('/metrics', metricsToken)).body['text']);
    expect(await metrics()).toContain('\nperennial_gateway_feedback_stored_total 1\n');
    expect(await metrics()).toMatch(/\nperennial_gateway_feedback_bytes [1-9]\d*\n/);
    expect(registry.labels.size).toBe(0);
    registry.away = false;
    await until(async () => (await get('/readyz', null)).body['feedbackBytes'] === 0);
    expect(registry.labels.get(early as never)).toBe(true);
    const after = await metrics();
    expect(after).toContain('\nperennial_gateway_feedback_replayed_total 1\n');
    expect(after).toContain('\nperennial_gateway_feedback_labels_total{outcome="waiting"} 1\n');
  });

  test('is not accepted while neither the registry nor the disk is available', async () => {
    await start({ feedback: { ...gatewayDefaults.feedback, maxBytes: 10 } });
    await get('/v2', operator);
    registry.away = true;
    const { status, headers, body } = await post(
      '/v1/feedback',
      { predictionId: early, label: true },
      { key: operator },
    );
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({
      status: 503,
      retryAfter: '1',
    });
    expect(body['detail']).toBe(
      'the feedback was not accepted: the registry is not available, and the disk of the gateway does not accept it',
    );
    expect((await get('/readyz', null)).body).toMatchObject({ feedbackFails: true });
    expect(String((await get('/metrics', metricsToken)).body['text'])).toContain(
      '\nperennial_gateway_feedback_failing 1\n',
    );
  });
});
