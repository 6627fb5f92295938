import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LocalBackend } from '../../../activities/training/compute/local/backend';
import { createLocalBackend } from '../../../activities/training/compute/local/backend';
import { JobDirectory } from '../../../activities/training/compute/local/job-directory';
import type { TrainedModel, TrainModelInput } from '../../../activities/training/train';
import { createTrainActivities } from '../../../activities/training/train';
import type { ArtifactStore } from '../../../data/artifact/store';
import { openArtifactStore } from '../../../data/artifact/store';
import type { ArtifactRef } from '../../../domain/artifact';
import { defaultTenant, effectKey, type RunId } from '../../../domain/ids';
import type { JobHandle } from '../../../domain/training/job';
import { waitUntilGone } from '../../../sdk/contracts/compute-backend';
import { pythonPath, testBucket } from '../../support/platform';
import { pythonEnvironments } from '../../support/training/python-environments';
import { flightFeatures, trainingRows } from '../../support/training/training-rows';
import { until } from '../../support/time/until';
import { fakeCosts } from '../../support/cost/fake-costs';

// Real training on a machine that may be busy.
const runId = 'run_train' as RunId;
const events: {
  readonly kind: string;
  readonly stage?: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}[] = [];
const held = new Map<string, string>();
let folder: string;
let artifacts: ArtifactStore;
let backend: LocalBackend;
let activities: ReturnType<typeof createTrainActivities>;
let assembled: ArtifactRef;
let generation = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-train-'));
  artifacts = openArtifactStore({ ...testBucket(), leases: null });
  await artifacts.ensureBucket();
  backend = createLocalBackend({
    python: pythonPath(),
    trainersDir: resolve('trainers'),
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 2,
    graceSeconds: 2,
  });
  const registry = {
    events: { append: (event: (typeof events)[number]) => Promise.resolve(events.push(event)) },
    artifacts: {
      reference: ({ digest, by }: { digest: string; by: string }) => {
        held.set(digest, by);
        return Promise.resolve();
      },
    },
    costs: fakeCosts(),
  };
  activities = createTrainActivities({
    prices: {},
    backends: { local: backend },
    artifacts,
    registry,
    trainersDir: resolve('trainers'),
    environments: pythonEnvironments(join(folder, 'state')),
  });
  const train = await trainingRows(artifacts, folder, { task: 'classification', rows: 4_000 });
  const tuning = await trainingRows(artifacts, folder, {
    task: 'classification',
    rows: 1_000,
    first: 4_000,
  });
  assembled = await artifacts.putJson({
    tenant: defaultTenant,
    value: {
      task: 'classification',
      features: flightFeatures,
      parts: { train: { features: train }, tuning: { features: tuning } },
    },
  });
});
afterAll(async () => {
  await backend.close();
  artifacts.close();
  await rm(folder, { recursive: true, force: true });
});

function input(
  params: Readonly<Record<string, unknown>>,
  more: Partial<TrainModelInput['train']> = {},
): TrainModelInput {
  generation += 1;
  return {
    tenant: defaultTenant,
    runId,
    key: effectKey(runId, 'train', 'job', generation),
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    lifecycle: 'flight-delay',
    train: {
      trainer: 'lightgbm',
      task: null,
      params,
      seed: 7,
      compute: { backend: 'local', cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60, retries: 3 },
      ...more,
    },
    assembled,
  };
}

const long = { num_iterations: 20_000, num_leaves: 63, learning_rate: 0.001 };

/** A running attempt with its heartbeats and its end. */
function attempt(of: TrainModelInput, heartbeatDetails?: JobHandle) {
  const environment = new MockActivityEnvironment(
    { heartbeatDetails },
    { logger: new DefaultLogger('ERROR') },
  );
  const beats: JobHandle[] = [];
  environment.on('heartbeat', (handle: JobHandle) => beats.push(handle));
  const end: Promise<TrainedModel> = environment.run(
    (given: TrainModelInput) => activities.trainModel(given),
    of,
  );
  end.catch(() => undefined);
  return { environment, beats, end };
}

const isTraining = async (handle: JobHandle | undefined) => {
  if (!handle) return false;
  const state = await backend.poll(handle);
  return state.kind === 'running' && state.metrics.length > 0;
};

test('trains and returns references to the graph and the log', async () => {
  const of = input({ num_iterations: 30 });
  const { beats, end } = attempt(of);
  const trained = await end;
  expect(beats[0]).toEqual({
    backend: 'local',
    jobId: of.key,
    tenant: 'default',
    detail: {},
  });
  expect(trained.trainer).toEqual({
    name: 'lightgbm',
    codeDigest: expect.stringMatching(/^sha256:/) as string,
  });
  expect(trained.result.facts).toMatchObject({ trees: 30, rows: 4_000, parity: { share: 1 } });
  expect(await artifacts.exists(trained.onnx)).toBe(true);
  expect(Buffer.from(await artifacts.getBytes(trained.logs)).toString()).toContain(
    '"traceId": "4bf92f3577b34da6a3ce929d0e0e4736"',
  );
  expect(await attempt(of).end).toEqual(trained);
});

test('rejects parameters before a job exists, and lists all errors', async () => {
  await expect(attempt(input({ num_leavs: 3, learning_rate: 7 })).end).rejects.toMatchObject({
    type: 'InvalidInput',
    issues: [
      expect.objectContaining({ pointer: '/spec/train/params/learning_rate' }),
      expect.objectContaining({
        pointer: '/spec/train/params/num_leavs',
        didYouMean: 'num_leaves',
      }),
    ],
  });
  await expect(activities.describeTrainer({ trainer: 'nonesuch' })).rejects.toMatchObject({
    type: 'NotFound',
  });
});

test('refuses a backend that the worker does not have, and names the next step', async () => {
  const of = input({});
  const compute = { ...of.train.compute, backend: 'ray' as const };
  await expect(attempt({ ...of, train: { ...of.train, compute } }).end).rejects.toMatchObject({
    type: 'BackendUnavailable',
    message: 'this worker has no compute backend ray',
  });
});

test("fails with the type of the job's failure, and shows how to read its log", async () => {
  events.length = 0;
  const of = input(long);
  const compute = { ...of.train.compute, timeoutSeconds: 1 };
  await expect(attempt({ ...of, train: { ...of.train, compute } }).end).rejects.toMatchObject({
    type: 'JobTimeout',
    message: expect.stringMatching(/ran for 1\.?\d* s; compute\.timeout allows 1 s/) as string,
    next: `perennial run logs ${runId}`,
  });
  const { stage, data } = events.find(({ kind }) => kind === 'job.failed') ?? {};
  expect({ stage, job: data?.['job'] }).toEqual({ stage: 'train', job: of.key });
  const logs = data?.['logs'] as ArtifactRef;
  expect(Buffer.from(await artifacts.getBytes(logs)).toString()).toContain('training starts');
  expect(held.get(logs.digest)).toBe(`run:${runId}`);
});

test('streams metrics to the run’s events, and ends the job when the run is cancelled', async () => {
  events.length = 0;
  const { environment, beats, end } = attempt(input(long));
  await until(() => events.length >= 2);
  expect(events[0]).toMatchObject({
    tenant: 'default',
    runId,
    kind: 'train.metrics',
    stage: 'train',
    data: { trainer: 'lightgbm', job: expect.stringContaining('/train/job/') as string },
  });
  expect(events[0]?.data['metrics']).toEqual([
    {
      name: 'train_logloss',
      step: expect.any(Number) as number,
      value: expect.any(Number) as number,
    },
  ]);
  const handle = beats.at(-1);
  environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
  await expect(end).rejects.toBeInstanceOf(CancelledFailure);
  if (handle) expect(await backend.poll(handle)).toEqual({ kind: 'cancelled' });
  const { stage, data } = events.find(({ kind }) => kind === 'job.cancelled') ?? {};
  expect(stage).toBe('train');
  const logs = data?.['logs'] as ArtifactRef;
  expect(Buffer.from(await artifacts.getBytes(logs)).toString()).toContain('training starts');
  expect(held.get(logs.digest)).toBe(`run:${runId}`);
});

test('leaves the job to the next attempt after a timeout, which finds it by heartbeat or key', async () => {
  const of = input(long);
  const first = attempt(of);
  await until(() => isTraining(first.beats.at(-1)));
  const pid = findPid(of);
  first.environment.cancel('NOT_FOUND', new ActivityCancellationDetails({ notFound: true }));
  await expect(first.end).rejects.toBeInstanceOf(CancelledFailure);
  for (const details of [first.beats.at(-1), undefined]) {
    const next = attempt(of, details);
    await until(() => isTraining(next.beats.at(-1)));
    expect(findPid(of)).toBe(pid);
    next.environment.cancel(
      'WORKER_SHUTDOWN',
      new ActivityCancellationDetails({ workerShutdown: true }),
    );
    await expect(next.end).rejects.toMatchObject({ type: 'JobLost' });
  }
  await backend.cleanup(`${runId}/`);
  await waitUntilGone([pid]);
  expect(await readdir(join(folder, 'state', 'compute'))).toEqual([]);
});

/** For the job's process on this machine. */
function findPid({ key }: TrainModelInput): number {
  const path = new JobDirectory(join(folder, 'state', 'compute'), key).file('process.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { pid: number }).pid;
}
