import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  createLocalBackend,
  type LocalBackend,
  type LocalBackendSettings,
} from '../../../../activities/training/compute/local/backend';
import { storedCheckpoint } from '../../../../activities/training/compute/local/checkpoint-mirror';
import { JobDirectory } from '../../../../activities/training/compute/local/job-directory';
import { openArtifactStore, type ArtifactStore } from '../../../../data/artifact/store';
import type { ArtifactRef } from '../../../../domain/artifact';
import type { JobState, TrainerJob } from '../../../../domain/training/job';
import { waitForEnd, runningUntil } from '../../../../sdk/contracts/compute-backend';
import { pythonPath, testBucket } from '../../../support/platform';
import { flightFeatures, trainingRows } from '../../../support/training/training-rows';

let folder: string;
let store: ArtifactStore;
let rows: ArtifactRef;
let jobs = 0;
const workers: LocalBackend[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-mirror-'));
  store = openArtifactStore({ ...testBucket(), leases: null });
  await store.ensureBucket();
  rows = await trainingRows(store, folder, { rows: 500, task: 'classification' });
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.close();
});
afterAll(async () => {
  store.close();
  await rm(folder, { recursive: true, force: true });
});

/** Workers share nothing but the store. */
function worker(name: string, more: Partial<LocalBackendSettings> = {}): LocalBackend {
  const opened = createLocalBackend({
    python: pythonPath(),
    trainersDir: resolve('sdk/contracts/trainers'),
    runtimeDir: resolve('trainers/runtime'),
    stateDir: join(folder, `${jobs}-${name}`),
    artifacts: store,
    maxConcurrent: 1,
    checkpointSeconds: 0.2,
    ...more,
  });
  workers.push(opened);
  return opened;
}

function job(params: Readonly<Record<string, unknown>>): TrainerJob {
  jobs += 1;
  return {
    id: `run_mirror/train/job/${jobs}`,
    tenant: 'default',
    trainer: 'probe',
    params: { behaviour: 'learn', ...params },
    seed: 1,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    resources: { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 },
  };
}

const findArea = ({ id, tenant }: TrainerJob) =>
  store.jobs.of({ tenant, jobId: id, runId: 'run_mirror' });
const openDirectory = (name: string, { id }: TrainerJob) =>
  new JobDirectory(join(folder, `${jobs}-${name}`, 'compute'), id);
const hasReached = (step: number) => (seen: readonly { readonly step: number }[]) =>
  seen.some((metric) => metric.step >= step);

function ownSteps(state: JobState): number {
  if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
  expect(state.result.metrics).toEqual({ loss: 1 / 40 });
  return Number(state.result.facts['ownSteps']);
}

/** Runs until the store has a checkpoint of this step, and then as a worker that was cut off. */
async function cutOff(given: TrainerJob, step: number): Promise<void> {
  const first = worker('first');
  const handle = await first.submit(given);
  await runningUntil(first, handle, hasReached(step));
  await first.close();
}

test('another worker continues a job from where a worker that stopped left it', async () => {
  const given = job({ steps: 40, step_seconds: 0.1 });
  await cutOff(given, 12);
  const second = worker('second');
  const handle = await second.submit(given);
  const state = await waitForEnd(second, handle);
  expect(ownSteps(state)).toBeLessThanOrEqual(29);
  expect((await second.logs(handle, 10_000)).text).toMatch(/resumes at iteration 1[1-9]/);
  const reported = readFileSync(openDirectory('second', given).file('metrics.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly name: string; readonly step: number })
    .filter(({ name }) => name === 'loss')
    .map((line) => line.step);
  expect(reported).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
});

test('another worker continues a job of a worker that does not respond any more', async () => {
  const given = job({ steps: 40, step_seconds: 0.2 });
  const [first, second] = [worker('first'), worker('second')];
  // Starts its Python, which takes longer than the job on a busy machine.
  await second.check();
  await runningUntil(first, await first.submit(given), hasReached(12));
  const handle = await second.submit(given);
  const writers: string[] = [];
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      const stored = await storedCheckpoint(findArea(given));
      if (stored && stored.writer !== writers.at(-1)) writers.push(stored.writer);
      await new Promise((again) => setTimeout(again, 20));
    }
  })();
  const state = await waitForEnd(second, handle);
  isOver = true;
  await watch;
  expect(ownSteps(state)).toBeLessThanOrEqual(34);
  // The first still runs its job, and must not write over the checkpoint of the second.
  expect(writers).toHaveLength(2);
});

test('the store has the last two checkpoints only, and none of a job that has succeeded', async () => {
  const given = job({ steps: 40, step_seconds: 0.1 });
  const first = worker('first');
  const handle = await first.submit(given);
  let most = 0;
  await runningUntil(first, handle, (seen) => {
    void findArea(given)
      .names('blobs/')
      .then((names) => (most = Math.max(most, names.length)));
    return hasReached(30)(seen);
  });
  // Two checkpoints have two files each. During an upload there are two more.
  expect(most).toBeGreaterThanOrEqual(4);
  expect(most).toBeLessThanOrEqual(6);
  expect(await waitForEnd(first, handle)).toMatchObject({ kind: 'succeeded' });
  for (let wait = 0; wait < 100 && (await findArea(given).names('')).length > 0; wait += 1)
    await new Promise((again) => setTimeout(again, 50));
  expect(await findArea(given).names('')).toEqual([]);
});

test('a job that has succeeded leaves nothing in the store, also without a checkpoint', async () => {
  const given = job({ steps: 1, step_seconds: 0.5 });
  const first = worker('first');
  expect(await waitForEnd(first, await first.submit(given))).toMatchObject({ kind: 'succeeded' });
  expect(await findArea(given).names('')).toEqual([]);
});

test('a failed upload names the job and does not end it', async () => {
  const given = job({ steps: 10, step_seconds: 0.1 });
  const upload = () => Promise.reject(new Error('the store is full'));
  const jobsOfFullStore: ArtifactStore['jobs'] = {
    ...store.jobs,
    of: (owner) => ({ ...store.jobs.of(owner), upload }),
  };
  const failed = new Set<string>();
  const first = worker('first', {
    artifacts: { ...store, jobs: jobsOfFullStore },
    onMirrorError: (id, { message }) => failed.add(`${id}: ${message}`),
  });
  expect(await waitForEnd(first, await first.submit(given))).toMatchObject({ kind: 'succeeded' });
  expect([...failed]).toEqual([`${given.id}: the store is full`]);
});

test('the checkpoint before is used when a part of the newest is not in the store', async () => {
  const given = job({ steps: 40, step_seconds: 0.1 });
  await cutOff(given, 12);
  const stored = await storedCheckpoint(findArea(given));
  const state = stored?.files.find(({ path }) => path.endsWith('/state'));
  const before = stored?.before[0]?.path.split('/')[0];
  await findArea(given).remove([`blobs/${state?.digest.slice('sha256:'.length)}`]);
  const second = worker('second');
  const handle = await second.submit(given);
  ownSteps(await waitForEnd(second, handle));
  expect((await second.logs(handle, 10_000)).text).toContain(`resumes at iteration ${before}"`);
});

test('a job whose only checkpoint is not complete starts again, and its log says so', async () => {
  const given = job({ steps: 40, step_seconds: 0.05 });
  await cutOff(given, 5);
  await findArea(given).remove(await findArea(given).names('blobs/'));
  const second = worker('second');
  const handle = await second.submit(given);
  expect(ownSteps(await waitForEnd(second, handle))).toBe(40);
  expect((await second.logs(handle, 10_000)).text).toContain('starts again at iteration 0');
});

test('a link in a checkpoint is not followed', async () => {
  const given = job({ steps: 40, step_seconds: 0.1 });
  const first = worker('first');
  await runningUntil(first, await first.submit(given), hasReached(5));
  await first.close();
  const directory = openDirectory('first', given);
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'secret');
  const step = directory.checkpoint()[0]?.path.split('/')[0] ?? '';
  symlinkSync(secret, directory.file('checkpoint', step, 'link'));
  expect(directory.checkpoint().map(({ path }) => path)).not.toContain(`${step}/link`);
  const copy = join(folder, 'copy');
  expect(await directory.copyCheckpointFile(`${step}/link`, copy)).toBeNull();
});
