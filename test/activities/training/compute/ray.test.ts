import { execFileSync } from 'node:child_process';
import { rayJobSchema } from '../../../../activities/training/compute/ray/answers.schema';
import { createRayEngine } from '../../../../activities/training/compute/ray/engine';
import { toRayState, withRayTimes } from '../../../../activities/training/compute/ray/job-state';
import { lackingOn, raySubmission } from '../../../../activities/training/compute/ray/submission';
import type { EngineJob } from '../../../../activities/training/compute/remote/engine';
import {
  startFakeEngine,
  type FakeAnswer,
  type FakeEngine,
  type FakeRequest,
} from '../../../support/engine/fake-engine';

const job: EngineJob = {
  name: 'train-1',
  command: ['/bin/sh', '-c', 'printf "%s|%s" "$PLAIN" "$ODD"'],
  environment: { PLAIN: 'a b', ODD: "$HOME ${HOME} it's `id`\nend" },
  resources: { cpus: 0.5, memoryBytes: 100.5, timeoutSeconds: 60 },
};
const described = (more: Readonly<Record<string, unknown>> = {}) => ({
  submission_id: 'train-1',
  status: 'PENDING',
  entrypoint: "exec 'true'",
  message: null,
  error_type: null,
  driver_exit_code: null,
  driver_node_id: null,
  ...more,
});

describe('a job for Ray', () => {
  test.each([
    [true, 'spot'],
    [false, 'reserved'],
    [undefined, 'reserved'],
  ])('that is preemptible: %s takes a part of the resource %s', (preemptible, resource) => {
    const settings = { preemptibleResource: 'spot', stableResource: 'reserved' };
    const resources = { ...job.resources, ...(preemptible !== undefined && { preemptible }) };
    expect(raySubmission(settings, { ...job, resources })).toMatchObject({
      entrypoint_resources: { [resource]: 0.001 },
    });
  });

  test('takes the resources of its queue beside its own', () => {
    const settings = { queues: { spot: { spot_slot: 1 } } };
    const resources = { ...job.resources, gpus: 1, queue: 'spot' };
    expect(raySubmission(settings, { ...job, resources })).toMatchObject({
      submission_id: 'train-1',
      entrypoint_num_cpus: 0.5,
      entrypoint_memory: 101,
      entrypoint_num_gpus: 1,
      entrypoint_resources: { spot_slot: 1 },
    });
    expect(() =>
      raySubmission(settings, { ...job, resources: { ...resources, queue: 'other' } }),
    ).toThrow(expect.objectContaining({ type: 'InvalidInput' }) as Error);
  });

  test('passes values with a dollar sign in a form that Ray does not change', () => {
    const { entrypoint, runtime_env } = raySubmission({}, job) as {
      readonly entrypoint: string;
      readonly runtime_env: { readonly env_vars: Record<string, string> };
    };
    expect(Object.values(runtime_env.env_vars).join('')).not.toContain('$');
    expect(runtime_env.env_vars['PLAIN']).toBe('a b');
    const env = { PATH: process.env['PATH'] ?? '', ...runtime_env.env_vars };
    const printed = execFileSync('/bin/sh', ['-c', entrypoint], { env, encoding: 'utf8' });
    expect(printed).toBe(`a b|${job.environment['ODD'] ?? ''}`);
  });

  test.each([
    [{ CPU: 2, memory: 10 }, null],
    [{ CPU: 4, memory: 10 }, null],
    [{ CPU: 8, memory: 10 }, 'CPU 8 of at most 4'],
    [{ CPU: 1, memory: 10, slot: 1 }, 'slot 1 of at most 0'],
    [{ CPU: 4, memory: 90 }, 'this combination of resources'],
  ])('that needs %j lacks %s', (needs, lacking) => {
    const nodes = [
      { state: 'ALIVE', resources_total: { CPU: 2, memory: 100 } },
      { state: 'ALIVE', resources_total: { CPU: 4, memory: 50 } },
    ];
    expect(lackingOn(nodes, needs)).toBe(lacking);
  });
});

describe('the state of a job of Ray', () => {
  test.each<[string, Readonly<Record<string, unknown>>, object]>([
    ['waits', { message: 'waiting for resources' }, { kind: 'queued' }],
    ['runs', { status: 'RUNNING' }, { kind: 'running' }],
    ['succeeded', { status: 'SUCCEEDED', driver_exit_code: 0 }, { end: 'succeeded' }],
    ['was stopped', { status: 'STOPPED' }, { end: 'cancelled' }],
    [
      'failed',
      { status: 'FAILED', error_type: 'JOB_ENTRYPOINT_COMMAND_ERROR', driver_exit_code: 3 },
      { end: 'failed', message: 'exit code 3' },
    ],
    [
      'was killed',
      { status: 'FAILED', driver_exit_code: -9 },
      { end: 'failed', message: expect.stringContaining('signal 9') as string },
    ],
    [
      'has a bad environment',
      { status: 'FAILED', error_type: 'RUNTIME_ENV_SETUP_FAILURE', message: 'runtime_env setup' },
      { end: 'refused' },
    ],
    [
      'cannot be scheduled',
      { status: 'FAILED', error_type: 'JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE' },
      { end: 'refused' },
    ],
    [
      'waited for 15 minutes',
      { status: 'FAILED', error_type: 'JOB_SUPERVISOR_ACTOR_START_TIMEOUT' },
      { end: 'nodeLost' },
    ],
    [
      'lost its node',
      {
        status: 'FAILED',
        error_type: 'JOB_SUPERVISOR_ACTOR_DIED',
        message: "The actor died because its node has died. the actor's node was preempted: False",
      },
      { end: 'nodeLost' },
    ],
    [
      'lost its supervisor',
      {
        status: 'FAILED',
        error_type: 'JOB_SUPERVISOR_ACTOR_DIED',
        message: 'Some common causes: the process was killed by the OOM killer',
      },
      { end: 'nodeLost' },
    ],
    [
      'was on a preempted node',
      { status: 'FAILED', message: "the actor's node was preempted: True" },
      { end: 'preempted' },
    ],
    [
      'was ended by the memory monitor',
      {
        status: 'FAILED',
        message: '1 worker(s) were killed due to the node running low on memory',
      },
      { end: 'outOfMemory' },
    ],
    ['failed in an older version', { status: 'FAILED', message: 'it broke' }, { end: 'failed' }],
  ])('%s', (_, more, state) => {
    expect(toRayState(rayJobSchema.parse(described(more)))).toMatchObject(state);
  });
});

describe('answers of Ray', () => {
  let fake: FakeEngine;
  afterEach(() => fake.close());

  async function createEngine(
    answer: (request: FakeRequest) => FakeAnswer | null,
    more: { readonly autoscaling?: true } = {},
  ) {
    fake = await startFakeEngine(answer);
    const token = () => Promise.resolve('secret-token');
    return createRayEngine({ url: fake.url, token, ...more });
  }
  const unknownJob = { status: 404, type: 'text/plain', body: 'Job train-1 does not exist' };
  const nodes = (CPU: number) => ({
    body: {
      data: { result: { result: [{ state: 'ALIVE', resources_total: { CPU, memory: 1000 } }] } },
    },
  });
  const traceback = (reason: string, status: number): FakeAnswer => ({
    status,
    type: 'text/plain',
    body: `Traceback (most recent call last):\n  File "x.py"\n${reason}\n.\n`,
  });

  test('sends the token and no headers of a browser', async () => {
    const engine = await createEngine(() => unknownJob);
    expect(await engine.state('train-1')).toEqual({ kind: 'unknown' });
    const [{ headers } = { headers: {} }] = fake.requests;
    expect(headers).toMatchObject({ authorization: 'Bearer secret-token' });
    expect(Object.keys(headers).filter((name) => /user-agent|sec-|origin/.test(name))).toEqual([]);
  });

  test('a name that another process submitted meanwhile is found', async () => {
    let submitted = false;
    const engine = await createEngine(({ method, path }) => {
      if (path.startsWith('/api/v0/nodes')) return nodes(2);
      if (method === 'POST') submitted = true;
      if (method === 'POST')
        return traceback('ValueError: Job with submission_id train-1 already exists.', 500);
      return submitted ? { body: described() } : unknownJob;
    });
    await engine.submit(job);
    expect(await engine.state('train-1')).toMatchObject({ kind: 'queued' });
  });

  test.each<[string, FakeAnswer, string, string]>([
    ['a refusal', traceback('TypeError: entrypoint must be', 400), 'InvalidInput', 'entrypoint'],
    [
      'a refusal of the agent',
      traceback('RuntimeError: Request failed with status code 400: bad name', 500),
      'InvalidInput',
      'bad name',
    ],
    ['a crash', traceback('OSError: disk', 500), 'BackendUnavailable', 'disk'],
    ['no permission', { status: 401, body: 'no' }, 'BackendUnavailable', 'token'],
    [
      'a missing page',
      { status: 404, type: 'text/html', body: '<p>' },
      'BackendUnavailable',
      '404',
    ],
    ['another shape', { body: { id: 1 } }, 'BackendUnavailable', 'unexpected shape'],
    ['the token', { status: 500, body: 'secret-token' }, 'BackendUnavailable', '***'],
  ])('%s', async (_, answer, type, message) => {
    const engine = await createEngine(({ method, path }) => {
      if (path.startsWith('/api/v0/nodes')) return nodes(2);
      return method === 'POST' ? answer : unknownJob;
    });
    const error = (await engine.submit(job).catch((caught: unknown) => caught)) as Error;
    expect(error).toMatchObject({ type });
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('secret-token');
  });

  test('a request that no node has is refused, unless nodes are added on demand', async () => {
    const answer = ({ method, path }: FakeRequest): FakeAnswer => {
      if (path.startsWith('/api/v0/nodes')) return nodes(0.25);
      return method === 'POST' ? { body: { submission_id: 'train-1' } } : unknownJob;
    };
    const fixed = await createEngine(answer);
    await expect(fixed.submit(job)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('CPU 0.5 of at most 0.25') as string,
    });
    expect(fake.requests.some(({ method }) => method === 'POST')).toBe(false);
    expect((await fixed.offer?.())?.nodes).toMatchObject([{ cpus: 0.25 }]);
    await fake.close();
    const growing = await createEngine(answer, { autoscaling: true });
    expect((await growing.offer?.())?.nodes).toBeNull();
    await growing.submit(job);
    expect(fake.requests.some(({ method }) => method === 'POST')).toBe(true);
  });

  test("Ray's own notes are not part of the log", async () => {
    const engine = await createEngine(({ path }) =>
      path.startsWith('/api/v0/logs')
        ? {
            type: 'application/octet-stream',
            body:
              '2026-11-29 11:03:18,473\tINFO job_manager.py:581 -- Runtime env is setting up.\n' +
              "one\nRunning entrypoint for job train-1: exec 'true'\ntwo\n",
          }
        : { body: described({ status: 'RUNNING', driver_node_id: 'abc' }) },
    );
    expect(await engine.logs('train-1', 1000)).toBe('one\ntwo\n');
    expect(await engine.logs('train-1', 6)).toBe('two\n');
  });

  test('an address that is no URL is refused', async () => {
    await createEngine(() => null);
    expect(() => createRayEngine({ url: 'head:8265' })).toThrow(
      expect.objectContaining({ type: 'InvalidInput' }) as Error,
    );
  });
});

describe('the times of a job of Ray', () => {
  const readTimes = (more: Readonly<Record<string, unknown>>) => {
    const job = rayJobSchema.parse(described(more));
    return withRayTimes(toRayState(job), job);
  };
  const given = { start_time: 1_795_946_400_000, end_time: 1_795_946_461_500 };

  test('are those of the Jobs API', () => {
    expect(readTimes({ status: 'SUCCEEDED', ...given })).toMatchObject({
      startedAt: '2026-11-29T10:00:00.000Z',
      endedAt: '2026-11-29T10:01:01.500Z',
    });
  });

  test('of a running job have no end', () => {
    expect(readTimes({ status: 'RUNNING', ...given, end_time: null })).toEqual({
      kind: 'running',
      startedAt: '2026-11-29T10:00:00.000Z',
    });
  });

  test('are not given for a job that waits', () => {
    expect(readTimes({ status: 'PENDING', ...given })).not.toHaveProperty('startedAt');
  });
});
