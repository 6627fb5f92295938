import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRemoteBackend } from '../../../../../activities/training/compute/remote/backend';
import { openArtifactStore, type ArtifactStore } from '../../../../../data/artifact/store';
import { testComputeBackend } from '../../../../contracts/compute-backend';
import { processEngine } from '../../../../support/engine/process-engine';
import { pythonPath, testBucket } from '../../../../support/platform';
import { flightFeatures, trainingRows } from '../../../../support/training/training-rows';

const engine = processEngine();
let folder: string;
let store: ArtifactStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-remote-'));
  store = openArtifactStore({ ...testBucket(), leases: null });
  await store.ensureBucket();
});
afterAll(async () => {
  await engine.close();
  store.close();
  await rm(folder, { recursive: true, force: true });
});

testComputeBackend('remote', async () => {
  const rows = await trainingRows(store, folder, { rows: 2_000, task: 'classification' });
  const backend = createRemoteBackend({
    engine,
    artifacts: store,
    python: pythonPath(),
    trainersDir: resolve('test/support/training/trainers'),
    runtimeDir: resolve('trainers/runtime'),
    packageDir: resolve('python'),
    newsSeconds: 0.2,
    checkpointSeconds: 0.2,
    graceSeconds: 1,
  });
  return { backend, artifacts: store, rows, features: flightFeatures };
});
