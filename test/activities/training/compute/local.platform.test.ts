import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LocalBackend } from '../../../../activities/training/compute/local/backend';
import { createLocalBackend } from '../../../../activities/training/compute/local/backend';
import { testComputeBackend } from '../../../../sdk/contracts/compute-backend';
import { directoryArtifacts } from '../../../support/directory-artifacts';
import { pythonPath } from '../../../support/platform';
import { flightFeatures, trainingRows } from '../../../support/training/training-rows';

// Processes are killed and restarted on a machine that may be busy.
let folder: string;
let backend: LocalBackend;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-compute-'));
});
afterAll(async () => {
  await backend.close();
  await rm(folder, { recursive: true, force: true });
});

testComputeBackend('local', async () => {
  const artifacts = directoryArtifacts(join(folder, 'artifacts'));
  const rows = await trainingRows(artifacts, folder, { rows: 2_000, task: 'classification' });
  backend = createLocalBackend({
    python: pythonPath(),
    trainersDir: resolve('sdk/contracts/trainers'),
    runtimeDir: resolve('trainers/runtime'),
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 2,
    graceSeconds: 1,
  });
  return { backend, artifacts, rows, features: flightFeatures };
});
