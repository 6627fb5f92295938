import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type {
  LocalBackend,
  LocalBackendSettings,
} from '../../../../activities/training/compute/local/backend';
import { createLocalBackend } from '../../../../activities/training/compute/local/backend';
import { JobDirectory } from '../../../../activities/training/compute/local/job-directory';
import type { ArtifactRef } from '../../../../domain/artifact';
import type { Job } from '../../../../domain/training/job';
import { waitForEnd, waitUntilGone, runningUntil } from '../../../../sdk/contracts/compute-backend';
import type { ComputeWorkerOrder } from '../../../support/process/compute-worker';
import { directoryArtifacts } from '../../../support/directory-artifacts';
import { pythonPath } from '../../../support/platform';
import { flightFeatures, trainingRows } from '../../../support/training/training-rows';

// Processes are killed and restarted on a machine that may be busy.
const trainersDir = resolve('sdk/contracts/trainers');
const runtimeDir = resolve('trainers/runtime');
let folder: string;
let rows: ArtifactRef;
let jobs = 0;
const backends: LocalBackend[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-deaths-'));
  rows = await trainingRows(directoryArtifacts(join(folder, 'artifacts')), folder, {
    rows: 500,
    task: 'classification',
  });
});
afterEach(async () => {
  for (const backend of backends.splice(0)) await backend.close();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function open(stateDir: string, more: Partial<LocalBackendSettings> = {}): LocalBackend {
  const artifacts = directoryArtifacts(join(folder, 'artifacts'));
  const backend = createLocalBackend({
    python: pythonPath(),
    trainersDir,
    runtimeDir,
    stateDir,
    artifacts,
    maxConcurrent: 2,
    graceSeconds: 1,
    ...more,
  });
  backends.push(backend);
  return backend;
}

function probe(params: Readonly<Record<string, unknown>>): Job {
  jobs += 1;
  return {
    id: `run_deaths/train/job/${jobs}`,
    tenant: 'default',
    trainer: 'probe',
    params,
    seed: 1,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    resources: { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 },
  };
}

const slow = { behaviour: 'learn', steps: 60, step_seconds: 0.05 };

/** For a job on this machine. */
function findProcess(
  stateDir: string,
  job: Job,
): { readonly pid: number; readonly host: { readonly pid: number } } {
  const path = new JobDirectory(join(stateDir, 'compute'), job.id).file('process.json');
  return JSON.parse(readFileSync(path, 'utf8')) as { pid: number; host: { pid: number } };
}

async function startWorker(
  order: Omit<ComputeWorkerOrder, 'python' | 'trainersDir' | 'runtimeDir' | 'artifactsDir'>,
) {
  const full: ComputeWorkerOrder = {
    ...order,
    python: pythonPath(),
    trainersDir,
    runtimeDir,
    artifactsDir: join(folder, 'artifacts'),
  };
  const worker = spawn(
    process.execPath,
    ['-r', 'tsx/cjs', resolve('test/support/process/compute-worker.ts'), JSON.stringify(full)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await new Promise<void>((done, fail) => {
    worker.stdout.once('data', () => done());
    worker.once('exit', (code) => fail(new Error(`the worker ended with ${code}`)));
  });
  return worker;
}

async function eventually(condition: () => boolean): Promise<void> {
  for (let wait = 0; wait < 400 && !condition(); wait += 1)
    await new Promise((again) => setTimeout(again, 25));
  expect(condition()).toBe(true);
}

describe('when the warm parent is killed', () => {
  test('its jobs are lost, waiting ones run under a new parent, and a lost one resumes', async () => {
    const stateDir = join(folder, 'host');
    const backend = open(stateDir, { maxConcurrent: 1 });
    const [running, waiting] = [probe(slow), probe({ behaviour: 'learn' })];
    const first = await backend.submit(running);
    const second = await backend.submit(waiting);
    await runningUntil(backend, first, (metrics) => metrics.some(({ step }) => step >= 5));
    expect(await backend.poll(second)).toEqual({ kind: 'queued' });
    const { pid, host } = findProcess(stateDir, running);
    process.kill(host.pid, 'SIGKILL');
    expect(await waitForEnd(backend, first)).toMatchObject({ kind: 'failed', failure: 'JobLost' });
    await waitUntilGone([pid, host.pid]);
    expect(await waitForEnd(backend, second)).toMatchObject({ kind: 'succeeded' });
    const again = await waitForEnd(backend, await backend.submit(running));
    if (again.kind !== 'succeeded') throw new Error(JSON.stringify(again));
    expect(again.result.facts['ownSteps']).toBeLessThanOrEqual(56);
  });

  test('processes that a job moved to another session are ended too', async () => {
    const stateDir = join(folder, 'daemon');
    const backend = open(stateDir);
    const job = probe({ behaviour: 'hang' });
    const metrics = await runningUntil(
      backend,
      await backend.submit(job),
      (seen) => seen.length === 2,
    );
    process.kill(findProcess(stateDir, job).host.pid, 'SIGKILL');
    await waitUntilGone(metrics.map(({ value }) => value));
  });
});

describe('when the worker is killed', () => {
  test('none of its processes survive, and the next worker resumes its job', async () => {
    const stateDir = join(folder, 'worker');
    const [job, deaf] = [probe(slow), probe({ behaviour: 'hang' })];
    const worker = await startWorker({ stateDir, jobs: [job, deaf] });
    const directory = new JobDirectory(join(stateDir, 'compute'), job.id);
    await eventually(
      () =>
        existsSync(directory.file('checkpoint', '5')) ||
        existsSync(directory.file('checkpoint', '6')),
    );
    await eventually(() =>
      existsSync(new JobDirectory(join(stateDir, 'compute'), deaf.id).file('process.json')),
    );
    const { pid, host } = findProcess(stateDir, job);
    const deafPid = findProcess(stateDir, deaf).pid;
    worker.kill('SIGKILL');
    await waitUntilGone([worker.pid ?? -1, host.pid, pid, deafPid]);

    const backend = open(stateDir);
    const handle = { backend: 'local' as const, jobId: job.id, tenant: 'default', detail: {} };
    expect(await backend.poll(handle)).toMatchObject({ kind: 'failed', failure: 'JobLost' });
    const state = await waitForEnd(backend, await backend.submit(job));
    if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
    expect(state.result.facts['ownSteps']).toBeLessThanOrEqual(56);
  });

  test('a job that had written its result has succeeded', async () => {
    const stateDir = join(folder, 'result');
    const job = probe({ behaviour: 'learn' });
    const worker = await startWorker({ stateDir, jobs: [job] });
    const directory = new JobDirectory(join(stateDir, 'compute'), job.id);
    await eventually(() => directory.result() !== null);
    worker.kill('SIGKILL');
    const backend = open(stateDir);
    expect(
      await waitForEnd(backend, { backend: 'local', jobId: job.id, tenant: 'default', detail: {} }),
    ).toMatchObject({
      kind: 'succeeded',
      outputs: [{ name: 'model.onnx' }],
    });
  });

  test('together with its warm parent, the next worker ends the processes of its jobs', async () => {
    const stateDir = join(folder, 'both');
    const job = probe({ behaviour: 'hang' });
    const worker = await startWorker({ stateDir, jobs: [job] });
    const directory = new JobDirectory(join(stateDir, 'compute'), job.id);
    await eventually(
      () =>
        existsSync(directory.file('metrics.ndjson')) &&
        readFileSync(directory.file('metrics.ndjson'), 'utf8').split('\n').length === 3,
    );
    const daemon = (await directory.metrics()).find(({ name }) => name === 'daemon')?.value ?? -1;
    const { pid, host } = findProcess(stateDir, job);
    // A stopped parent cannot act on the worker's death.
    process.kill(host.pid, 'SIGSTOP');
    worker.kill('SIGKILL');
    process.kill(host.pid, 'SIGKILL');
    await waitUntilGone([host.pid, pid]);
    expect(existsSync(`/proc/${daemon}`)).toBe(process.platform === 'linux');
    expect(await open(stateDir).check()).toMatchObject({ ready: true });
    await waitUntilGone([daemon]);
  });
});

describe('when the worker shuts down', () => {
  test('a running job saves its state, a waiting one does not start, and both continue later', async () => {
    const stateDir = join(folder, 'order');
    const backend = open(stateDir, { maxConcurrent: 1 });
    const [running, waiting] = [probe(slow), probe({ behaviour: 'learn' })];
    const handle = await backend.submit(running);
    await backend.submit(waiting);
    await runningUntil(backend, handle, (metrics) => metrics.some(({ step }) => step >= 3));
    const { pid, host } = findProcess(stateDir, running);
    await backend.close();
    await waitUntilGone([pid, host.pid]);
    const next = open(stateDir);
    expect(await next.poll(handle)).toMatchObject({
      kind: 'failed',
      failure: 'JobLost',
      message: 'was stopped by SIGTERM before its end',
    });
    for (const job of [running, waiting])
      expect(await waitForEnd(next, await next.submit(job))).toMatchObject({ kind: 'succeeded' });
  });
});

test('a job that is no longer polled is stopped', async () => {
  const stateDir = join(folder, 'abandoned');
  const backend = open(stateDir, { abandonedAfterSeconds: 1 });
  const job = probe({ behaviour: 'hang' });
  const handle = await backend.submit(job);
  await runningUntil(backend, handle, (metrics) => metrics.length === 2);
  const { pid } = findProcess(stateDir, job);
  await waitUntilGone([pid]);
  expect(await waitForEnd(backend, handle)).toMatchObject({ kind: 'failed', failure: 'JobLost' });
});

test('a job whose inputs arrive late is not taken for one that is no longer polled', async () => {
  const artifacts = directoryArtifacts(join(folder, 'artifacts'));
  const backend = open(join(folder, 'late'), {
    abandonedAfterSeconds: 0.5,
    artifacts: {
      ...artifacts,
      toFile: async (ref, path) => {
        await new Promise((done) => setTimeout(done, 2_000));
        await artifacts.toFile(ref, path);
      },
    },
  });
  const handle = await backend.submit(probe({ behaviour: 'learn' }));
  expect(await waitForEnd(backend, handle)).toMatchObject({ kind: 'succeeded' });
});

test('a job with missing inputs is rejected and may be submitted again', async () => {
  const backend = open(join(folder, 'inputs'));
  const missing = { ...rows, digest: `sha256:${'0'.repeat(64)}` as const };
  const job = { ...probe({ behaviour: 'learn' }), inputs: { train: [missing] } };
  await expect(backend.submit(job)).rejects.toMatchObject({ type: 'ArtifactMissing' });
  await expect(backend.submit(job)).rejects.toMatchObject({ type: 'ArtifactMissing' });
});

describe('when Python or a package is missing', () => {
  test('names the missing interpreter and the next step', async () => {
    const backend = open(join(folder, 'nopython'), { python: join(folder, 'no', 'python') });
    await expect(backend.submit(probe({ behaviour: 'learn' }))).rejects.toMatchObject({
      type: 'BackendUnavailable',
      message:
        `cannot start Python for trainers: ${join(folder, 'no', 'python')} ` +
        'does not exist or does not run',
      next: expect.stringContaining('npm start') as string,
    });
    expect(await backend.check()).toMatchObject({
      ready: false,
      detail: expect.stringContaining('PERENNIAL_PYTHON') as string,
    });
  });

  test('names the missing package and the command that installs it', async () => {
    const bare = join(folder, 'bare-python');
    await writeFile(
      bare,
      `#!/bin/sh\necho "ModuleNotFoundError: No module named 'lightgbm'" >&2\nexit 1\n`,
    );
    await chmod(bare, 0o755);
    const backend = open(join(folder, 'nopackages'), { python: bare });
    await expect(backend.submit(probe({ behaviour: 'learn' }))).rejects.toMatchObject({
      type: 'BackendUnavailable',
      message: `the Python package lightgbm is not installed for ${bare}`,
      next: `${bare} -m pip install --require-hashes -r ${resolve('trainers/requirements.lock')}`,
    });
  });
});
