import { mkdtempSync, rmSync } from 'node:fs';
import { testCommandKeys } from '../../support/commands';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import {
  createLifecycleClient,
  type LifecycleClient,
} from '../../../apps/temporal-clients/lifecycle-client';
import { projectQueue } from '../../../domain/lifecycle/sections/program';
import { workflowBundle, type WorkflowCode } from '../../../workers/temporal/bundle';
import type { WorkerVersion } from '../../../workers/temporal/settings';
import { openLog } from '../../../workers/log';
import { checkOpenRuns } from '../../../workers/maintenance/open-runs';
import { startFakeWorker } from '../../apps/api/support/fake-worker';
import { openTestRegistry, tenant, type TestRegistry } from '../../db/registry-fixture';
import { buildPlan } from '../../support/fake-activities';
import { testTemporal } from '../../support/platform';
import { until, untilAnswer } from '../../support/time/until';

const plan = buildPlan({ approval: 1 });
const approval = 'run/default/flight-delay/run_waits';
let test_: TestRegistry;
let temporal: Awaited<ReturnType<typeof testTemporal>>;
let connection: Connection;
let lifecycles: LifecycleClient;
let [today, other]: [WorkflowCode, WorkflowCode] = [
  { codePath: '', digest: 'sha256:0' },
  { codePath: '', digest: 'sha256:1' },
];
let stateDir: string;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  test_ = await openTestRegistry();
  const { lifecycle, revision: digest, spec, files, contracts } = plan;
  await test_.registry.lifecycles.apply({
    tenant,
    revision: { lifecycle, digest, spec, files, contracts },
    actor: 'test',
  });
  temporal = await testTemporal();
  connection = await Connection.connect({ address: temporal.address });
  lifecycles = createLifecycleClient({
    connection,
    namespace: temporal.namespace,
    uiUrl: null,
    commandKeys: testCommandKeys,
  });
  today = await workflowBundle();
  other = await workflowBundle(
    join(tmpdir(), 'perennial-test-bundle'),
    resolve(__dirname, '..', '..', 'support', 'incompatible', 'workflows.ts'),
  );
  await leaveOpen();
});
afterAll(async () => {
  await connection.close();
  await test_.close();
});
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'perennial-open-runs-'));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

/** One run that waits for an approval, one that ended, and one that no worker has started. */
async function leaveOpen(): Promise<void> {
  const worker = await startFakeWorker(temporal, test_.registry);
  await start(approval);
  for (const deadline = Date.now() + 60_000; ; await new Promise((done) => setTimeout(done, 100))) {
    const { items } = await test_.registry.runs.list({ tenant, pageSize: 1 });
    if (items[0]?.status === 'waiting') break;
    if (Date.now() > deadline) throw new Error('it does not wait for an approval');
  }
  await worker.stop();
  await start('run/default/flight-delay/run_unbegun');
}

async function start(workflowId: string): Promise<void> {
  const { lifecycle, revision, request, traceId } = plan;
  // As the API does; a run without a row is refused.
  await test_.registry.runs.open({
    tenant,
    workflowId,
    lifecycle,
    request,
    actor: 'test',
    traceId,
  });
  await lifecycles.start(workflowId, {
    tenant,
    lifecycle,
    kind: plan.spec.kind,
    revision,
    request,
    actor: 'test',
    traceId,
  });
}

/** Code of a project that the product's code could not continue, in the middle of a run. */
async function openProjectRun(): Promise<WorkflowHandle> {
  const { address, namespace } = temporal;
  const taskQueue = projectQueue({ tenant, project: 'shop' });
  const polling = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection: polling,
    namespace,
    taskQueue,
    workflowBundle: { codePath: other.codePath },
  });
  const running = worker.run();
  const { workflow } = new Client({ connection, namespace });
  const run = await workflow.start('modelLifecycle', {
    taskQueue,
    workflowId: 'run/default/shop/run_of_project',
    args: [],
  });
  await until(async () => {
    const { events } = await run.fetchHistory();
    return events?.some(({ timerStartedEventAttributes }) => timerStartedEventAttributes) ?? false;
  });
  // The check lists runs, and the list follows the histories with a delay.
  await untilAnswer(
    async () => (await workflow.count(`TaskQueue = '${taskQueue}'`)).count,
    (listed) => listed === 1,
  );
  worker.shutdown();
  await running;
  await polling.close();
  return run;
}

/** A run that waits, on a worker of the version `old` that has ended. */
async function openPinnedRun(): Promise<WorkflowHandle> {
  const { namespace } = temporal;
  const [workflowId, deploymentName, buildId] = [
    'run/default/flight-delay/run_pinned',
    'perennial',
    'old',
  ];
  const worker = await startFakeWorker(
    { ...temporal, version: { deploymentName, buildId } },
    test_.registry,
  );
  const { workflowService } = connection;
  // The server knows a version only after its worker has polled.
  await until(() =>
    workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName, buildId }).then(
      () => true,
      () => false,
    ),
  );
  await start(workflowId);
  const { workflow } = new Client({ connection, namespace });
  await untilAnswer(
    async () =>
      (
        await workflow.count(
          `WorkflowId = '${workflowId}' AND TemporalWorkflowVersioningBehavior = 'Pinned'`,
        )
      ).count,
    (listed) => listed === 1,
  );
  await worker.stop();
  await workflowService.setWorkerDeploymentCurrentVersion({
    namespace,
    deploymentName,
    buildId: '',
  });
  return workflow.getHandle(workflowId);
}

const meet = (
  code: WorkflowCode,
  {
    allowIncompatible = false,
    to = connection,
    version = null,
  }: {
    readonly allowIncompatible?: boolean;
    readonly to?: Connection;
    readonly version?: WorkerVersion | null;
  } = {},
): Promise<void> =>
  checkOpenRuns({
    ...temporal,
    version,
    connection: to,
    code,
    stateDir,
    allowIncompatible,
    log: openLog('test', 'silent'),
  });
/** Temporal is not reachable here, so only a start that skips the check succeeds. */
const nowhere = Connection.lazy({ address: '127.0.0.1:1', connectTimeout: 100 });

describe('workflow code that is new to the open runs', () => {
  test('starts if it can continue them, and is not checked again', async () => {
    await meet(today);
    await meet(today, { to: nowhere });
  });

  test('is refused at each start if it cannot, with the runs and the next steps', async () => {
    for (let start = 1; start <= 2; start += 1) {
      await expect(meet(other)).rejects.toMatchObject({
        type: 'Conflict',
        message: expect.stringMatching(
          /^this version's workflow code cannot continue an open run:\n {2}run_waits of flight-delay: .*Nondeterminism error[^\n]*$/,
        ) as string,
        next: expect.stringContaining('perennial up --allow-incompatible-runs') as string,
      });
    }
    await meet(today);
  });

  test('starts with --allow-incompatible-runs, and later also without', async () => {
    await meet(other, { allowIncompatible: true });
    await meet(other, { to: nowhere });
  });

  test('is not checked with the runs of projects, which their own builds continue', async () => {
    const run = await openProjectRun();
    await meet(today);
    expect((await run.describe()).status.name).toBe('RUNNING');
    await run.terminate('the test has ended');
  });

  test('is not checked with the runs that are pinned to another version of the workers', async () => {
    const run = await openPinnedRun();
    const version = { deploymentName: 'perennial', buildId: 'new' };
    await expect(meet(other)).rejects.toThrow(/run_pinned of flight-delay/);
    const refused = await meet(other, { version }).catch((error: unknown) => error as Error);
    expect(refused).toMatchObject({ type: 'Conflict' });
    expect(refused?.message).toMatch(/run_waits of flight-delay/);
    expect(refused?.message).not.toMatch(/run_pinned/);
    await run.terminate('the test has ended');
  });

  test('is checked again after other code has run', async () => {
    await meet(today);
    await expect(meet(other)).rejects.toMatchObject({ type: 'Conflict' });
    await meet(other, { allowIncompatible: true });
    await expect(
      nowhere.withDeadline(Date.now() + 500, () => meet(today, { to: nowhere })),
    ).rejects.toThrow();
    await meet(today);
  });
});
