import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ProjectStepInput, ProjectStepOutput } from '../../../activities/project/step';
import { createProjectStepActivities } from '../../../activities/project/step';
import type { LocalBackend } from '../../../activities/training/compute/local/backend';
import { createLocalBackend } from '../../../activities/training/compute/local/backend';
import { JobDirectory } from '../../../activities/training/compute/local/job-directory';
import type { ArtifactStore } from '../../../data/artifact/store';
import { openArtifactStore } from '../../../data/artifact/store';
import { sha256 } from '../../../data/digest';
import { projectRequirements } from '../../../data/project/requirements';
import type { LineageEdge } from '../../../db/lineage/repository';
import type { ArtifactRef } from '../../../domain/artifact';
import { defaultTenant, effectKey, type RunId, type Tenant } from '../../../domain/ids';
import type { JobEnvironment, JobHandle } from '../../../domain/training/job';
import { waitUntilGone } from '../../../sdk/contracts/compute-backend';
import { orderRows } from '../../support/orders';
import { pythonPath, testBucket } from '../../support/platform';
import { stepProject, storeStepFiles } from '../../support/project-steps';
import { pythonEnvironments, testUvVariables } from '../../support/training/python-environments';
import { until } from '../../support/time/until';
import { fakeCosts } from '../../support/cost/fake-costs';

const runId = 'run_step' as RunId;
const events: { readonly kind: string; readonly data: Readonly<Record<string, unknown>> }[] = [];
const edges: LineageEdge[] = [];
let folder: string;
let artifacts: ArtifactStore;
let backend: LocalBackend;
let activities: ReturnType<typeof createProjectStepActivities>;
let files: ProjectStepInput['files'];
let orders: ArtifactRef;
let generation = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-step-'));
  artifacts = openArtifactStore({ ...testBucket(), leases: null });
  await artifacts.ensureBucket();
  backend = createLocalBackend({
    python: pythonPath(),
    trainersDir: resolve('trainers'),
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 2,
    graceSeconds: 2,
    uvVariables: testUvVariables(),
  });
  activities = createProjectStepActivities({
    backends: { local: backend },
    artifacts,
    registry: {
      events: { append: (event: (typeof events)[number]) => Promise.resolve(events.push(event)) },
      artifacts: { reference: () => Promise.resolve() },
      lineage: {
        add: (added) => {
          edges.push(...added.edges);
          return Promise.resolve();
        },
      } as Parameters<typeof createProjectStepActivities>[0]['registry']['lineage'],
      costs: fakeCosts(),
    },
    prices: {},
  });
  files = await storeStepFiles(artifacts);
  orders = await orderRows(artifacts, folder);
});
afterAll(async () => {
  await backend.close();
  artifacts.close();
  await rm(folder, { recursive: true, force: true });
});

function given(name: string, input: unknown, more: Partial<ProjectStepInput> = {}) {
  generation += 1;
  const file = Object.keys(files).find((path) => readSource(path).includes(`def ${name}(`)) ?? '';
  return {
    tenant: defaultTenant,
    runId,
    key: effectKey(runId, 'score', name, generation),
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    step: { name, file, function: name, codeDigest: sha256(name), environment: null },
    files,
    input,
    compute: {
      backend: 'local',
      cpus: 1,
      memoryBytes: 2 ** 30,
      timeoutSeconds: 60,
      retries: 3,
    },
    ...more,
  } satisfies ProjectStepInput;
}

function readSource(path: string): string {
  return readFileSync(join(stepProject, path), 'utf8');
}

/** An attempt under way: its heartbeats, and its end. */
function attempt(of: ProjectStepInput, heartbeatDetails?: JobHandle) {
  const environment = new MockActivityEnvironment(
    { heartbeatDetails },
    { logger: new DefaultLogger('ERROR') },
  );
  const beats: JobHandle[] = [];
  environment.on('heartbeat', (handle: JobHandle) => beats.push(handle));
  const end: Promise<ProjectStepOutput> = environment.run(
    (input: ProjectStepInput) => activities.runProjectStep(input),
    of,
  );
  end.catch(() => undefined);
  return { environment, beats, end };
}

const readLog = async ({ logs }: ProjectStepOutput) =>
  Buffer.from(await artifacts.getBytes(logs)).toString();

const readCount = async (handle: JobHandle | undefined) => {
  const state = handle === undefined ? null : await backend.poll(handle);
  return state?.kind === 'running' ? Math.max(0, ...state.metrics.map(({ step }) => step)) : 0;
};

/** Of the job's process on this machine. */
function findPid({ key }: ProjectStepInput): number {
  const path = new JobDirectory(join(folder, 'state', 'compute'), key).file('process.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { pid: number }).pid;
}

test('returns the output, the metrics and the log of a step, and the same again', async () => {
  const of = given('score_shop', { shop: 'A', orders });
  const { beats, end } = attempt(of);
  const scored = await end;
  expect(beats[0]).toEqual({
    backend: 'local',
    jobId: of.key,
    tenant: 'default',
    detail: {},
  });
  expect(scored).toMatchObject({
    output: { shop: 'A', orders: 3, revenue: 60 },
    metrics: { revenue: 60 },
    environment: null,
  });
  expect(await readLog(scored)).toMatch(/orders read.*"traceId": "4bf92f/);
  expect(await attempt(of).end).toEqual(scored);
});

test('takes a dataset version, returns a table by reference, and records the lineage', async () => {
  const manifest = await artifacts.putJson({
    tenant: defaultTenant,
    value: { dataset: 'churn.orders', columns: [], rows: 4, files: [orders] },
  });
  const version = { dataset: 'churn.orders', version: 3, manifest, rows: 4 };
  const kept = await attempt(given('keep_large', { orders: version, least: 20 })).end;
  expect(kept.output).toMatchObject({ mediaType: 'application/vnd.apache.parquet' });
  const scored = await attempt(given('score_shop', { shop: 'A', orders: kept.output })).end;
  expect(scored.output).toMatchObject({ orders: 2, revenue: 50 });
  expect(edges).toContainEqual({
    from: { kind: 'dataset', name: 'churn.orders', version: 3, digest: manifest.digest },
    to: { kind: 'run', name: runId },
    runId,
  });
});

test('keeps printed bytes in the log and out of the result', async () => {
  const printed = await attempt(given('prints_binary', {})).end;
  expect(printed.output).toBe(7);
  expect(await readLog(printed)).toContain('before');
});

test.each([
  [
    'exits_quietly',
    /^step exits_quietly: steps\/bad_output\.py:\d+ \(exits_quietly\): ended the process with exit code 0 and returned no result\. Return the result/,
  ],
  [
    'ends_process',
    /^step ends_process of steps\/bad_output\.py \(ends_process\) ended its process without a result/,
  ],
  [
    'returns_text',
    /bad_output\.py:\d+ \(returns_text\): the result does not fit the annotation int: the value must be int, not str\. Return/,
  ],
  [
    'returns_nothing',
    /\(returns_nothing\): the result does not fit the annotation int: the value must be int, not None/,
  ],
  [
    'returns_much',
    /\(returns_much\): the result has \d+\.\d KiB of JSON; the limit is 64 KiB\. Return the data as a Table or a File/,
  ],
  [
    'writes_outside',
    /\(writes_outside\): wrote to \/etc\/perennial-step, outside of its folder at steps\/bad_output\.py:\d+\. Write below ctx\.folder/,
  ],
  [
    'returns_foreign_file',
    /\(returns_foreign_file\): returned the file \/etc\/hostname, which is outside of its folder/,
  ],
  ['reports_nan', /\(reports_nan\): loss became nan at step 3/],
  [
    'needs_package',
    /the package package_that_is_not_there is not installed at steps\/bad_output\.py:\d+\. Add it to requirements\.txt/,
  ],
  [
    'no_annotations',
    /bad_annotations\.py:7: step no_annotations: parameter shop has no annotation; use .*; parameter day: complex is not supported.*; the result has no annotation/,
  ],
] as const)('explains the failure of %s', async (name, message) => {
  const error = (await attempt(given(name, {})).end.catch((reason: unknown) => reason)) as Error;
  expect(error).toMatchObject({ name: 'PerennialError' });
  expect(error.message).toMatch(message);
});

test('names the place of an exception, and keeps its message, which may quote data', async () => {
  const of = given('raises', { customer: 'Ada' });
  const error = (await attempt(of).end.catch((reason: unknown) => reason)) as Error;
  expect(error).toMatchObject({ type: 'JobFailed', next: `perennial run logs ${runId}` });
  expect(error.message).toMatch(
    /^step raises: steps\/bad_output\.py:\d+ \(raises\): raised ValueError at steps\/bad_output\.py:\d+\./,
  );
  expect(error.message).not.toContain('Ada');
  const { logs } = events.at(-1)?.data as { readonly logs: ArtifactRef };
  expect(Buffer.from(await artifacts.getBytes(logs)).toString()).toContain('customer Ada has no');
});

test('ends a step that exceeds its memory, and names the limit', async () => {
  const compute = { ...given('allocates', {}).compute, memoryBytes: 400 * 2 ** 20 };
  await expect(attempt(given('allocates', {}, { compute })).end).rejects.toMatchObject({
    type: 'JobOutOfMemory',
    message: expect.stringMatching(/this attempt had 800MiB/) as string,
  });
});

test.each([
  [
    'a missing and an unknown argument',
    { orders: 1, stores: 2 },
    /shop is missing; stores is not a parameter\. Its parameters are shop, orders, currency/,
  ],
  ['an argument of another type', { shop: 7 }, /invalid input: \/shop must be str, not int/],
  [
    'something that is no table',
    { shop: 'A', orders: 'orders' },
    /\/orders must be a dataset version or a Parquet artifact \(Table\), not str/,
  ],
])('refuses %s', async (_, input, message) => {
  const of = given('score_shop', { ...('shop' in input && { orders }), ...input });
  await expect(attempt(of).end).rejects.toMatchObject({
    type: 'JobFailed',
    message: expect.stringMatching(message) as string,
  });
});

test('refuses an artifact of another tenant before a job exists', async () => {
  const of = given('score_shop', { shop: 'A', orders }, { tenant: 'other' as Tenant });
  await expect(attempt(of).end).rejects.toMatchObject({
    type: 'Forbidden',
    message: "the step's input has at /orders an artifact of another tenant",
  });
});

describe('a project with requirements', () => {
  const locked = async (): Promise<JobEnvironment> => {
    const requirements = projectRequirements(stepProject);
    if (requirements === null) throw new Error('the project has requirements');
    const text = await pythonEnvironments(join(folder, 'state')).lock(requirements);
    const bytes = Buffer.from(text);
    return {
      lock: await artifacts.putBytes({ tenant: defaultTenant, bytes, mediaType: 'text/plain' }),
    };
  };
  const builds = async () =>
    (await readdir(join(folder, 'state', 'environments'))).filter((name) => name !== 'locks');

  test('runs its steps in an environment that is built once, and records the lock', async () => {
    const environment = await locked();
    const steps = [1, 2].map((amount) => {
      const of = given('to_euro', { amounts: [amount, 100], currency: 'USD' });
      return attempt({ ...of, step: { ...of.step, environment } }).end;
    });
    const [first, second] = await Promise.all(steps);
    expect(first).toMatchObject({ output: [0.92, 92], environment: environment.lock.digest });
    expect(second).toMatchObject({ output: [1.84, 92] });
    expect(await builds()).toHaveLength(1);
    expect((await locked()).lock).toEqual(environment.lock);
  });

  test('its steps read and write tables, and have no network', async () => {
    const environment = await locked();
    const of = given('keep_large', { orders, least: 20 });
    const kept = await attempt({ ...of, step: { ...of.step, environment } }).end;
    expect(kept.output).toMatchObject({ mediaType: 'application/vnd.apache.parquet' });
    const asks = given('connects', {});
    const { output } = await attempt({ ...asks, step: { ...asks.step, environment } }).end;
    expect(output).toBe('no network');
  });

  test('a lock that cannot be installed fails with the reason of uv, and leaves nothing', async () => {
    const before = await builds();
    const bytes = Buffer.from(`cachetools==5.5.0 --hash=sha256:${'0'.repeat(64)}\n`);
    const lock = await artifacts.putBytes({
      tenant: defaultTenant,
      bytes,
      mediaType: 'text/plain',
    });
    const of = given('to_euro', { amounts: [1], currency: 'USD' });
    await expect(
      attempt({ ...of, step: { ...of.step, environment: { lock } } }).end,
    ).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(
        /locked packages cannot be installed.*hash mismatch/i,
      ) as string,
    });
    expect(await builds()).toEqual(before);
  });
});

test('a step that was killed is run again and continues from its checkpoint', async () => {
  const of = given('count', { to: 60 });
  const first = attempt(of);
  await until(async () => (await readCount(first.beats.at(-1))) >= 5);
  process.kill(findPid(of), 'SIGKILL');
  await expect(first.end).rejects.toMatchObject({ type: 'JobLost' });
  const { output } = await attempt(of, first.beats.at(-1)).end;
  expect(output).toMatchObject({ count: 60 });
  expect((output as { began: number }).began).toBeGreaterThanOrEqual(5);
});

test('cancelling the run ends the process, and cleanup leaves nothing', async () => {
  const of = given('count', { to: 10_000 });
  const { environment, beats, end } = attempt(of);
  await until(async () => (await readCount(beats.at(-1))) >= 2);
  const pid = findPid(of);
  environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
  await expect(end).rejects.toBeInstanceOf(CancelledFailure);
  await waitUntilGone([pid]);
  expect(events).toContainEqual(
    expect.objectContaining({
      kind: 'step.metrics',
      data: expect.objectContaining({ step: 'count' }) as object,
    }),
  );
  await backend.cleanup(`${runId}/`);
  expect(await readdir(join(folder, 'state', 'compute'))).toEqual([]);
});
