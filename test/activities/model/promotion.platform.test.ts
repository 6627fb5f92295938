import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createPromotionActivities } from '../../../activities/model/promotion';
import { computeDigest } from '../../../data/digest';
import { openGatewayDispatcher } from '../../../data/serving/gateway-dispatcher';
import { effectKey, type RunId } from '../../../domain/ids';
import {
  openTestRegistry,
  registerVersions,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';

let test_: TestRegistry;
let activities: ReturnType<typeof createPromotionActivities>;
let model: string;
let runId: RunId;

beforeAll(async () => {
  test_ = await openTestRegistry();
  activities = createPromotionActivities({
    registry: test_.registry,
    serviceKey: 'pk_service',
    gatewayDispatcher: openGatewayDispatcher(null),
  });
});
afterAll(() => test_.close());
beforeEach(async () => {
  model = unique('model');
  await registerVersions(test_.registry, model, 3);
  runId = await startRun(test_.registry);
});

const effect = (of: RunId = runId) => ({
  tenant,
  runId: of,
  key: effectKey(of, 'promote', 'alias', 0),
});
const champion = async () => (await test_.registry.aliases.get({ tenant, model })).champion;
const moves = async () =>
  (await test_.registry.aliases.history({ tenant, model, pageSize: 1000 })).items.length;

async function createDecision(run: RunId): Promise<string> {
  const { evidence, decisions } = test_.registry;
  const digest = computeDigest({});
  for (const kind of ['policy', 'evidence'] as const)
    await evidence.put({ tenant, kind, digest, body: {} });
  const verdict = { kind: 'passed', reasons: [] } as const;
  const decision = {
    tenant,
    runId: run,
    stage: 'evaluate',
    policy: digest,
    evidence: digest,
    verdict,
    idempotencyKey: `${run}/decision`,
  };
  return (await decisions.record(decision)).id;
}

async function promote(version: number, of: RunId = runId) {
  const seen = await activities.readChampion({ tenant, model });
  const expectedChampion = { version: seen.version?.version ?? null, fencing: seen.fencing };
  const input = {
    ...effect(of),
    model,
    version,
    expectedChampion,
    decisionId: await createDecision(of),
    rollout: null,
  };
  return { input, answer: await activities.promoteVersion(input) };
}

describe('readChampion', () => {
  test('returns the champion with its manifest, or null', async () => {
    expect(await activities.readChampion({ tenant, model })).toEqual({ version: null, fencing: 0 });
    await promote(2);
    const record = await test_.registry.models.get({ tenant, model, version: 2 });
    expect(await activities.readChampion({ tenant, model })).toEqual({
      version: { model, version: 2, manifest: record?.manifest },
      fencing: 1,
    });
  });
});

describe('promoteVersion', () => {
  test('repeats the first answer on a retry and moves nothing, also after other promotions', async () => {
    const { input, answer } = await promote(1);
    expect(answer).toEqual({ kind: 'promoted', previous: null, fencing: 1 });
    await promote(2, await startRun(test_.registry));
    expect(await activities.promoteVersion(input)).toEqual(answer);
    expect(await champion()).toMatchObject({ version: 2, fencing: 2 });
    expect(await moves()).toBe(2);
  });

  test('returns promoted for the current champion, and moves nothing', async () => {
    await promote(1);
    const { answer } = await promote(1, await startRun(test_.registry));
    expect(answer).toEqual({ kind: 'promoted', previous: null, fencing: 1 });
    expect(await moves()).toBe(1);
  });

  test('returns a conflict with another champion, and accepts the key for that champion later', async () => {
    const compared = { version: null, fencing: 0 };
    await promote(1, await startRun(test_.registry));
    const input = {
      ...effect(),
      model,
      version: 2,
      decisionId: await createDecision(runId),
      rollout: null,
    };
    expect(await activities.promoteVersion({ ...input, expectedChampion: compared })).toEqual({
      kind: 'conflict',
      champion: { version: 1 },
    });
    expect(await champion()).toMatchObject({ version: 1 });
    const answer = await activities.promoteVersion({
      ...input,
      expectedChampion: { version: 1, fencing: 1 },
    });
    expect(answer).toMatchObject({ kind: 'promoted', previous: 1 });
  });

  test('promotes nothing after the undo has begun', async () => {
    await test_.registry.runs.beginUndo({ tenant, id: runId });
    await expect(promote(1)).rejects.toMatchObject({ type: 'FencedOff' });
    expect(await champion()).toBeNull();
  });
});

describe('withdrawPromotion', () => {
  test('restores the previous champion, and a retry changes nothing', async () => {
    await promote(1, await startRun(test_.registry));
    await promote(2);
    await activities.withdrawPromotion({ ...effect(), model });
    await activities.withdrawPromotion({ ...effect(), model });
    expect(await champion()).toMatchObject({ version: 1, fencing: 3 });
    expect(await test_.registry.models.get({ tenant, model, version: 2 })).toMatchObject({
      status: 'withdrawn',
    });
  });

  test('does nothing for a run without a promotion or for an unknown model', async () => {
    await promote(1, await startRun(test_.registry));
    await activities.withdrawPromotion({ ...effect(), model });
    await activities.withdrawPromotion({ ...effect(), model: unique('never-registered') });
    expect(await moves()).toBe(1);
  });

  test('keeps a champion from a later promotion', async () => {
    await promote(1);
    await promote(2, await startRun(test_.registry));
    await activities.withdrawPromotion({ ...effect(), model });
    expect(await champion()).toMatchObject({ version: 2, fencing: 2 });
  });

  test('finds the promotion also behind many later ones', async () => {
    model = unique('model');
    await registerVersions(test_.registry, model, 12);
    await promote(1);
    for (let version = 2; version <= 12; version++) {
      const other = await startRun(test_.registry);
      await promote(version, other);
      await activities.withdrawPromotion({ ...effect(other), model });
    }
    expect(await champion()).toMatchObject({ version: 1 });
    await activities.withdrawPromotion({ ...effect(), model });
    expect(await champion()).toBeNull();
  });
});

describe('probeGateways', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    await test_.database.sql`delete from gateways`;
    await Promise.all(
      servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))),
    );
  });

  /** A fake gateway that records the requests of a worker with their keys. */
  async function gateway(status: number, body: object): Promise<{ readonly asked: unknown[] }> {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (part: Buffer) => (text += part.toString()));
      request.on('end', () => {
        asked.push([request.url, request.headers.authorization, JSON.parse(text)]);
        response
          .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
          .end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    await lease(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return { asked };
  }
  const lease = (url: string) =>
    test_.registry.gateways.beat({ id: url, url, epoch: 0, leaseSeconds: 60, beat: 1 });

  async function probe(): Promise<unknown> {
    const manifest = {
      uri: 's3://b/k',
      digest: computeDigest('bytes'),
      bytes: 1,
      mediaType: 'application/json',
    };
    const input = { ...effect(), version: { model, version: 1, manifest } };
    return new MockActivityEnvironment().run(() => activities.probeGateways(input));
  }

  test("asks every live gateway with the platform's key on each attempt", async () => {
    const both = [
      await gateway(200, { digest: computeDigest('bytes') }),
      await gateway(200, { digest: computeDigest('bytes') }),
    ];
    expect(await probe()).toEqual({ gateways: 2 });
    expect(await probe()).toEqual({ gateways: 2 });
    const question = ['/internal/probe', 'Bearer pk_service', { tenant, model, version: 1 }];
    expect(both.map(({ asked }) => asked)).toEqual([
      [question, question],
      [question, question],
    ]);
  });

  test('fails when there is no live gateway', async () => {
    await expect(probe()).rejects.toMatchObject({
      type: 'GatewayUnavailable',
      message: 'no live gateway can load the version',
    });
  });

  test.each([
    ['other bytes', 200, { digest: computeDigest('others') }, 'DigestMismatch'],
    ['no bytes at all', 200, {}, 'DigestMismatch'],
    [
      'a version that it cannot load',
      422,
      { detail: 'the graph has no output' },
      'ModelUnloadable',
    ],
    ['a gateway that fails', 503, { detail: 'starting' }, 'GatewayUnavailable'],
    ['a key that it rejects', 401, { detail: 'unknown key' }, 'GatewayUnavailable'],
  ])('%s does not pass', async (_, status, body, type) => {
    await gateway(200, { digest: computeDigest('bytes') });
    await gateway(status, body);
    await expect(probe()).rejects.toMatchObject({ type });
  });

  test('fails when a gateway with a lease does not answer', async () => {
    await lease('http://127.0.0.1:9');
    await expect(probe()).rejects.toMatchObject({
      type: 'GatewayUnavailable',
      message: expect.stringContaining('does not answer') as string,
    });
  });
});
