/** Rows and chats that the API sends to a real gateway for the pages. Only the model of words is a fake. */
import { createServer, request as forward, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ArtifactRef } from '../../../../domain/artifact';
import type { PredictionId } from '../../../../domain/ids';
import type { ModelManifest, ModelVersionRef } from '../../../../domain/model/model';
import { startRun, tenant } from '../../../db/registry-fixture';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { distanceModel, putModel } from '../../../support/serving/served-models';
import { untilAnswer } from '../../../support/time/until';
import { startGateway, type StartedGateway } from '../../gateway/started-gateway';
import { openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
let gateway: StartedGateway;
let front: Server;
/** Paths whose connection breaks before the gateway gets the request. */
let broken: RegExp | null = null;

beforeAll(async () => {
  world = await openApiWorld();
  await world.registry.predictions.ensurePartitions({ days: 2 });
  const put = (bytes: Uint8Array) =>
    world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' });
  front = createServer((incoming, answer) => {
    if (broken?.test(incoming.url ?? '') === true) {
      incoming.socket.destroy();
      return;
    }
    const { url: path, method, headers } = incoming;
    const { port } = gateway.app.server.address() as AddressInfo;
    incoming.pipe(
      forward({ host: '127.0.0.1', port, path, method, headers }, (given) => {
        answer.writeHead(given.statusCode ?? 502, given.headers);
        given.pipe(answer);
      }),
    );
  });
  await new Promise<void>((listening) => front.listen(0, '127.0.0.1', listening));
  const publicUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  await register(await putModel(put, { ...distanceModel(10), model: 'flights' }));
  await register(await putBundle(put, { model: 'parrots', prompt: questionPrompt('Repeat it.') }));
  gateway = await startGateway({
    registry: world.registry,
    artifacts: world.artifacts,
    config: { publicUrl },
  });
});
afterEach(() => {
  broken = null;
});
afterAll(async () => {
  await gateway.stop();
  front.closeAllConnections();
  await new Promise((closed) => front.close(closed));
  await world.close();
});

/** Registers a version and makes it the champion. */
async function register(manifest: ArtifactRef): Promise<ModelVersionRef> {
  const { artifacts, registry } = world;
  const { model, signature } = await artifacts.getJson<ModelManifest>(manifest);
  const runId = await startRun(registry);
  const version = await registry.models.register({
    tenant,
    model,
    runId,
    manifest,
    signature,
    idempotencyKey: `register-${model}`,
  });
  const { kind } = await registry.aliases.promote({
    tenant,
    model,
    version: version.version,
    expectedChampion: { version: null, fencing: 0 },
    decisionId: null,
    runId,
    actor: 'test',
    cause: 'test',
    idempotencyKey: `promote-${model}`,
  });
  if (kind !== 'promoted') throw new Error(kind);
  return version;
}

const row = { carrier: 'AA', distance: 100 };
const tryRow = (body: object, as: 'viewer' | 'operator' = 'operator') =>
  world.call('POST', '/models/flights/try', { as, body: { row, ...body } });
const predicted = {
  model: 'flights',
  version: 1,
  predictionId: expect.stringMatching(/^pred_/) as string,
  // The graph computes with 32 bits.
  outputs: { score: Math.fround(10.6) },
};

describe('a row that is tried', () => {
  test('is answered by the champion, with its features for an operator who asks for them', async () => {
    expect(await tryRow({ features: true })).toMatchObject({
      status: 200,
      body: { ...predicted, features: row },
    });
    expect(await tryRow({})).toMatchObject({ status: 200, body: { ...predicted, features: null } });
    expect(await tryRow({ features: true, version: 1 }, 'viewer')).toMatchObject({
      status: 200,
      body: { ...predicted, features: null },
    });
  });

  test('has its prediction although the gateway could not compute its features', async () => {
    broken = /\/features$/;
    expect(await tryRow({ features: true })).toMatchObject({
      status: 200,
      body: { ...predicted, features: null },
    });
  });

  test('has no answer while the gateway does not respond', async () => {
    broken = /infer$/;
    expect(await tryRow({ features: true })).toMatchObject({
      status: 503,
      body: { code: 'GatewayUnavailable' },
    });
  });

  test('is refused with the words of the gateway', async () => {
    const answer = await tryRow({ row: { carrier: 'AA', distance: 'far' } });
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('distance') as string },
    });
  });
});

describe('a chat that is tried', () => {
  const say = (messages: readonly object[], body: object = {}) =>
    world.call('POST', '/models/parrots/chat', { as: 'viewer', body: { messages, ...body } });
  const question = { role: 'user', content: 'Who was Ada?' };

  test('is answered by the application, and the answer is logged as its traffic', async () => {
    const { status, body } = await say([question]);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        version: 'parrots@1',
        answer: 'Repeat it. / Question: Who was Ada?',
        refusal: null,
        index: null,
        passages: [],
        tokens: { prompt: 7, completion: 7 },
      },
    });
    const id = body['predictionId'] as PredictionId;
    const logged = await untilAnswer(
      () => world.registry.predictions.get({ tenant, id }),
      (found) => found !== null,
      { everyMs: 50 },
    );
    expect(logged).toMatchObject({ model: 'parrots', version: 1, arm: 'champion' });
  });

  test('may have a thousand messages, as at the gateway', async () => {
    const turns = Array.from({ length: 1001 }, (_, turn) =>
      turn % 2 === 0 ? question : { role: 'assistant', content: 'A mathematician.' },
    );
    expect((await say(turns.slice(2))).status).toBe(200);
    expect((await say(turns)).status).toBe(422);
  });

  test('with an unknown version or application is refused', async () => {
    expect(await say([question], { version: 9 })).toMatchObject({ status: 404 });
    expect(
      await world.call('POST', '/models/unknown/chat', { body: { messages: [question] } }),
    ).toMatchObject({ status: 404 });
  });
});
