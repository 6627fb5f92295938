import {
  createModelVersionActivities,
  type RegisterInput,
} from '../../../activities/training/model-version';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import type { TrainingSet } from '../../../domain/training/assembled';
import type { ArtifactRef } from '../../../domain/artifact';
import { effectKey, type RunId } from '../../../domain/ids';
import type { ModelManifest } from '../../../domain/model/model';
import {
  toDigest,
  openTestRegistry,
  refTo,
  signature,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { testBucket } from '../../support/platform';

let test_: TestRegistry;
let artifacts: ArtifactStore;
let activities: ReturnType<typeof createModelVersionActivities>;
let model: string;

beforeAll(async () => {
  test_ = await openTestRegistry();
  artifacts = openArtifactStore({ ...testBucket(), leases: test_.registry.artifacts });
  await artifacts.ensureBucket();
  activities = createModelVersionActivities({ registry: test_.registry, artifacts });
});
afterAll(async () => {
  artifacts.close();
  await test_.close();
});
beforeEach(() => {
  model = unique('model');
});

const bytes = (text: string): Promise<ArtifactRef> =>
  artifacts.putBytes({ tenant, bytes: Buffer.from(text), mediaType: 'application/octet-stream' });
const trainer = {
  name: 'lightgbm',
  codeDigest: toDigest('code'),
  params: { num_leaves: 31 },
  seed: 7,
};
const { task, request, features } = signature;
const [entity, time] = ['tailnum', 'scheduled_at'];

async function manifest(runId: RunId, seed = 7): Promise<ArtifactRef> {
  const assembled: Partial<TrainingSet> = { task, request, features, entity, time };
  return activities.writeManifest({
    tenant,
    runId,
    key: effectKey(runId, 'train', 'manifest', 1),
    model,
    assembled: await artifacts.putJson({ tenant, value: assembled }),
    onnx: await bytes('graph'),
    featuresSql: await bytes('select'),
    trainer: { ...trainer, seed },
  });
}

async function register(runId: RunId, written?: ArtifactRef) {
  const input: RegisterInput = {
    tenant,
    runId,
    key: effectKey(runId, 'train', 'register', 1),
    model,
    manifest: written ?? (await manifest(runId)),
    dataset: { dataset: `${model}.request_rows`, version: 4, manifest: refTo('rows'), rows: 10 },
    metrics: { logloss: 0.5 },
  };
  return { input, version: await activities.registerVersion(input) };
}

const statuses = async () =>
  (await test_.registry.models.versions({ tenant, model, pageSize: 100 })).items.map(
    ({ version, status }) => `${version} ${status}`,
  );

describe('writeManifest', () => {
  test('writes the same bytes for the same graph, in each attempt and run', async () => {
    const written = await manifest(await startRun(test_.registry));
    expect(await manifest(await startRun(test_.registry))).toEqual(written);
    expect(await artifacts.getJson<ModelManifest>(written)).toMatchObject({
      model,
      signature: { ...signature, entity, time },
      trainer,
    });
    expect(await manifest(await startRun(test_.registry), 8)).not.toEqual(written);
  });
});

describe('registerVersion', () => {
  test('returns the same version on a retry, with artifacts referenced and lineage recorded', async () => {
    const runId = await startRun(test_.registry);
    const { input, version } = await register(runId);
    expect(await activities.registerVersion(input)).toEqual(version);
    expect(await statuses()).toEqual(['1 candidate']);
    const held = await test_.database.sql<
      { digest: string }[]
    >`select digest from artifact_references where held_by = ${`model:${model}@1`}`;
    const { onnx, featuresSql } = await artifacts.getJson<ModelManifest>(input.manifest);
    expect(held.map(({ digest }) => digest).sort()).toEqual(
      [input.manifest.digest, onnx.digest, featuresSql.digest].sort(),
    );
    const edges = await test_.registry.lineage.of({
      tenant,
      node: { kind: 'model', name: model, version: 1 },
      direction: 'upstream',
    });
    expect(edges.map(({ from }) => from)).toEqual([
      { kind: 'run', name: runId },
      { kind: 'dataset', name: `${model}.request_rows`, version: 4, digest: toDigest('rows') },
    ]);
  });

  test('registers equal bytes of another run as another version', async () => {
    await register(await startRun(test_.registry));
    expect((await register(await startRun(test_.registry))).version.version).toBe(2);
  });

  test('registers nothing after the undo has begun or the run has ended', async () => {
    const undone = await startRun(test_.registry);
    await test_.registry.runs.beginUndo({ tenant, id: undone });
    await expect(register(undone)).rejects.toMatchObject({ type: 'FencedOff' });
    const ended = await startRun(test_.registry);
    await test_.registry.runs.update({ tenant, id: ended, status: 'cancelled' });
    await expect(register(ended)).rejects.toMatchObject({ type: 'FencedOff' });
    expect(await statuses()).toEqual([]);
  });
});

describe('withdrawVersion and rejectVersion', () => {
  test('withdraw or reject a candidate once', async () => {
    const [first, second] = [await startRun(test_.registry), await startRun(test_.registry)];
    await register(first);
    await register(second);
    for (let attempt = 0; attempt < 2; attempt++) {
      await activities.withdrawVersion({ tenant, runId: first, model });
      await activities.rejectVersion({ tenant, runId: second, model, version: 2 });
    }
    expect(await statuses()).toEqual(['2 rejected', '1 withdrawn']);
  });

  test('leave promoted and rejected versions unchanged', async () => {
    const [first, second] = [await startRun(test_.registry), await startRun(test_.registry)];
    await register(first);
    await register(second);
    const nobody = { version: null, fencing: 0 };
    const move = {
      tenant,
      model,
      version: 1,
      expectedChampion: nobody,
      decisionId: null,
      runId: first,
      actor: 'test',
      cause: 'test',
    };
    await test_.registry.aliases.promote({ ...move, idempotencyKey: `${model}/promote` });
    await activities.rejectVersion({ tenant, runId: second, model, version: 2 });
    await activities.withdrawVersion({ tenant, runId: first, model });
    await activities.rejectVersion({ tenant, runId: first, model, version: 1 });
    await activities.withdrawVersion({ tenant, runId: second, model });
    expect(await statuses()).toEqual(['2 rejected', '1 promoted']);
  });

  test('do nothing without a registered version or with an unknown one', async () => {
    const runId = await startRun(test_.registry);
    await activities.withdrawVersion({ tenant, runId, model });
    await activities.rejectVersion({ tenant, runId, model, version: 1 });
    expect(await statuses()).toEqual([]);
  });
});
