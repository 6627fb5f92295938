import { resolve } from 'node:path';
import { testCommandKeys } from '../../support/commands';
import { Connection } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import {
  createLifecycleClient,
  type LifecycleClient,
} from '../../../apps/temporal-clients/lifecycle-client';
import type { RunRecord } from '../../../db/run/repository';
import { failure } from '../../../domain/failure';
import { openLog } from '../../../workers/log';
import { reconcileRuns } from '../../../workers/maintenance/sweeper';
import { startFakeWorker, type FakeWorker } from '../../apps/api/support/fake-worker';
import { openTestRegistry, tenant, type TestRegistry } from '../../db/registry-fixture';
import { artifact, buildPlan, type Overrides } from '../../support/fake-activities';
import { testTemporal } from '../../support/platform';
import { untilAnswer } from '../../support/time/until';
import { measureFastest, timed } from '../../support/time/fastest-of';

const plan = buildPlan({ approval: 1 });
const log = openLog('test', 'silent');
let test_: TestRegistry;
let temporal: Awaited<ReturnType<typeof testTemporal>>;
let connection: Connection;
let lifecycles: LifecycleClient;
let worker: FakeWorker | null = null;
let count = 0;

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
});
afterEach(async () => {
  await worker?.stop();
  worker = null;
});
afterAll(async () => {
  await connection.close();
  await test_.close();
});

const work = async (overrides: Overrides, workflowsPath?: string): Promise<void> => {
  await worker?.stop();
  worker = await startFakeWorker(temporal, test_.registry, overrides, workflowsPath);
};

async function start(): Promise<string> {
  const workflowId = `held-up-${++count}`;
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
  return workflowId;
}

/** Reconciles with Temporal, as workers do every few seconds, until the run matches. */
async function untilRun(
  workflowId: string,
  isWanted: (run: RunRecord) => boolean,
): Promise<RunRecord> {
  const compared = async () => {
    await reconcileRuns({ registry: test_.registry, lifecycles, log }, { olderThanSeconds: 0 });
    const { items } = await test_.registry.runs.list({ tenant, pageSize: 10 });
    return items.find((each) => each.workflowId === workflowId);
  };
  const run = await untilAnswer(compared, (each) => each !== undefined && isWanted(each), {
    seconds: 60,
    everyMs: 300,
  });
  if (!run) throw new Error(`no run of ${workflowId}`);
  return run;
}

const waits = ({ waitingFor }: RunRecord) => waitingFor !== null;

describe('a run that cannot continue shows why (I12)', () => {
  test('a failing activity, with its reason and the time of the next attempt', async () => {
    let mended = false;
    await work({
      ingestSource: ({ source }) => {
        if (!mended)
          return Promise.reject(
            failure('SourceUnreachable', 'https://data.example does not answer'),
          );
        return Promise.resolve({
          dataset: source.name,
          version: 1,
          manifest: artifact('data'),
          rows: 1,
        });
      },
    });
    const id = await start();
    const run = await untilRun(id, ({ waitingFor }) => /attempt [3-9]/.test(waitingFor ?? ''));
    expect(run.status).toBe('running');
    expect(run.waitingFor).toMatch(
      /^ingest: attempt \d of ingestSource failed: .*https:\/\/data\.example does not answer; attempt \d (follows at \d{4}-\d\d-\d\dT[\d:]+Z|is under way)$/,
    );
    mended = true;
    // The run's own text replaces it.
    expect((await untilRun(id, ({ status }) => status === 'waiting')).waitingFor).toMatch(
      /^1 approval of/,
    );
  });

  test('a local activity that fails for longer than its workflow task may take', async () => {
    let mended = false;
    const beginStage: NonNullable<Overrides['beginStage']> = () =>
      mended
        ? Promise.resolve({ kind: 'run' })
        : Promise.reject(failure('StorageUnavailable', 'the store does not answer'));
    await work({ beginStage, finishStage: () => Promise.resolve() });
    const ids: string[] = [];
    const { value, milliseconds } = await measureFastest(3, 8_000, () =>
      timed(async () => {
        const id = await start();
        ids.push(id);
        return untilRun(id, waits);
      }),
    );
    expect(value.waitingFor).toMatch(
      /^ingest: attempt \d+ of beginStage failed: .*the store does not answer; attempt \d+/,
    );
    // The product reconciles every 3 s.
    expect(milliseconds).toBeLessThan(8_000);
    mended = true;
    for (const id of ids) await untilRun(id, ({ status }) => status === 'waiting');
  });

  test('a child workflow that it waits for', async () => {
    const away = () => Promise.reject(failure('SourceUnreachable', 'no answer'));
    await work(
      { ingestSource: away },
      resolve(__dirname, '..', '..', 'support', 'incompatible', 'with-child.ts'),
    );
    const id = await start();
    for (
      const deadline = Date.now() + 30_000;
      ;
      await new Promise((done) => setTimeout(done, 200))
    ) {
      const { execution, heldUp } = await lifecycles.executionState(id);
      expect(execution).toBe('running');
      if (heldUp !== null) {
        expect(heldUp).toMatch(/^study: attempt \d of ingestSource failed: .*no answer/);
        break;
      }
      if (Date.now() > deadline) throw new Error('nothing holds it up');
    }
  });

  test('incompatible workflow code, until the right code runs again', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((done) => (release = done));
    const ingestSource: NonNullable<Overrides['ingestSource']> = async ({ source }) => {
      await held;
      return { dataset: source.name, version: 1, manifest: artifact('data'), rows: 1 };
    };
    await work({ ingestSource });
    const id = await start();
    await untilRun(id, ({ status }) => status === 'running');
    setTimeout(release, 500);
    await work(
      { ingestSource },
      resolve(__dirname, '..', '..', 'support', 'incompatible', 'workflows.ts'),
    );
    const run = await untilRun(id, waits);
    expect(run.status).toBe('running');
    expect(run.waitingFor).toMatch(
      /^ingest: its workflow task fails \(attempt \d+, since .*\): .*TMPRL1100.*; start the version that it began with, or/,
    );
    await work({});
    expect((await untilRun(id, ({ status }) => status === 'waiting')).waitingFor).toMatch(
      /^1 approval of [^;]*; perennial run approve \S+ --stage promote$/,
    );
  });
});
