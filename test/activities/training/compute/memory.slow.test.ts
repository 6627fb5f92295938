import { MockActivityEnvironment } from '@temporalio/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { followJob, type FinalJobState } from '../../../../activities/training/compute/follow-job';
import {
  createLocalBackend,
  type LocalBackend,
} from '../../../../activities/training/compute/local/backend';
import type { ArtifactRef } from '../../../../domain/artifact';
import type { JobResources, TrainerJob } from '../../../../domain/training/job';
import { freeMeter } from '../../../support/cost/fake-costs';
import { directoryArtifacts } from '../../../support/directory-artifacts';
import { pythonPath } from '../../../support/platform';
import { flightFeatures, trainingRows } from '../../../support/training/training-rows';

const mebibyte = 2 ** 20;
let folder: string;
let backend: LocalBackend;
let rows: ArtifactRef;
let jobs = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-memory-'));
  const artifacts = directoryArtifacts(join(folder, 'artifacts'));
  rows = await trainingRows(artifacts, folder, { rows: 500, task: 'classification' });
  backend = createLocalBackend({
    python: pythonPath(),
    trainersDir: resolve('sdk/contracts/trainers'),
    runtimeDir: resolve('trainers/runtime'),
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 1,
  });
});
afterAll(async () => {
  await backend.close();
  await rm(folder, { recursive: true, force: true });
});

/** Takes 400 MiB at first, and then so many more. */
async function follow(hold: number, more: Partial<JobResources> = {}) {
  jobs += 1;
  const job: TrainerJob = {
    id: `run_memory/train/job/${jobs}`,
    tenant: 'default',
    trainer: 'probe',
    params: { behaviour: 'learn', steps: 10, step_seconds: 0.1, hold_mebibytes: hold },
    seed: 1,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    resources: { cpus: 1, memoryBytes: 400 * mebibyte, timeoutSeconds: 60, ...more },
  };
  const restarts: string[] = [];
  const state: unknown = await new MockActivityEnvironment().run(() =>
    followJob({
      backends: { local: backend },
      kind: 'local',
      tenant: 'default',
      jobId: job.id,
      meter: freeMeter(job.id),
      prepare: () => Promise.resolve(job),
      look: () => Promise.resolve(undefined),
      onRestart: (reason) => Promise.resolve(void restarts.push(reason)),
      onCancelled: () => Promise.resolve(),
      longestPauseMs: 200,
    }),
  );
  return { id: job.id, state: state as FinalJobState, restarts };
}

test('a job whose memory ran out continues with twice as much, and the run says so', async () => {
  const { id, state, restarts } = await follow(450);
  if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
  expect(state.result.facts['ownSteps']).toBeLessThan(10);
  expect(restarts).toEqual([
    expect.stringMatching(
      new RegExp(
        `^job ${id} used \\d+MiB of memory; this attempt had 400MiB\\. ` +
          'It starts again from its last checkpoint with 800MiB$',
      ),
    ),
  ]);
});

test('a job whose memory runs out twice fails, and the error names both amounts', async () => {
  const { state, restarts } = await follow(2_000);
  expect(restarts).toHaveLength(1);
  expect(state).toMatchObject({
    kind: 'failed',
    failure: 'JobOutOfMemory',
    message: expect.stringMatching(
      /ran out with 400MiB and again with 800MiB\. Set compute\.memory above 800MiB/,
    ) as string,
  });
});

test('a job gets no more than compute.maxMemory', async () => {
  const { state, restarts } = await follow(450, { maxMemoryBytes: 400 * mebibyte });
  expect(restarts).toEqual([]);
  expect(state).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('because compute.maxMemory is 400MiB') as string,
  });
});
