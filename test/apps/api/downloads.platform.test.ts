import { randomBytes } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { computeDigest } from '../../../data/digest';
import type { ApiKeyScope } from '../../../db/access/repository';
import type { ArtifactRef } from '../../../domain/artifact';
import { signature, startRun, tenant, unique } from '../../db/registry-fixture';
import { until } from '../../support/time/until';
import { openApiWorld, type ApiWorld } from './support/api-world';

const mebibyte = 1 << 20;
const fileBytes = 32 * mebibyte;
const readers = 4;

let world: ApiWorld;
let file: ArtifactRef;
let paths: Readonly<Record<'model' | 'tracked' | 'log', string>>;

beforeAll(async () => {
  world = await openApiWorld();
  const bytes = randomBytes(fileBytes / 2).toString('hex');
  file = await world.artifacts.putBytes({
    tenant,
    bytes: Buffer.from(bytes),
    mediaType: 'text/plain',
  });
  paths = {
    model: await modelFile(),
    tracked: await trackedFile(),
    log: await logOfRun(),
  };
});
afterAll(() => world.close());

async function modelFile(): Promise<string> {
  const model = unique('large');
  const manifest = await world.artifacts.putJson({
    tenant,
    value: { model, onnx: file, featuresSql: file },
  });
  await world.registry.models.register({
    tenant,
    model,
    runId: await startRun(world.registry),
    manifest,
    signature,
    idempotencyKey: `${model}/register/1`,
  });
  return `/api/v1/models/${model}/versions/1/files/model.onnx`;
}

async function trackedFile(): Promise<string> {
  const path = `0/${unique('run')}/artifacts/weights.bin`;
  await world.registry.trackedArtifacts.put({ tenant, path, artifact: file });
  return `/api/2.0/mlflow-artifacts/artifacts/${path}`;
}

async function logOfRun(): Promise<string> {
  await world.apply('flight-delay');
  const { id } = await world.accept('flight-delay');
  const at = { tenant, runId: id, stage: 'train', generation: 1 };
  await world.registry.stages.begin({ ...at, cacheKey: computeDigest(id), reuse: false });
  const output = { output: { logs: file } };
  await world.registry.stages.finish({ ...at, status: 'succeeded', output });
  return `/api/v1/runs/${id}/logs`;
}

/** Opens a download and reads nothing of its body. */
function open(path: string, scope: ApiKeyScope = 'viewer'): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${world.keys[scope]}` };
    get(`${world.url}${path}`, { headers, agent: false }, resolve).once('error', reject);
  });
}

async function leave(opened: readonly IncomingMessage[]): Promise<void> {
  for (const response of opened) response.destroy();
  await until(() => opened.every(({ closed }) => closed));
}

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe.each(['model', 'tracked', 'log'] as const)('the download of a %s file', (kind) => {
  test('takes little memory of the API while its readers read nothing', async () => {
    const before = usedBytes();
    const opened = await Promise.all(Array.from({ length: readers }, () => open(paths[kind])));
    expect(opened.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    const taken = usedBytes() - before;
    await leave(opened);
    expect(taken).toBeLessThan(fileBytes / 2);
  });

  test('waits while its key has four downloads in progress, and goes on when one has ended', async () => {
    const opened = await Promise.all(Array.from({ length: readers }, () => open(paths[kind])));
    let isOpen = false;
    const next = open(paths[kind]).then((response) => {
      isOpen = true;
      return response;
    });
    const other = await open(paths[kind], 'operator');
    expect(other.statusCode).toBe(200);
    expect(isOpen).toBe(false);
    await leave(opened.slice(0, 1));
    const fifth = await next;
    expect(fifth.statusCode).toBe(200);
    await leave([...opened.slice(1), other, fifth]);
  });

  test('is complete', async () => {
    const response = await open(paths[kind]);
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).byteLength;
    expect(bytes).toBe(kind === 'log' ? fileBytes + 1 : fileBytes);
  });
});
