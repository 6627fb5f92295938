import type { EngineJob } from '../../../../activities/training/compute/remote/engine';
import { slurmJobSchema } from '../../../../activities/training/compute/slurm/answers.schema';
import { createSlurmEngine } from '../../../../activities/training/compute/slurm/engine';
import {
  toJobState,
  withSlurmTimes,
} from '../../../../activities/training/compute/slurm/job-state';
import { buildSubmission } from '../../../../activities/training/compute/slurm/submission';
import {
  startFakeEngine,
  type FakeAnswer,
  type FakeEngine,
  type FakeRequest,
} from '../../../support/engine/fake-engine';

const job: EngineJob = {
  name: 'train-1',
  command: ['python3', '-c', "print('a b')"],
  environment: { MODE: 'two\nlines' },
  resources: { cpus: 1.5, memoryBytes: 100 * 2 ** 20 + 1, timeoutSeconds: 61 },
};
const unset = { set: false, infinite: false, number: 0 };
const set = (number: number) => ({ set: true, infinite: false, number });

/** A job as slurmrestd describes it. */
function described(more: Readonly<Record<string, unknown>> = {}) {
  return {
    job_id: 7,
    name: 'train-1',
    user_name: 'ann',
    job_state: ['PENDING'],
    state_reason: 'None',
    exit_code: { status: ['SUCCESS'], return_code: set(0), signal: { id: unset, name: '' } },
    nodes: 'n1',
    time_limit: set(2),
    memory_per_node: set(101),
    tres_alloc_str: 'cpu=2',
    ...more,
  };
}
const exited = (code: number) => ({
  exit_code: { status: ['ERROR'], return_code: set(code), signal: { id: unset, name: '' } },
});
const signalled = (id: number, name: string) => ({
  exit_code: { status: ['SIGNALED'], return_code: set(0), signal: { id: set(id), name } },
});

describe('a job for Slurm', () => {
  const settings = { workingDirectory: '/shared/jobs/', partition: 'main', account: 'science' };

  test('rounds up memory, time and cpus, and quotes the command', () => {
    expect(buildSubmission(settings, job)).toEqual({
      script: `#!/bin/sh\nexec 'python3' '-c' 'print('\\''a b'\\'')'\n`,
      job: expect.objectContaining({
        name: 'train-1',
        partition: 'main',
        account: 'science',
        cpus_per_task: 2,
        memory_per_node: { set: true, number: 101 },
        time_limit: { set: true, number: 2 },
        current_working_directory: '/shared/jobs/',
        standard_output: '/shared/jobs/train-1.log',
        environment: ['PATH=/usr/local/bin:/usr/bin:/bin', 'MODE=two\nlines'],
        dependency: 'singleton',
        requeue: false,
      }) as unknown,
    });
  });

  test.each([
    [{ queue: 'gpu' }, 'gpu'],
    [{ preemptible: true }, 'spare'],
    [{ preemptible: true, queue: 'gpu' }, 'gpu'],
    [{ preemptible: false }, 'main'],
  ])('with %j goes to partition %s', (resources, partition) => {
    const submission = buildSubmission(
      { ...settings, preemptiblePartition: 'spare' },
      { ...job, resources: { ...job.resources, ...resources } },
    );
    expect(submission).toMatchObject({ job: { partition } });
  });

  test.each([
    [true, 'spare'],
    [false, undefined],
    [undefined, undefined],
  ])('that is preemptible: %s has the quality of service %s', (preemptible, qos) => {
    const resources = { ...job.resources, ...(preemptible !== undefined && { preemptible }) };
    const { job: asked } = buildSubmission(
      { ...settings, preemptibleQos: 'spare' },
      { ...job, resources },
    ) as { readonly job: { readonly qos?: string } };
    expect(asked.qos).toBe(qos);
  });

  test('asks for GPUs of each node', () => {
    const resources = { ...job.resources, gpus: 2 };
    expect(buildSubmission(settings, { ...job, resources })).toMatchObject({
      job: { tres_per_node: 'gres/gpu:2' },
    });
  });

  test('on several nodes gets all or none, and starts the command on each', () => {
    const resources = { ...job.resources, nodes: 2 };
    const { script, job: asked } = buildSubmission(settings, { ...job, resources }) as {
      readonly script: string;
      readonly job: object;
    };
    expect(asked).toMatchObject({
      minimum_nodes: 2,
      maximum_nodes: 2,
      tasks: 2,
      tasks_per_node: 1,
      cpus_per_task: 2,
      memory_per_node: { set: true, number: 101 },
    });
    expect(script).toContain("exec 'srun' '--nodes=2' '--ntasks=2' '--ntasks-per-node=1'");
    expect(script).toContain("'--cpus-per-task=2' '--kill-on-bad-exit=1'");
    expect(script).toContain('MASTER_ADDR=$SLURM_LAUNCH_NODE_IPADDR');
    expect(script).toContain("'sh' 'python3' '-c'");
  });

  test.each<[string, Partial<EngineJob>]>([
    ['name', { name: 'Train 1' }],
    ['NUL', { command: ['echo', 'a\0b'] }],
    ['variable', { environment: { 'A B': 'c' } }],
    ['variable', { environment: { A: 'c\0' } }],
    ['program', { command: [] }],
    ['cpus', { resources: { ...job.resources, cpus: 0 } }],
    ['memoryBytes', { resources: { ...job.resources, memoryBytes: Number.NaN } }],
    ['image', { resources: { ...job.resources, image: 'python:3' } }],
    ['nodes', { resources: { ...job.resources, nodes: 0 } }],
  ])('with a bad %s is refused', (named, more) => {
    expect(() => buildSubmission(settings, { ...job, ...more })).toThrow(
      expect.objectContaining({
        type: 'InvalidInput',
        message: expect.stringContaining(named) as string,
      }) as Error,
    );
  });
});

describe('the times of a job of Slurm', () => {
  const set = (number: number) => ({ set: true, infinite: false, number });
  const readTimes = (more: Readonly<Record<string, unknown>>) => {
    const job = slurmJobSchema.parse(described(more));
    return withSlurmTimes(toJobState(job, false), job);
  };

  test('of an ended job are those that sacct counts', () => {
    // sacct: Start 2026-11-29T10:00:00, End 2026-11-29T10:03:05, CPUTimeRAW 370 with 2 CPUs.
    const [start, end] = [1_795_946_400, 1_795_946_585];
    const state = readTimes({
      job_state: ['COMPLETED'],
      start_time: set(start),
      end_time: set(end),
    });
    expect(state).toMatchObject({
      startedAt: '2026-11-29T10:00:00.000Z',
      endedAt: '2026-11-29T10:03:05.000Z',
    });
    const cpuSeconds = (end - start) * 2;
    expect(Math.abs(cpuSeconds - 370) / 370).toBeLessThan(0.01);
  });

  test('of a running job have no end, although Slurm names the one of its limit', () => {
    const given = { start_time: set(1_795_946_400), end_time: set(1_795_950_000) };
    expect(readTimes({ job_state: ['RUNNING'], ...given })).toEqual({
      kind: 'running',
      startedAt: '2026-11-29T10:00:00.000Z',
    });
  });

  test.each([
    ['waits', { start_time: set(1_795_946_400) }],
    ['was cancelled before its start', { job_state: ['CANCELLED'], start_time: set(0) }],
    ['has none', { job_state: ['COMPLETED'] }],
  ])('are not given for a job that %s', (_, more) => {
    expect(readTimes(more)).not.toHaveProperty('startedAt');
  });
});

describe('the state of a job of Slurm', () => {
  test.each<[string, Readonly<Record<string, unknown>>, object]>([
    ['waits', { state_reason: 'Priority' }, { kind: 'queued', reason: 'Priority' }],
    ['waits without a reason', {}, { kind: 'queued' }],
    ['was requeued', { job_state: ['PENDING', 'REQUEUED'] }, { kind: 'queued' }],
    ['starts', { job_state: ['RUNNING', 'CONFIGURING'] }, { kind: 'queued' }],
    ['runs', { job_state: ['RUNNING'] }, { kind: 'running' }],
    ['is suspended', { job_state: ['SUSPENDED'] }, { kind: 'running' }],
    ['still ends', { job_state: ['CANCELLED', 'COMPLETING'] }, { kind: 'running' }],
    ['succeeded', { job_state: ['COMPLETED'] }, { end: 'succeeded' }],
    ['failed', { job_state: ['FAILED'], ...exited(3) }, { end: 'failed', message: 'exit code 3' }],
    [
      'crashed',
      { job_state: ['FAILED'], ...signalled(11, 'SEGV') },
      { end: 'failed', message: 'ended by signal SEGV' },
    ],
    ['has no log file', { job_state: ['FAILED'], ...signalled(53, '53') }, { end: 'refused' }],
    ['could not be launched', { job_state: ['FAILED'] }, { end: 'nodeLost' }],
    [
      'exceeded its time',
      { job_state: ['TIMEOUT'] },
      { end: 'timeout', message: 'time limit of 2 min exceeded' },
    ],
    ['missed its deadline', { job_state: ['DEADLINE'] }, { end: 'timeout' }],
    [
      'exceeded its memory',
      { job_state: ['OUT_OF_MEMORY'] },
      { end: 'outOfMemory', message: 'memory limit of 101 MiB exceeded' },
    ],
    ['was preempted', { job_state: ['PREEMPTED'] }, { end: 'preempted' }],
    ['lost its node', { job_state: ['NODE_FAIL', 'COMPLETING'] }, { end: 'nodeLost' }],
    ['could not boot', { job_state: ['BOOT_FAIL'] }, { end: 'nodeLost' }],
    ['was cancelled', { job_state: ['CANCELLED'] }, { end: 'cancelled' }],
    ['went to another cluster', { job_state: ['REVOKED'] }, { end: 'refused' }],
    ['asks for too much', { state_reason: 'BadConstraints' }, { end: 'refused' }],
    ['asks for too long', { state_reason: 'PartitionTimeLimit' }, { end: 'refused' }],
    ['exceeds a limit per job', { state_reason: 'QOSMaxMemoryPerJob' }, { end: 'refused' }],
    ['waits for a limit per user', { state_reason: 'QOSMaxJobsPerUserLimit' }, { kind: 'queued' }],
    ['waits for a group limit', { state_reason: 'AssocGrpCpuLimit' }, { kind: 'queued' }],
    [
      'was refused at submission',
      { job_state: ['FAILED'], state_reason: 'BadConstraints', ...signalled(1, 'HUP') },
      { end: 'refused' },
    ],
    ['is of a later version', { job_state: ['DREAMING'] }, { kind: 'queued' }],
  ])('%s', (_, more, state) => {
    expect(toJobState(slurmJobSchema.parse(described(more)), false)).toMatchObject(state);
  });

  test('a killed job whose log names its memory exceeded it', () => {
    const killed = described({ job_state: ['FAILED'], ...signalled(9, 'KILL') });
    expect(toJobState(slurmJobSchema.parse(killed), true)).toMatchObject({ end: 'outOfMemory' });
  });
});

describe('answers of slurmrestd', () => {
  let fake: FakeEngine;
  afterEach(() => fake.close());

  const token = 'eyJhbGciOi.secret-token.signature';
  async function createEngine(answer: (request: FakeRequest) => FakeAnswer | null) {
    fake = await startFakeEngine(answer);
    return createSlurmEngine({
      url: fake.url,
      user: 'ann',
      token: () => Promise.resolve(token),
      workingDirectory: '/nowhere',
    });
  }
  const refusing = (error_number: number, error: string, status = 500): FakeAnswer => ({
    status,
    body: { errors: [{ description: 'Batch job submission failed', error_number, error }] },
  });

  test.each<[string, FakeAnswer, string, string]>([
    ['a refusal', refusing(2014, 'Requested node configuration'), 'InvalidInput', 'configuration'],
    ['a full queue', refusing(2050, 'Job violates policy'), 'BackendUnavailable', 'policy'],
    [
      'a lost controller',
      refusing(1800, 'Unable to contact', 502),
      'BackendUnavailable',
      'contact',
    ],
    ['a bad token', refusing(1007, 'Protocol authentication', 511), 'BackendUnavailable', 'token'],
    [
      'no permission',
      { status: 401, type: 'text/plain', body: 'no' },
      'BackendUnavailable',
      'token',
    ],
    ['another shape', { body: { jobs: 'none' } }, 'BackendUnavailable', 'unexpected shape'],
    ['half of JSON', { body: '{"jobs": [' }, 'BackendUnavailable', 'not JSON'],
    ['a redirect', { status: 302, type: 'text/html', body: '' }, 'BackendUnavailable', '302'],
    ['the token', { status: 500, type: 'text/plain', body: token }, 'BackendUnavailable', '***'],
  ])('%s', async (_, answer, type, message) => {
    const engine = await createEngine(() => answer);
    const error = (await engine.submit(job).catch((caught: unknown) => caught)) as Error;
    expect(error).toMatchObject({ type });
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('secret-token');
  });

  test('a server of another version is named with the versions that it has', async () => {
    const engine = await createEngine(({ path }) =>
      path === '/openapi/v3'
        ? { body: { paths: { '/slurm/v0.0.39/jobs': {}, '/slurm/v0.0.40/jobs': {} } } }
        : { status: 404, type: 'text/plain', body: 'Unable find requested URL.' },
    );
    await expect(engine.state('train-1')).rejects.toMatchObject({
      type: 'BackendUnavailable',
      message: expect.stringContaining('v0.0.39, v0.0.40') as string,
      next: expect.stringContaining('24.11') as string,
    });
    expect(await engine.check()).toMatchObject({ ready: false });
  });

  test('what it has is the size of its nodes by partition, whether they are up or not', async () => {
    const node = { cpus: 4, alloc_cpus: 0, real_memory: 1024, alloc_memory: 0, gres: '' };
    const answers: Readonly<Record<string, object>> = {
      'ping/': {
        pings: [{ hostname: 'head', pinged: 'UP' }],
        meta: { slurm: { release: '24.11.5', cluster: 'test' } },
      },
      'nodes/': {
        nodes: [
          { ...node, name: 'n1', state: ['IDLE'], partitions: ['main'] },
          { ...node, name: 'n2', state: ['DOWN'], partitions: ['main'] },
          {
            ...node,
            name: 'n3',
            state: ['IDLE'],
            partitions: ['small'],
            gres: 'gpu:a100:4(S:0-1),gpu:t4:2,shard:8,gpu',
          },
        ],
      },
      'partitions/': {
        partitions: [
          { name: 'main', partition: { state: ['UP'] }, maximums: { nodes: unset } },
          { name: 'small', partition: { state: ['UP'] }, maximums: { nodes: set(1) } },
        ],
      },
    };
    const engine = await createEngine(({ path }) => ({
      body: answers[path.replace('/slurm/v0.0.42/', '')] ?? {},
    }));
    const size = { cpus: 4, memoryBytes: 2 ** 30 };
    expect(await engine.offer?.()).toEqual({
      backend: 'slurm',
      nodes: [
        { count: 2, ...size, gpus: 0, queues: ['main'] },
        { count: 1, ...size, gpus: 7, queues: ['small'] },
      ],
      queues: [
        { name: 'main', maxNodes: null },
        { name: 'small', maxNodes: 1 },
      ],
      defaultQueue: null,
      preemptibleQueue: null,
    });
  });

  test('what it has is unknown while it does not respond', async () => {
    const engine = await createEngine(() => ({ status: 500, type: 'text/plain', body: 'down' }));
    expect(await engine.offer?.()).toEqual({
      backend: 'slurm',
      nodes: null,
      queues: null,
      defaultQueue: null,
      preemptibleQueue: null,
    });
  });

  test.each([
    ['memory', { memoryBytes: 900 * 2 ** 30 }, 'the largest node of Slurm has 4 CPUs and 2 GiB'],
    ['a partition', { queue: 'nope' }, 'Slurm has no partition nope'],
  ])('a refusal of %s names what the cluster has and the next step', async (_, more, text) => {
    const node = { state: ['IDLE'], cpus: 4, alloc_cpus: 0, alloc_memory: 0, gres: '' };
    const answers: Readonly<Record<string, object>> = {
      'ping/': {
        pings: [{ hostname: 'head', pinged: 'UP' }],
        meta: { slurm: { release: '24.11.5', cluster: 'test' } },
      },
      'nodes/': { nodes: [{ ...node, name: 'n1', real_memory: 2048, partitions: ['main'] }] },
      'partitions/': { partitions: [{ name: 'main', partition: { state: ['UP'] } }] },
      'jobs/': { jobs: [] },
    };
    const engine = await createEngine(({ method, path }) =>
      method === 'POST'
        ? refusing(2014, 'Requested node configuration is not available')
        : { body: answers[path.replace('/slurm/v0.0.42/', '')] ?? {} },
    );
    const submitted = engine.submit({ ...job, resources: { ...job.resources, ...more } });
    await expect(submitted).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(
        new RegExp(`not available.*${text}; partitions: main$`),
      ) as string,
      next: expect.stringContaining('compute.memory') as string,
    });
  });

  test('the newer of two jobs of one name is cancelled, and no job of others', async () => {
    const jobs: object[] = [described({ user_name: 'bob', job_id: 5 }), described({ job_id: 9 })];
    let submitted = false;
    const engine = await createEngine(({ method }) => {
      if (method === 'POST') submitted = true;
      if (method === 'POST') return { body: { job_id: 11 } };
      // Another process submitted the job 9 at the same time.
      return { body: { jobs: submitted ? [...jobs, described({ job_id: 11 })] : [] } };
    });
    await engine.submit(job);
    const cancelled = fake.requests.filter(({ method }) => method === 'DELETE');
    expect(cancelled.map(({ path }) => path)).toEqual(['/slurm/v0.0.42/job/11']);
  });

  test('a record of a refused submission is not the job', async () => {
    const refused = described({ job_state: ['FAILED'], state_reason: 'BadConstraints' });
    const engine = await createEngine(({ method }) =>
      method === 'POST' ? { body: { job_id: 12 } } : { body: { jobs: [refused] } },
    );
    expect(await engine.state('train-1')).toMatchObject({ end: 'refused' });
    await engine.submit(job);
    expect(fake.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('malformed jobs of others do not matter', async () => {
    const engine = await createEngine(() => ({ body: { jobs: [{ name: 5 }, described()] } }));
    expect(await engine.state('train-1')).toEqual({ kind: 'queued' });
  });

  test.each([
    ['ftp://head', '/jobs'],
    ['head:6820', '/jobs'],
    ['http://head:6820', 'jobs'],
    ['http://head:6820', '/jobs/%u'],
  ])('the settings %s and %s are refused', async (url, workingDirectory) => {
    await createEngine(() => null);
    const access = { url, user: 'ann', token: { file: '/token' }, workingDirectory };
    expect(() => createSlurmEngine(access)).toThrow(
      expect.objectContaining({ type: 'InvalidInput' }) as Error,
    );
  });
});
