import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { Pool } from 'undici';
import { createParityActivities, type ParityInput } from '../../../activities/evaluation/parity';
import { openS3 } from '../../../data/artifact/s3';
import { openGatewayDispatcher } from '../../../data/serving/gateway-dispatcher';
import type { ArtifactRef } from '../../../domain/artifact';
import { defaultTenant as tenant, effectKey, type PredictionId } from '../../../domain/ids';
import type { ModelVersionRef } from '../../../domain/model/model';
import type { ParityEvidence } from '../../../domain/evaluation/parity';
import type { GatewayProcess } from '../../support/process/gateway-process';
import { assembleHoldout, modelManifest, trueModel } from '../../support/training/holdout';
import { testBucket, migratedDatabase } from '../../support/platform';
import { distanceModel, distanceRequest } from '../../support/serving/served-models';
import { openServingWorld, type ServingWorld } from '../../support/serving/serving-world';
import { until } from '../../support/time/until';
import { measureFastest } from '../../support/time/fastest-of';

let folder: string;
let database: Awaited<ReturnType<typeof migratedDatabase>>;
const bucket = testBucket();
let world: ServingWorld;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-gateway-'));
  database = await migratedDatabase();
  world = await openServingWorld(database.url, bucket);
  gateway = await world.startGateway(folder);
});

afterAll(async () => {
  await gateway.stop();
  await world.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const one = JSON.stringify(distanceRequest([{ carrier: 'AA', distance: 0 }]));

interface Answer {
  readonly status: number;
  readonly version: string | null;
  readonly predictionId: string | null;
  readonly digest: string | null;
  readonly stale: string | null;
  readonly body: { model_version?: string; detail?: string; outputs?: { data: unknown[] }[] };
}

async function infer(path: string, body = one): Promise<Answer> {
  const answer = await fetch(`${gateway.url}/v2/models/${path}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.viewer}` },
    body,
  });
  return {
    status: answer.status,
    version: answer.headers.get('x-perennial-model-version'),
    predictionId: answer.headers.get('x-perennial-prediction-id'),
    digest: answer.headers.get('x-perennial-model-digest'),
    stale: answer.headers.get('x-perennial-stale'),
    body: (await answer.json()) as Answer['body'],
  };
}

const inTime = (condition: () => Promise<boolean>) =>
  until(condition, { detail: () => gateway.log() });

const versionNow = async (model: string): Promise<string | null> => (await infer(model)).version;

async function probe({ model, version }: ModelVersionRef): Promise<string> {
  const answer = await fetch(`${gateway.url}/internal/probe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.operator}` },
    body: JSON.stringify({ tenant, model, version }),
  });
  const body = (await answer.json()) as { digest?: string };
  return body.digest ?? JSON.stringify(body);
}

/** Replaces the bytes of an artifact in the store, for every model that has them. */
async function corrupt(ref: ArtifactRef): Promise<void> {
  const s3 = openS3(bucket);
  try {
    const path = new URL(ref.uri).pathname.slice(1);
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    await s3.client.send(
      new PutObjectCommand({
        Bucket: bucket.bucket,
        Key: path,
        Body: Buffer.alloc(ref.bytes, 'x'),
      }),
    );
  } finally {
    s3.client.destroy();
  }
}

test('a version that is named by number is loaded by digest, and its predictions are stored', async () => {
  const version = await world.register({ ...distanceModel(10), model: 'by-digest' });
  const { status, digest, predictionId, body } = await infer(`by-digest@${version.version}`);
  expect(status).toBe(200);
  expect(digest).toBe(version.manifest.digest);
  expect(body.outputs?.[0]?.data).toEqual([10.5]);
  expect((await infer('by-digest')).status).toBe(404);
  const id = predictionId as PredictionId;
  await inTime(async () => (await world.registry.predictions.get({ tenant, id })) !== null);
  expect(await world.registry.predictions.get({ tenant, id })).toMatchObject({
    model: 'by-digest',
    version: version.version,
    arm: 'direct',
    input: { carrier: 'AA', distance: 0 },
    output: { score: 10.5 },
  });
});

test('a label joins its prediction, also when it comes first', async () => {
  const version = await world.register({ ...distanceModel(10), model: 'labelled' });
  const { predictionId } = await infer(`labelled@${version.version}`);
  const answer = await fetch(`${gateway.url}/v1/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.operator}` },
    body: JSON.stringify({ predictionId, label: 12 }),
  });
  expect(await answer.json()).toMatchObject({ accepted: 1 });
  await inTime(
    async () =>
      (await world.registry.predictions.get({ tenant, id: predictionId as PredictionId }))
        ?.label === 12,
  );
});

test('new requests use the new champion within a second of a promotion and of a rollback', async () => {
  const [first, second] = [
    await world.register({ ...distanceModel(1), model: 'quick' }),
    await world.register({ ...distanceModel(2), model: 'quick' }),
  ];
  await world.promote(first);
  await inTime(async () => (await versionNow('quick')) === 'quick@1');
  let tries = 0;
  const { milliseconds } = await measureFastest(3, 1_000, async () => {
    await world.promote(second);
    const forth = await inTime(async () => (await versionNow('quick')) === 'quick@2');
    await world.registry.aliases.rollback({
      tenant,
      model: 'quick',
      actor: 'test',
      cause: 'test',
      idempotencyKey: `quick-back-${(tries += 1)}`,
    });
    const back = await inTime(async () => (await versionNow('quick')) === 'quick@1');
    return { value: null, milliseconds: Math.max(forth, back) };
  });
  expect(milliseconds).toBeLessThan(1_000);
  const { epoch } = await world.registry.routing.table();
  await inTime(async () =>
    (await world.registry.gateways.live()).every((live) => live.epoch === epoch),
  );
});

test('a champion with wrong bytes is refused, the old one answers, and the epoch is not acknowledged', async () => {
  const [good, bad] = [
    await world.register({ ...distanceModel(1), model: 'corrupted' }),
    await world.register({ ...distanceModel(666), model: 'corrupted' }),
  ];
  await world.promote(good);
  await inTime(async () => (await versionNow('corrupted')) === 'corrupted@1');
  const manifest = await world.artifacts.getJson<{ onnx: ArtifactRef }>(bad.manifest);
  await corrupt(manifest.onnx);
  const { epoch: before } = await world.registry.routing.table();
  await world.promote(bad);
  await inTime(
    async () =>
      ((await (await fetch(`${gateway.url}/readyz`)).json()) as { blockedModels: number })
        .blockedModels === 1,
  );
  expect(await infer('corrupted')).toMatchObject({
    status: 200,
    version: 'corrupted@1',
    stale: 'not-loaded',
  });
  expect((await world.registry.gateways.live()).map(({ epoch }) => epoch)).toEqual([before]);
  expect(await infer('corrupted@2')).toMatchObject({
    status: 503,
    body: { code: 'DigestMismatch' },
  });
  const { incidents } = world.registry;
  const follow = { startSeconds: 0 };
  const incident = () => incidents.open({ tenant, model: 'corrupted', key: 'blocked-2' });
  await inTime(async () => {
    await incidents.followBlockedVersions(follow);
    return (await incident()) !== null;
  });
  await incidents.followBlockedVersions(follow);
  expect(await incident()).toMatchObject({
    version: 2,
    kind: 'artifact',
    severity: 'critical',
    title: 'corrupted@2 cannot be loaded',
    updates: 0,
    story: {
      what: expect.stringMatching(/^A gateway cannot load corrupted@2, the champion: /) as string,
    },
  });
  await world.registry.aliases.rollback({
    tenant,
    model: 'corrupted',
    actor: 'test',
    cause: 'test',
    idempotencyKey: 'corrupted-back',
  });
  await inTime(async () => (await infer('corrupted')).stale === null);
  // A gateway that has just started may not have tried it yet.
  await incidents.followBlockedVersions({ startSeconds: 3_600 });
  expect(await incident()).not.toBeNull();
  await inTime(async () => {
    await incidents.followBlockedVersions(follow);
    return (await incident()) === null;
  });
});

test('changing the champion under load fails no request and mixes no answers', async () => {
  const versions: ModelVersionRef[] = [];
  for (const bias of [1, 2, 3, 4])
    versions.push(await world.register({ ...distanceModel(bias), model: 'busy' }));
  const [first, ...next] = versions;
  await world.promote(first as ModelVersionRef);
  await inTime(async () => (await versionNow('busy')) === 'busy@1');

  const pool = new Pool(gateway.url, { connections: 16, pipelining: 1 });
  const rows = distanceRequest(Array.from({ length: 5 }, () => ({ carrier: null, distance: 0 })));
  const seen = new Map<string, number>();
  const wrong: unknown[] = [];
  let going = true;
  const ask = async (): Promise<void> => {
    while (going) {
      const answer = await pool.request({
        path: '/v2/models/busy/infer',
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${world.keys.viewer}`,
        },
        body: JSON.stringify(rows),
      });
      const body = (await answer.body.json()) as Answer['body'];
      const name = String(answer.headers['x-perennial-model-version']);
      const bias = Number(name.split('@')[1]);
      const consistent =
        answer.statusCode === 200 &&
        body.model_version === String(bias) &&
        body.outputs?.[0]?.data.every((score) => score === bias) === true;
      if (!consistent) wrong.push({ status: answer.statusCode, name, body });
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
  };
  const asking = Promise.all(Array.from({ length: 16 }, ask));
  const switchedAfter: number[] = [];
  for (const version of next) {
    await new Promise((pause) => setTimeout(pause, 300));
    // As in every promotion, each gateway loads the version before it gets traffic.
    expect(await probe(version)).toBe(version.manifest.digest);
    await world.promote(version);
    const promoted = performance.now();
    while (!seen.has(`busy@${version.version}`)) await new Promise((pause) => setTimeout(pause, 5));
    switchedAfter.push(performance.now() - promoted);
  }
  // The machine may pause during one of them.
  expect(Math.min(...switchedAfter)).toBeLessThan(1_000);
  await world.registry.aliases.rollback({
    tenant,
    model: 'busy',
    actor: 'test',
    cause: 'test',
    idempotencyKey: 'busy-back',
  });
  await new Promise((pause) => setTimeout(pause, 600));
  await inTime(async () => (await versionNow('busy')) === 'busy@3');
  going = false;
  await asking;
  await pool.close();
  expect(wrong).toEqual([]);
  expect([...seen.keys()].sort()).toEqual(['busy@1', 'busy@2', 'busy@3', 'busy@4']);
});

test('a body of 50 MB gets 413 with a reason', async () => {
  const answer = await fetch(`${gateway.url}/v2/models/by-digest/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.viewer}` },
    body: Buffer.alloc(50 * 1024 * 1024, ' '),
  });
  expect(answer.status).toBe(413);
  expect(await answer.json()).toMatchObject({
    code: 'BodyTooLarge',
    detail: 'the body is 52428800 bytes; the limit is 10485760 bytes (10 MiB)',
    next: 'send fewer rows per request',
  });
});

describe('parity', () => {
  const environment = (attempt = 1) =>
    new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') });
  const gate = {
    name: 'parity',
    kind: 'parity',
    rows: 1000,
    tolerance: 0.005,
    minShare: 0.999,
  } as const;
  let assembled: ArtifactRef;
  let holdout: string;

  beforeAll(async () => {
    holdout = mkdtempSync(join(tmpdir(), 'perennial-parity-'));
    ({ ref: assembled } = await assembleHoldout(world.artifacts, holdout, {
      rows: 3000,
      days: 14,
    }));
  });
  afterAll(() => rmSync(holdout, { recursive: true, force: true }));

  function measure(
    candidate: ModelVersionRef,
    serviceKey = world.keys.operator,
    gateways: object = world.registry.gateways,
  ): Promise<ParityEvidence> {
    const deps = {
      registry: { gateways } as Pick<typeof world.registry, 'gateways'>,
      artifacts: world.artifacts,
      scratchRoot: join(holdout, 'scratch'),
      serviceKey,
      gatewayDispatcher: openGatewayDispatcher(null),
    };
    const activities = createParityActivities(deps);
    const input: ParityInput = {
      tenant,
      runId: world.runId,
      key: effectKey(world.runId, 'evaluate', 'parity', 0),
      candidate,
      assembled,
      gate,
    };
    return environment().run((given: ParityInput) => activities.measureParity(given), input);
  }

  test('the answers of a gateway equal the evaluated ones', async () => {
    const candidate = await world.registerManifest(
      await modelManifest(world.artifacts, trueModel, assembled),
    );
    const evidence = await measure(candidate);
    expect(evidence).toMatchObject({
      kind: 'measured',
      rows: 1000,
      compared: 1000,
      agreeing: 1000,
      gateway: gateway.url,
      digestServed: candidate.manifest.digest,
    });
    expect(evidence.kind === 'measured' && evidence.maxDifference).toBeLessThan(1e-6);
  });

  test('detects features that differ between training and serving', async () => {
    // Training and the request use the same unit for wind; the features of this version double it.
    const skewed = await modelManifest(world.artifacts, trueModel, assembled, {
      featuresSql: 'SELECT hour, wind * 2 AS wind, carrier FROM request',
    });
    const evidence = await measure(await world.registerManifest(skewed));
    expect(evidence).toMatchObject({ kind: 'measured', rows: 1000, compared: 1000 });
    expect(evidence.kind === 'measured' && evidence.agreeing).toBeLessThan(500);
  });

  test('records the refusal of a gateway as evidence', async () => {
    const candidate = await world.registerManifest(
      await modelManifest(world.artifacts, { ...trueModel, bias: -4 }, assembled),
    );
    expect(await measure(candidate, 'pk_wrong')).toEqual({
      kind: 'notMeasured',
      rows: 0,
      reason: `${gateway.url} answered 401: this API key is unknown, expired or revoked`,
    });
  });

  test('is retried without a gateway, or with one that has stopped', async () => {
    const candidate = await world.registerManifest(
      await modelManifest(world.artifacts, { ...trueModel, bias: -3 }, assembled),
    );
    const nobody = { live: () => Promise.resolve([]) };
    await expect(measure(candidate, world.keys.operator, nobody)).rejects.toMatchObject({
      type: 'GatewayUnavailable',
      message: 'no gateway has a lease, so parity cannot be measured',
    });
    const gone = { live: () => Promise.resolve([{ id: 'gw_1', url: 'http://127.0.0.1:1' }]) };
    await expect(measure(candidate, world.keys.operator, gone)).rejects.toMatchObject({
      type: 'GatewayUnavailable',
      message: 'http://127.0.0.1:1 does not answer',
    });
  });
});
