import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  createRemoteBackend,
  type RemoteBackend,
} from '../../../../../activities/training/compute/remote/backend';
import { createSlurmEngine } from '../../../../../activities/training/compute/slurm/engine';
import { openArtifactStore, type ArtifactStore } from '../../../../../data/artifact/store';
import type { ArtifactRef } from '../../../../../domain/artifact';
import type { JobHandle, TrainerJob } from '../../../../../domain/training/job';
import { waitUntilGone, runningUntil } from '../../../../../sdk/contracts/compute-backend';
import { startSlurm, type RunningSlurm } from '../../../../support/engine/slurm';
import { pythonPath, testBucket } from '../../../../support/platform';
import { pause } from '../../../../support/process/product';
import { flightFeatures, trainingRows } from '../../../../support/training/training-rows';

const mebibyte = 2 ** 20;
let slurm: RunningSlurm;
let folder: string;
let store: ArtifactStore;
let rows: ArtifactRef;
let backend: RemoteBackend;
let jobs = 0;

beforeAll(async () => {
  slurm = await startSlurm({ nodeCount: 2 });
  folder = await mkdtemp(join(tmpdir(), 'perennial-nodes-'));
  store = openArtifactStore({ ...testBucket(), leases: null });
  await store.ensureBucket();
  rows = await trainingRows(store, folder, { rows: 500, task: 'classification' });
  backend = createRemoteBackend({
    engine: engine(),
    artifacts: store,
    python: pythonPath(),
    trainersDir: resolve('sdk/contracts/trainers'),
    runtimeDir: resolve('trainers/runtime'),
    packageDir: resolve('python'),
    newsSeconds: 0.2,
    checkpointSeconds: 0.2,
    graceSeconds: 1,
  });
}, 120_000);
afterAll(async () => {
  store.close();
  await rm(folder, { recursive: true, force: true });
  await slurm.close();
}, 60_000);

const engine = () =>
  createSlurmEngine({
    url: slurm.url,
    user: slurm.user,
    token: () => slurm.token(),
    workingDirectory: slurm.workingDirectory,
  });

function job(
  params: Readonly<Record<string, unknown>>,
  resources: Partial<TrainerJob['resources']> = {},
): TrainerJob {
  jobs += 1;
  return {
    id: `run_nodes/train/job/${jobs}`,
    tenant: 'default',
    trainer: 'pair',
    seed: 1,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    resources: {
      cpus: 1,
      memoryBytes: 400 * mebibyte,
      timeoutSeconds: 120,
      nodes: 2,
      ...resources,
    },
    params: { steps: 3, ...params },
  };
}

/** Looks ten times a second until there is something. */
async function found<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const until = Date.now() + 90_000;
  while (Date.now() < until) {
    const seen = await look();
    if (seen !== null) return seen;
    await pause(100);
  }
  throw new Error(`${what}: ${slurm.client('squeue')}`);
}

const ended = (handle: JobHandle) =>
  found(`job ${handle.jobId} did not end`, async () => {
    const state = await backend.poll(handle);
    return state.kind === 'queued' || state.kind === 'running' ? null : state;
  });

async function succeeded(handle: JobHandle) {
  const state = await ended(handle);
  if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
  return { ...state, log: await readText(state.logs) };
}

async function failed(handle: JobHandle) {
  const state = await ended(handle);
  if (state.kind !== 'failed') throw new Error(JSON.stringify(state));
  return { ...state, log: await readText(state.logs) };
}

async function readText(logs: ArtifactRef | null): Promise<string> {
  return logs === null ? '' : Buffer.from(await store.getBytes(logs)).toString('utf8');
}

/** What the process of each node logged when it began. */
interface Begun {
  readonly node: number;
  readonly pid: number;
  /** Unix seconds. */
  readonly at: number;
  readonly gpus: string;
  readonly home: string;
}

const begunIn = (log: string): readonly Begun[] =>
  log
    .split('\n')
    .filter((line) => line.includes('"node runs"'))
    .map((line) => JSON.parse(line.replace(/^\[node \d+\] /, '')) as Begun);

/** All nodes of a running job, from the files that they upload. */
function begun({ tenant, jobId }: JobHandle): Promise<readonly Begun[]> {
  const area = store.jobs.of({ tenant, jobId, runId: 'run_nodes' });
  return found(`job ${jobId} does not run on both nodes`, async () => {
    const logs = ['log.txt', 'nodes/1/log.txt'].map((name) => area.read(`job/attempts/1/${name}`));
    const both = (await Promise.all(logs)).flatMap((log) => begunIn(log?.toString('utf8') ?? ''));
    return both.length === 2 ? both : null;
  });
}

const running = (handle: JobHandle) =>
  runningUntil(backend, handle, (seen) => seen.some(({ step }) => step >= 3));

describe('a job on two nodes of Slurm', () => {
  test('starts on both at the same time, when both are free, and on none before', async () => {
    const busy = engine();
    await busy.submit({
      name: 'busy',
      command: ['/bin/sleep', '300'],
      environment: {},
      resources: { cpus: slurm.cpus, memoryBytes: 64 * mebibyte, timeoutSeconds: 600 },
    });
    while ((await busy.state('busy')).kind !== 'running') await pause(100);
    const handle = await backend.submit(job({}));
    for (let look = 0; look < 30; look += 1) {
      expect(await backend.poll(handle)).toMatchObject({ kind: 'queued' });
      await pause(100);
    }
    expect(await backend.poll(handle)).toEqual({ kind: 'queued', reason: 'Resources' });
    // One node is free all the time.
    expect(slurm.client('squeue', '--noheader', '--states=RUNNING', '--format=%j')).toBe('busy\n');
    const area = store.jobs.of({ ...handle, runId: 'run_nodes' });
    expect(await area.names('job/')).toEqual([]);
    const freed = Date.now() / 1000;
    await busy.cancel('busy');
    const { result, log } = await succeeded(handle);
    expect(result.facts).toMatchObject({ nodes: 2 });
    const [first, second] = begunIn(log);
    if (!first || !second) throw new Error(log);
    expect([first.node, second.node]).toEqual([0, 1]);
    expect(Math.min(first.at, second.at)).toBeGreaterThan(freed);
    expect(Math.abs(first.at - second.at)).toBeLessThan(10);
  }, 120_000);

  test('has the resources on each node, and the first alone reports', async () => {
    const handle = await backend.submit(job({}, { gpus: 1, cpus: 2 }));
    const { log, outputs } = await succeeded(handle);
    expect(begunIn(log).map(({ gpus }) => gpus)).toEqual(['0', '0']);
    expect(outputs.map(({ name }) => name)).toEqual(['model.onnx']);
    const names = await store.jobs.of({ ...handle, runId: 'run_nodes' }).names('job/attempts/1/');
    expect(names.filter((name) => name.includes('nodes/')).sort()).toEqual([
      'job/attempts/1/nodes/1/exit.json',
      'job/attempts/1/nodes/1/log.txt',
    ]);
    expect(log).toMatch(/^\[node 1\] .*training starts/m);
  }, 120_000);

  test('is lost when one process is killed, and continues from its checkpoint', async () => {
    const long = job({ steps: 40 });
    const handle = await backend.submit(long);
    const [first, second] = await begun(handle);
    if (!first || !second) throw new Error('not both');
    await running(handle);
    process.kill(second.pid, 'SIGKILL');
    expect(await failed(handle)).toMatchObject({
      failure: 'JobLost',
      message: expect.stringContaining('node 1: was killed') as string,
    });
    await waitUntilGone([first.pid, second.pid]);
    const { result, log } = await succeeded(await backend.submit(long));
    expect(log).toMatch(/resumes at iteration \d+/);
    expect(result.facts['ownSteps']).toBeLessThan(40);
    expect(result.metrics).toEqual({ loss: 1 / 40 });
  }, 180_000);

  test('fails with the reason of the node that failed', async () => {
    const crashed = await failed(await backend.submit(job({ steps: 5, fault: 'crash' })));
    expect(crashed).toMatchObject({ failure: 'JobFailed' });
    expect(crashed.message).toMatch(/^node 1: .*ValueError/);
    expect(crashed.log).toMatch(/^\[node 1\] .*the learning rate fell off a cliff/m);
    expect(crashed.log).toMatch(/^node 0: another node closed the connection/m);
  }, 120_000);

  test('that uses too much memory on one node ran out of memory', async () => {
    const state = await failed(await backend.submit(job({ steps: 5, fault: 'hog' })));
    expect(state).toMatchObject({ failure: 'JobOutOfMemory', memoryBytes: 400 * mebibyte });
    expect(state.message).toMatch(/^node 1: used \d+MiB of memory/);
  }, 120_000);

  test('that hangs on one node ends on both at its time limit', async () => {
    const handle = await backend.submit(job({ steps: 5, fault: 'hang' }, { timeoutSeconds: 8 }));
    const started = await begun(handle);
    expect(await failed(handle)).toMatchObject({ failure: 'JobTimeout' });
    await waitUntilGone(started.map(({ pid }) => pid));
  }, 120_000);

  test.each([0, 1])(
    'is stopped on the other node when its command fails on node %s',
    async (failing) => {
      const name = `half-${failing}`;
      const script =
        `trap 'echo stopped >$FOLDER/$NODE_RANK-${failing}; exit 0' TERM; ` +
        `if [ $NODE_RANK = ${failing} ]; then sleep 1; exit 3; fi; sleep 300 & wait`;
      await engine().submit({
        name,
        command: ['/bin/sh', '-c', script],
        environment: { FOLDER: folder },
        resources: { cpus: 1, memoryBytes: 64 * mebibyte, timeoutSeconds: 600, nodes: 2 },
      });
      const state = await found(`${name} did not end`, async () => {
        const now = await engine().state(name);
        return now.kind === 'ended' ? now : null;
      });
      expect(state).toMatchObject({ end: 'failed' });
      expect(existsSync(join(folder, `${1 - failing}-${failing}`))).toBe(true);
      expect(existsSync(join(folder, `${failing}-${failing}`))).toBe(false);
    },
    120_000,
  );

  test('leaves nothing on the nodes when it is cancelled', async () => {
    const handle = await backend.submit(job({ steps: 1_000 }));
    const started = await begun(handle);
    await running(handle);
    await backend.cancel(handle);
    expect(await backend.poll(handle)).toEqual({ kind: 'cancelled' });
    await waitUntilGone(started.map(({ pid }) => pid));
    expect(started.map(({ home }) => existsSync(home))).toEqual([false, false]);
    expect(slurm.client('squeue', '--noheader')).toBe('');
  }, 120_000);

  test('loses a machine when one of its nodes fails', async () => {
    const handle = await backend.submit(job({ steps: 1_000 }));
    const started = await begun(handle);
    await running(handle);
    const [, node = ''] = slurm.nodes;
    slurm.client('scontrol', 'update', `nodename=${node}`, 'state=down', 'reason=test');
    const state = await failed(handle);
    // Its slurmd runs on and may have brought it back already.
    if (/State=DOWN/.test(slurm.client('scontrol', 'show', 'node', node)))
      slurm.client('scontrol', 'update', `nodename=${node}`, 'state=resume');
    expect(state).toMatchObject({ failure: 'JobLost', isMachineLost: true });
    await waitUntilGone(started.map(({ pid }) => pid));
  }, 120_000);

  test('is refused with more nodes than there are, and says how many a job may have', async () => {
    await expect(backend.submit(job({}, { nodes: 3 }))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(
        /asks for 3 nodes, and a job of this size.* can have 2/,
      ) as string,
      next: expect.stringContaining('compute.nodes to at most 2') as string,
    });
    await expect(backend.submit(job({}, { memoryBytes: 900 * 2 ** 30 }))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/has memory 900GiB: the largest node .* has \d+MiB/) as string,
      next: expect.stringContaining('compute.memory to at most') as string,
    });
    await expect(backend.submit(job({}, { queue: 'nope' }))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('slurm has no queue nope; queues: ') as string,
    });
    // The job of the test before may still end.
    expect(slurm.client('squeue', '--noheader', '--states=PENDING,RUNNING')).toBe('');
    expect((await backend.check()).detail).toContain('a job may have up to 2 nodes');
  });
});
