import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createKubernetesEngine } from '../../../../../activities/training/compute/kubernetes/engine';
import { createRemoteBackend } from '../../../../../activities/training/compute/remote/backend';
import { openArtifactStore, type ArtifactStore } from '../../../../../data/artifact/store';
import type { ArtifactRef } from '../../../../../domain/artifact';
import type { ComputeBackend, TrainerJob } from '../../../../../domain/training/job';
import { waitForEnd, runningUntil } from '../../../../../sdk/contracts/compute-backend';
import {
  startFakeKubernetes,
  type FakeKubernetes,
} from '../../../../support/engine/kubernetes/cluster';
import { pythonPath, testBucket } from '../../../../support/platform';
import { flightFeatures, trainingRows } from '../../../../support/training/training-rows';

let fake: FakeKubernetes;
let folder: string;
let store: ArtifactStore;
let rows: ArtifactRef;
let worker: ComputeBackend;

beforeAll(async () => {
  fake = await startFakeKubernetes();
  folder = await mkdtemp(join(tmpdir(), 'perennial-taken-'));
  store = openArtifactStore({ ...testBucket(), leases: null });
  await store.ensureBucket();
  rows = await trainingRows(store, folder, { rows: 500, task: 'classification' });
  const { namespace, image, kubeconfig } = fake;
  worker = createRemoteBackend({
    engine: createKubernetesEngine({ namespace, image, kubeconfig }),
    artifacts: store,
    python: pythonPath(),
    trainersDir: resolve('sdk/contracts/trainers'),
    runtimeDir: resolve('trainers/runtime'),
    packageDir: resolve('python'),
    newsSeconds: 0.2,
    checkpointSeconds: 0.2,
    graceSeconds: 1,
  });
});
afterAll(async () => {
  await fake.close();
  store.close();
  await rm(folder, { recursive: true, force: true });
});

test.each<[string, string, (name: string) => void]>([
  [
    'its eviction',
    'none',
    (name: string) => fake.controllers.disrupt(name, 'EvictionByEvictionAPI', 'drain'),
  ],
  ['Kueue queued it again', 'research', (name: string) => fake.controllers.suspend(name, true)],
])('a job continues in one new attempt after %s', async (_, queue, take) => {
  const job: TrainerJob = {
    id: `run_taken/train/job/${queue}`,
    tenant: 'default',
    trainer: 'probe',
    seed: 1,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    params: { behaviour: 'learn', steps: 60, step_seconds: 0.1 },
    resources: {
      cpus: 1,
      memoryBytes: 2 ** 30,
      timeoutSeconds: 300,
      ...(queue !== 'none' && { queue }),
    },
  };
  const admit = (): void => {
    for (const name of fake.controllers.jobs.keys()) fake.controllers.suspend(name, false);
  };
  const handle = await worker.submit(job);
  admit();
  await runningUntil(worker, handle, (seen) =>
    seen.some(({ name, step }) => name === 'loss' && step >= 12),
  );
  const first = [...fake.controllers.jobs.keys()].at(-1) ?? '';
  take(first);
  expect(await waitForEnd(worker, handle)).toMatchObject({
    kind: 'failed',
    failure: 'JobLost',
    isMachineLost: true,
  });
  await worker.submit(job);
  expect([...fake.controllers.jobs.keys()]).toEqual([first.replace(/-1$/, '-2')]);
  admit();
  const state = await waitForEnd(worker, handle);
  if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
  expect(state.result.facts['ownSteps']).toBeLessThanOrEqual(54);
  expect(state.result.metrics).toEqual({ loss: 1 / 60 });
  await worker.discard(handle);
  expect(fake.controllers.jobs.size + fake.controllers.secrets.size).toBe(0);
  expect(fake.violations).toEqual([]);
});
