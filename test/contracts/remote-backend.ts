import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRemoteBackend } from '../../activities/training/compute/remote/backend';
import type { ComputeEngine } from '../../activities/training/compute/remote/engine';
import { openArtifactStore, type ArtifactStore } from '../../data/artifact/store';
import { pythonPath, testBucket } from '../support/platform';
import { flightFeatures, trainingRows } from '../support/training/training-rows';
import { testComputeBackend } from '../../sdk/contracts/compute-backend';

/** The contract of compute backends, for an engine whose jobs run on this machine. */
export function testRemoteBackend(name: string, open: () => ComputeEngine): void {
  let folder: string;
  let store: ArtifactStore;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-remote-'));
    store = openArtifactStore({ ...testBucket(), leases: null });
    await store.ensureBucket();
  });
  afterAll(async () => {
    store.close();
    await rm(folder, { recursive: true, force: true });
  });

  testComputeBackend(name, async () => {
    const rows = await trainingRows(store, folder, { rows: 2_000, task: 'classification' });
    const backend = createRemoteBackend({
      engine: open(),
      artifacts: store,
      python: pythonPath(),
      trainersDir: resolve('sdk/contracts/trainers'),
      runtimeDir: resolve('trainers/runtime'),
      packageDir: resolve('python'),
      newsSeconds: 0.2,
      checkpointSeconds: 0.2,
      graceSeconds: 1,
    });
    return { backend, artifacts: store, rows, features: flightFeatures };
  });
}
