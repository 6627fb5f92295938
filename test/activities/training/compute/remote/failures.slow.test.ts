import { MockActivityEnvironment } from '@temporalio/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  followJob,
  type FinalJobState,
} from '../../../../../activities/training/compute/follow-job';
import { createRemoteBackend } from '../../../../../activities/training/compute/remote/backend';
import type { ComputeEngine } from '../../../../../activities/training/compute/remote/engine';
import { openArtifactStore, type ArtifactStore } from '../../../../../data/artifact/store';
import { sha256 } from '../../../../../data/digest';
import type { ArtifactRef } from '../../../../../domain/artifact';
import { failure } from '../../../../../domain/failure';
import type { JobHandle, TrainerJob } from '../../../../../domain/training/job';
import { waitForEnd, runningUntil } from '../../../../../sdk/contracts/compute-backend';
import { processEngine } from '../../../../support/engine/process-engine';
import { pythonPath, testBucket } from '../../../../support/platform';
import { flightFeatures, trainingRows } from '../../../../support/training/training-rows';
import { freeMeter } from '../../../../support/cost/fake-costs';

const engine = processEngine();
const bucket = testBucket();
let folder: string;
let store: ArtifactStore;
let rows: ArtifactRef;
let jobs = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-remote-'));
  store = openArtifactStore({ ...bucket, leases: null });
  await store.ensureBucket();
  rows = await trainingRows(store, folder, { rows: 500, task: 'classification' });
});
afterAll(async () => {
  await engine.close();
  store.close();
  await rm(folder, { recursive: true, force: true });
});

/** Another call is another worker: nothing but the store and the engine is shared. */
const worker = (over: Partial<ComputeEngine> = {}) =>
  createRemoteBackend({
    engine: { ...engine, ...over },
    artifacts: store,
    python: pythonPath(),
    trainersDir: resolve('sdk/contracts/trainers'),
    runtimeDir: resolve('trainers/runtime'),
    packageDir: resolve('python'),
    newsSeconds: 0.2,
    checkpointSeconds: 0.2,
    graceSeconds: 1,
  });

function job(params: Readonly<Record<string, unknown>> = {}): TrainerJob {
  jobs += 1;
  return {
    id: `run_remote/train/job/${jobs}`,
    tenant: 'default',
    trainer: 'probe',
    seed: 1,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    resources: { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 },
    params: { behaviour: 'learn', ...params },
  };
}

const findArea = ({ tenant, jobId }: JobHandle) =>
  store.jobs.of({ tenant, jobId, runId: 'run_remote' });
const lastName = () => engine.submitted.at(-1)?.name ?? '';

test('another worker follows a job, and has its log and model, after the first is gone', async () => {
  const handle = await worker().submit(job({ steps: 5, step_seconds: 0.05 }));
  const other = worker();
  expect(await waitForEnd(other, handle)).toMatchObject({
    kind: 'succeeded',
    outputs: [{ name: 'model.onnx' }],
  });
  expect((await other.logs(handle, 10_000)).text).toContain('training starts');
});

test('a machine that vanishes costs at most one checkpoint interval', async () => {
  const long = job({ steps: 40, step_seconds: 0.1 });
  const handle = await worker().submit(long);
  await runningUntil(worker(), handle, (seen) =>
    seen.some(({ name, step }) => name === 'loss' && step >= 12),
  );
  await engine.kill(lastName());
  expect(await waitForEnd(worker(), handle)).toMatchObject({ kind: 'failed', failure: 'JobLost' });
  const state = await waitForEnd(worker(), await worker().submit(long));
  if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
  // 0.2 s of upload interval are two steps; the rest is delay of a busy machine.
  expect(state.result.facts['ownSteps']).toBeLessThanOrEqual(34);
  expect(state.result.metrics).toEqual({ loss: 1 / 40 });
  expect(lastName()).toMatch(/-2$/);
});

test('the store has the last two checkpoints only, while the job runs', async () => {
  const handle = await worker().submit(job({ steps: 60, step_seconds: 0.1 }));
  const follower = worker();
  await runningUntil(follower, handle, (seen) =>
    seen.some(({ name, step }) => name === 'loss' && step >= 45),
  );
  // Two files each. The list that the worker reads may be two uploads old.
  expect((await findArea(handle).names('job/blobs/')).length).toBeLessThanOrEqual(10);
  await follower.cancel(handle);
});

test.each([
  ['the one before is used when a part of the newest is missing', 1, /resumes at iteration/],
  ['a job without a complete one starts again', 2, /starts again at iteration 0/],
])('of the checkpoints in the store, %s', async (_, missing, log) => {
  const long = job({ steps: 40, step_seconds: 0.1 });
  const handle = await worker().submit(long);
  await runningUntil(worker(), handle, (seen) =>
    seen.some(({ name, step }) => name === 'loss' && step >= 12),
  );
  await engine.kill(lastName());
  await waitForEnd(worker(), handle);
  const listed = JSON.parse(
    String(await findArea(handle).read('job/attempts/1/checkpoint.json')),
  ) as Record<'files' | 'before', { path: string; digest: string }[]>;
  const states = [listed.files, listed.before].map((files) => files.find(isState)?.digest ?? '');
  await findArea(handle).remove(
    states.slice(0, missing).map((digest) => `job/blobs/${digest.slice('sha256:'.length)}`),
  );
  const state = await waitForEnd(worker(), await worker().submit(long));
  expect(state).toMatchObject({ kind: 'succeeded', result: { metrics: { loss: 1 / 40 } } });
  const text = (await worker().logs(handle, 10_000)).text;
  expect(text).toMatch(log);
  if (missing === 1)
    expect(text).toContain(`resumes at iteration ${listed.before[0]?.path.split('/')[0]}"`);
});

const isState = ({ path }: { readonly path: string }): boolean => path.endsWith('/state');

test('preemptions cost no retry, and training continues from its checkpoint', async () => {
  const long = job({ steps: 40, step_seconds: 0.1 });
  const before = engine.submitted.length;
  const seen: number[] = [];
  const end = new MockActivityEnvironment().run(() =>
    followJob({
      backends: { slurm: worker() },
      kind: 'slurm',
      tenant: 'default',
      jobId: long.id,
      meter: freeMeter(long.id),
      prepare: () => Promise.resolve(long),
      async look({ metrics }) {
        const step = Math.max(0, ...metrics.map((metric) => metric.step));
        const attempts = engine.submitted.length - before;
        if (attempts <= 2 && step >= attempts * 10) {
          seen.push(step);
          await engine.preempt(lastName());
        }
        return undefined;
      },
      onRestart: () => Promise.resolve(),
      onCancelled: () => Promise.resolve(),
      longestPauseMs: 200,
    }),
  );
  const state = (await end) as FinalJobState;
  if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
  expect(seen).toHaveLength(2);
  expect(engine.submitted).toHaveLength(before + 3);
  expect(state.result.metrics).toEqual({ loss: 1 / 40 });
  expect(state.result.facts['ownSteps']).toBeLessThan(30);
});

test('a job that lost enough machines asks for one that is not preemptible', async () => {
  const given = job({ steps: 30, step_seconds: 0.1 });
  const long = {
    ...given,
    resources: { ...given.resources, preemptible: true, maxPreemptions: 2 },
  };
  const before = engine.submitted.length;
  const restarts: string[] = [];
  const end = new MockActivityEnvironment().run(() =>
    followJob({
      backends: { slurm: worker({ hasPreemptible: true }) },
      kind: 'slurm',
      tenant: 'default',
      jobId: long.id,
      meter: freeMeter(long.id),
      prepare: () => Promise.resolve(long),
      async look() {
        if (engine.submitted.length - before <= 2) await engine.preempt(lastName());
        return undefined;
      },
      onRestart: (reason) => Promise.resolve(void restarts.push(reason)),
      onCancelled: () => Promise.resolve(),
      longestPauseMs: 200,
    }),
  );
  expect(await end).toMatchObject({ kind: 'succeeded' });
  const asked = engine.submitted.slice(before).map(({ resources }) => resources.preemptible);
  expect(asked).toEqual([true, true, false]);
  expect(restarts.at(-1)).toBe(
    `job ${long.id} has lost 2 machines, as many as compute.maxPreemptions allows. ` +
      'It now asks slurm for a machine that is not preemptible',
  );
});

test('an engine that refuses more memory ends the job as one whose memory ran out', async () => {
  const mebibyte = 2 ** 20;
  const given = job({ steps: 10, step_seconds: 0.1, hold_mebibytes: 450 });
  const short = { ...given, resources: { ...given.resources, memoryBytes: 400 * mebibyte } };
  const small = worker({
    submit: (of) =>
      of.resources.memoryBytes > 700 * mebibyte
        ? Promise.reject(failure('InvalidInput', 'no node has so much memory'))
        : engine.submit(of),
  });
  const restarts: string[] = [];
  const follow = () =>
    new MockActivityEnvironment().run(() =>
      followJob({
        backends: { slurm: small },
        kind: 'slurm',
        tenant: 'default',
        jobId: short.id,
        meter: freeMeter(short.id),
        prepare: () => Promise.resolve(short),
        look: () => Promise.resolve(undefined),
        onRestart: (reason) => Promise.resolve(void restarts.push(reason)),
        onCancelled: () => Promise.resolve(),
        longestPauseMs: 200,
      }),
    );
  await expect(follow()).rejects.toMatchObject({
    type: 'JobOutOfMemory',
    message: expect.stringMatching(
      /this attempt had 400MiB\. Another attempt with 800MiB was refused: no node has so much memory$/,
    ) as string,
  });
  expect(restarts).toHaveLength(1);
});

test('a worker that dies does not forget how many machines a job has lost', async () => {
  const given = job({ steps: 30, step_seconds: 0.1 });
  const long = {
    ...given,
    resources: { ...given.resources, preemptible: true, maxPreemptions: 1 },
  };
  const handle = await worker().submit(long);
  await runningUntil(worker(), handle, (seen) => seen.length > 0);
  await engine.preempt(lastName());
  expect(await waitForEnd(worker(), handle)).toMatchObject({ isMachineLost: true });
  expect((await worker().submit(long)).detail).toEqual({ machinesLost: '1' });
  expect(engine.submitted.at(-1)?.resources.preemptible).toBe(false);
  await worker().cancel(handle);
});

test('an engine that is away while a job runs costs no retry', async () => {
  const given = job({ steps: 80, step_seconds: 0.05 });
  let isAway = 0;
  const state: unknown = await new MockActivityEnvironment().run(() =>
    followJob({
      backends: {
        slurm: worker({
          state(name) {
            isAway += 1;
            if (isAway <= 2)
              return Promise.reject(failure('BackendUnavailable', 'slurm does not respond'));
            return engine.state(name);
          },
        }),
      },
      kind: 'slurm',
      tenant: 'default',
      jobId: given.id,
      meter: freeMeter(given.id),
      prepare: () => Promise.resolve(given),
      look: () => Promise.resolve(undefined),
      onRestart: () => Promise.resolve(),
      onCancelled: () => Promise.resolve(),
      longestPauseMs: 200,
    }),
  );
  expect(isAway).toBeGreaterThan(2);
  expect(state).toMatchObject({ kind: 'succeeded', result: { facts: { ownSteps: 80 } } });
});

test('a job that is cancelled during its submission does not stay', async () => {
  const given = job({ steps: 200, step_seconds: 0.05 });
  let arrived: () => void = () => undefined;
  const submission = new Promise<void>((done) => (arrived = done));
  const slow = worker({
    async submit(of) {
      arrived();
      await new Promise((done) => setTimeout(done, 300));
      await engine.submit(of);
    },
  });
  const begun = slow.submit(given);
  await submission;
  // From another worker, which does not know of the submission.
  await worker().cancel({ backend: 'slurm', jobId: given.id, tenant: 'default', detail: {} });
  const handle = await begun;
  expect(await worker().poll(handle)).toEqual({ kind: 'cancelled' });
  for (let wait = 0; wait < 100 && (await engine.state(lastName())).kind === 'running'; wait++)
    await new Promise((done) => setTimeout(done, 50));
  expect(await engine.state(lastName())).toMatchObject({ kind: 'ended' });
});

test('a job ends itself when its run has ended and its files are gone', async () => {
  const handle = await worker().submit(job({ steps: 2000, step_seconds: 0.05 }));
  await runningUntil(worker(), handle, (seen) => seen.length > 0);
  await findArea(handle).clear();
  for (let wait = 0; wait < 450 && (await engine.state(lastName())).kind === 'running'; wait++)
    await new Promise((done) => setTimeout(done, 100));
  expect(await engine.state(lastName())).toMatchObject({ kind: 'ended' });
});

test('an answer of the engine that is lost gives one job', async () => {
  const before = engine.submitted.length;
  const deaf = worker({
    async submit(given) {
      await engine.submit(given);
      throw failure('BackendUnavailable', 'the answer was lost');
    },
  });
  const given = job({ steps: 3 });
  await expect(deaf.submit(given)).rejects.toMatchObject({ type: 'BackendUnavailable' });
  const handle = await worker().submit(given);
  expect(await waitForEnd(worker(), handle)).toMatchObject({ kind: 'succeeded' });
  expect(engine.submitted).toHaveLength(before + 1);
});

test('a worker that dies before it submits leaves a job that the next one submits', async () => {
  const dead = worker({ submit: () => Promise.reject(failure('BackendUnavailable', 'killed')) });
  const given = job({ steps: 3 });
  await expect(dead.submit(given)).rejects.toThrow('killed');
  expect(await waitForEnd(worker(), await worker().submit(given))).toMatchObject({
    kind: 'succeeded',
  });
});

test('an engine that gives a job one node refuses several before anything is stored', async () => {
  const wide = { ...job(), resources: { ...job().resources, nodes: 2 } };
  await expect(worker().submit(wide)).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringMatching(/asks for 2 nodes, and \w+ gives one/) as string,
    next: expect.stringContaining('slurm') as string,
  });
  const area = store.jobs.of({ tenant: wide.tenant, jobId: wide.id, runId: 'run_remote' });
  expect(await area.names('')).toEqual([]);
});

test('a job that its engine refuses fails with the reason and leaves no job', async () => {
  const refuse = worker({
    submit: () => Promise.reject(failure('InvalidInput', 'no node has 4 TiB of memory')),
  });
  await expect(refuse.submit(job())).rejects.toMatchObject({
    type: 'InvalidInput',
    message: 'no node has 4 TiB of memory',
  });
});

test('the end of a job that the engine has forgotten counts', async () => {
  const handle = await worker().submit(job({ steps: 3 }));
  await waitForEnd(worker(), handle);
  await engine.lose(lastName());
  expect(await worker().poll(handle)).toMatchObject({ kind: 'succeeded' });
});

test('outputs that differ from what the job reported are refused', async () => {
  // The store has this model already for the other tenant, and would not copy it again.
  const handle = await worker().submit({ ...job({ steps: 3 }), tenant: 'tampered' });
  const area = findArea(handle);
  for (let wait = 0; wait < 300 && !(await area.read('job/attempts/1/exit.json')); wait++)
    await new Promise((done) => setTimeout(done, 100));
  const report = JSON.parse(String(await area.read('job/attempts/1/exit.json'))) as {
    outputs: { digest: string }[];
  };
  const name = `job/attempts/1/outputs/${report.outputs[0]?.digest.slice('sha256:'.length)}`;
  await area.write(name, 'other bytes');
  await expect(worker().poll(handle)).rejects.toMatchObject({ type: 'DigestMismatch' });
});

describe('what a job can do with its credentials', () => {
  let order: {
    readonly uploads: { readonly url: string; readonly fields: Readonly<Record<string, string>> };
    readonly downloads: readonly { readonly url: string; readonly digest: string }[];
  };
  let prefix: string;

  beforeAll(async () => {
    const handle = await worker().submit(job({ steps: 1 }));
    await waitForEnd(worker(), handle);
    prefix = findArea(handle).prefix;
    order = JSON.parse(
      String(await findArea(handle).read('attempts/1/order.json')),
    ) as typeof order;
  });

  async function upload(key: string): Promise<number> {
    const form = new FormData();
    for (const [field, value] of Object.entries({ ...order.uploads.fields, key }))
      form.append(field, value);
    form.append('file', new Blob(['text']));
    return (await fetch(order.uploads.url, { method: 'POST', body: form })).status;
  }

  test('it reads its inputs, and nothing else by the same signature', async () => {
    const [input] = order.downloads;
    if (!input) throw new Error('no input');
    const found = await fetch(input.url);
    expect(sha256(Buffer.from(await found.arrayBuffer()))).toBe(input.digest);
    const other = await store.putBytes({
      tenant: 'other',
      bytes: Buffer.from('of another tenant'),
      mediaType: 'text/plain',
    });
    const url = new URL(input.url);
    url.pathname = `/${bucket.bucket}/${other.uri.split('/').slice(3).join('/')}`;
    expect((await fetch(url)).status).toBe(403);
  });

  test('it writes below its own folder only, and no file of the workers', async () => {
    expect(await upload(`${prefix}job/blobs/x`)).toBe(204);
    expect(await upload(`${prefix}outcome.json`)).toBe(403);
    expect(await upload(`${prefix}../x`)).not.toBe(204);
    expect(await upload('t/default/cas/sha256/aa/bb/x')).toBe(403);
    expect(await upload('t/default/staging/run_other/x')).toBe(403);
  });

  test('its order has no key of the platform', () => {
    const text = JSON.stringify(order);
    expect(text).not.toContain(bucket.secretAccessKey);
  });
});
