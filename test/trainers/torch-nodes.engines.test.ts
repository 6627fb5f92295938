import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  createRemoteBackend,
  type RemoteBackend,
} from '../../activities/training/compute/remote/backend';
import { createSlurmEngine } from '../../activities/training/compute/slurm/engine';
import { openArtifactStore, type ArtifactStore } from '../../data/artifact/store';
import type { ArtifactRef } from '../../domain/artifact';
import type { TrainerJob } from '../../domain/training/job';
import { startSlurm, type RunningSlurm } from '../support/engine/slurm';
import { testBucket } from '../support/platform';
import { pause } from '../support/process/product';
import { flightFeatures, trainingRows } from '../support/training/training-rows';

/** PyTorch is provisioned by the tier `llm`. Without it, the test is skipped. */
const pythonLlm =
  process.env['PERENNIAL_PYTHON_LLM'] ?? resolve('.perennial', 'python-llm', 'bin', 'python');
const hasTorch = existsSync(pythonLlm);

jest.setTimeout(600_000);

let slurm: RunningSlurm;
let folder: string;
let store: ArtifactStore;
let rows: ArtifactRef;
let backend: RemoteBackend;

beforeAll(async () => {
  slurm = await startSlurm({ nodeCount: 2 });
  folder = await mkdtemp(join(tmpdir(), 'perennial-torch-nodes-'));
  store = openArtifactStore({ ...testBucket(), leases: null });
  await store.ensureBucket();
  rows = await trainingRows(store, folder, { rows: 2_000, task: 'classification' });
  backend = createRemoteBackend({
    engine: createSlurmEngine({
      url: slurm.url,
      user: slurm.user,
      token: () => slurm.token(),
      workingDirectory: slurm.workingDirectory,
    }),
    artifacts: store,
    python: pythonLlm,
    trainersDir: resolve('trainers'),
    packageDir: resolve('python'),
    newsSeconds: 0.5,
    graceSeconds: 10,
  });
});
afterAll(async () => {
  store.close();
  await rm(folder, { recursive: true, force: true });
  await slurm.close();
});

async function trained(name: string, processes: number, nodes: number) {
  const job: TrainerJob = {
    id: `run_torch_nodes/train/job/${name}`,
    tenant: 'default',
    trainer: 'torch',
    // Dropout depends on the process.
    params: { epochs: 3, batch: 60, dropout: 0, processes },
    seed: 3,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    resources: { cpus: 2, memoryBytes: 3 * 2 ** 30, timeoutSeconds: 500, nodes },
  };
  const handle = await backend.submit(job);
  for (;;) {
    const state = await backend.poll(handle);
    if (state.kind === 'succeeded') return state.result;
    if (state.kind !== 'queued' && state.kind !== 'running')
      throw new Error(`${JSON.stringify(state)}\n${(await backend.logs(handle, 4_000)).text}`);
    await pause(200);
  }
}

(hasTorch ? test : test.skip)(
  'two nodes train the same model as two processes on one, but for rounding',
  async () => {
    const one = await trained('one-node', 2, 1);
    const two = await trained('two-nodes', 1, 2);
    const both = await trained('two-nodes-with-two', 2, 2);
    expect(one.facts).toMatchObject({ processes: 2, nodes: 1 });
    expect(two.facts).toMatchObject({ processes: 2, nodes: 2 });
    expect(both.facts).toMatchObject({ processes: 4, nodes: 2 });
    const [loss, ofTwo, ofBoth] = [one, two, both].map(
      ({ metrics }) => metrics['train_logloss'] ?? NaN,
    );
    expect(ofTwo).toBeCloseTo(loss ?? NaN, 6);
    expect(ofBoth).toBeCloseTo(loss ?? NaN, 4);
  },
);
