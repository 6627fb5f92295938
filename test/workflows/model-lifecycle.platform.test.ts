import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { LifecycleInput, RunOutcome } from '../../workflows/messages';
import { approveUpdate, modelLifecycleWorkflow, pauseUpdate, rejectUpdate, resumeUpdate, statusQuery } from '../../workflows/messages';
import type { RunPlan } from '../../workflows/stage';
import { workflowBundle } from '../../workers/bundle';
import type { FakeActivities, Overrides } from '../support/fake-activities';
import { artifact, failed, fakeActivities, planOf } from '../support/fake-activities';
import { testTemporal } from '../support/platform';

jest.setTimeout(60_000);

let connection: NativeConnection;
let client: Client;
let namespace: string;
let count = 0;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = await testTemporal();
  namespace = temporal.namespace;
  connection = await NativeConnection.connect({ address: temporal.address });
  client = new Client({ connection: await Connection.connect({ address: temporal.address }), namespace });
});

afterAll(async () => {
  await client.connection.close();
  await connection.close();
});

type Handle = Awaited<ReturnType<typeof start>>['handle'];

async function start(plan: RunPlan, overrides: Overrides = {}) {
  const fake = fakeActivities(plan, overrides);
  const queue = `lifecycle-test-${process.pid}-${++count}`;
  const common = { connection, namespace, activities: fake.activities, maxHeartbeatThrottleInterval: 100 };
  const bundle = await workflowBundle();
  // Activities name the product's queues; each test has its own, so that its fakes answer.
  const workers = await Promise.all([
    Worker.create({ ...common, taskQueue: queue, workflowBundle: bundle, stickyQueueScheduleToStartTimeout: '1s' }),
    Worker.create({ ...common, taskQueue: 'data' }),
    Worker.create({ ...common, taskQueue: 'compute' }),
  ]);
  const input: LifecycleInput = {
    tenant: plan.tenant,
    lifecycle: plan.lifecycle,
    request: plan.request,
    actor: 'ada',
    traceId: plan.traceId,
  };
  const running = workers.map((worker) => worker.run());
  const handle = await client.workflow.start(modelLifecycleWorkflow, { workflowId: `run/${queue}`, taskQueue: queue, args: [input] });
  const end = async (): Promise<RunOutcome> => {
    try {
      return (await handle.result()) as RunOutcome;
    } finally {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
    }
  };
  return { handle, fake, end };
}

async function run(
  name: string,
  plan: RunPlan,
  overrides: Overrides = {},
): Promise<{ readonly outcome: RunOutcome; readonly fake: FakeActivities }> {
  const { handle, fake, end } = await start(plan, overrides);
  const outcome = await end();
  await record(name, handle);
  return { outcome, fake };
}

/** `RECORD_HISTORIES=1` writes what test/replay/ must replay from then on. */
async function record(name: string, handle: Handle): Promise<void> {
  if (process.env.RECORD_HISTORIES !== '1') return;
  const directory = join(__dirname, '..', 'replay', 'histories');
  mkdirSync(directory, { recursive: true });
  const history = JSON.parse(historyToJSON(await handle.fetchHistory()), withoutPlace) as unknown;
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify({ workflowId: handle.workflowId, history })}\n`);
}

/** Where it was recorded is nobody's business; replay does not look at it. */
function withoutPlace(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  return key === 'identity' ? 'recorded' : value;
}

async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const work = (calls: readonly string[]): string[] => calls.filter((call) => !/^(beginStage|finishStage|showRun)/.test(call));

describe('model lifecycle', () => {
  test('promotes a version that passes its gates', async () => {
    const { outcome, fake } = await run('model-lifecycle-promoted', planOf());
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
    expect(outcome.verdict?.reasons.map((reason) => reason.code)).toEqual(['threshold.met', 'promote.done']);
    expect(work(fake.calls)).toEqual([
      'openRun',
      'ingestSource',
      'validateDataset',
      'describeTrainer',
      'assembleData',
      'trainModel',
      'registerVersion',
      'readChampion',
      'trainModel',
      'writeManifest',
      'measureParity',
      'evaluateCandidate',
      'probeGateways',
      'promoteVersion',
      'releaseRun',
      'closeRun',
    ]);
  });

  test('stops before training when the data break their contract', async () => {
    const report = { dataset: 'flights', rows: 10, accepted: 0, quarantined: 10, checks: [] };
    const { outcome, fake } = await run('model-lifecycle-contract-broken', planOf(), {
      validateDataset: ({ dataset }) => Promise.resolve({ report, accepted: dataset, quarantine: artifact('bad'), verdict: failed }),
    });
    expect(outcome).toMatchObject({ status: 'stopped', verdict: failed, version: null });
    expect(fake.calls).toContain('finishStage validate');
    expect(fake.calls).not.toContain('assembleData');
  });

  test('rejects a version that a gate refuses, and moves no alias', async () => {
    const { outcome, fake } = await run('model-lifecycle-refused', planOf(), {
      evaluateCandidate: (() =>
        Promise.resolve({
          decision: { id: 'decision_1', policy: 'sha256:p', evidence: 'sha256:e', verdict: failed },
          evidence: 'sha256:e',
          summary: {},
        })) as never,
    });
    expect(outcome).toMatchObject({ status: 'stopped', verdict: failed, version: 2 });
    expect(fake.calls).toContain('rejectVersion');
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test('ends at once when the candidate has the champion’s bytes', async () => {
    const { outcome, fake } = await run('model-lifecycle-unchanged', planOf(), {
      readChampion: () => Promise.resolve({ version: { model: 'flight-delay', version: 2, manifest: artifact('2') }, fencing: 4 }),
    });
    expect(outcome).toMatchObject({ status: 'succeeded', verdict: { kind: 'passed', reasons: [{ code: 'promote.unchanged' }] } });
    expect(fake.calls).not.toContain('evaluateCandidate');
  });

  test('does not promote over a champion that it was not compared with', async () => {
    const { outcome } = await run('model-lifecycle-overtaken', planOf(), {
      promoteVersion: () => Promise.resolve({ kind: 'conflict', champion: { version: 5 } }),
    });
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(outcome.verdict?.reasons.at(-1)).toMatchObject({ code: 'promote.overtaken' });
  });

  test('a gateway that stays away leaves parity unmeasured instead of failing the run', async () => {
    const parity: unknown[] = [];
    await run('model-lifecycle-gateway-away', planOf(), {
      measureParity: () => Promise.reject(ApplicationFailure.nonRetryable('no gateway', 'GatewayUnavailable')),
      evaluateCandidate: ((input: { parity: unknown }) => {
        parity.push(input.parity);
        return Promise.resolve({
          decision: { id: 'd', policy: 'sha256:p', evidence: 'sha256:e', verdict: failed },
          evidence: 'sha256:e',
          summary: {},
        });
      }) as never,
    });
    expect(parity).toEqual([{ kind: 'notMeasured', rows: 0, reason: 'no gateway' }]);
  });

  test('takes a stage’s output from the cache instead of running it', async () => {
    const { outcome, fake } = await run('model-lifecycle-reused', planOf(), {
      beginStage: (({ stage }: { stage: string }) =>
        Promise.resolve(
          stage === 'train'
            ? {
                kind: 'reused',
                fromRun: 'run_0',
                end: { output: { version: { model: 'flight-delay', version: 1, manifest: artifact('1') }, assembled: artifact('a') } },
              }
            : { kind: 'run' },
        )) as never,
    });
    expect(outcome).toMatchObject({ status: 'succeeded', version: 1 });
    expect(fake.calls).not.toContain('assembleData');
    expect(fake.calls).not.toContain('finishStage train');
  });

  test('a rerun asks for the earlier stages of the run it names and runs the others', async () => {
    const asked: Record<string, unknown> = {};
    await run('model-lifecycle-rerun', planOf({ request: { fromStage: 'train', reuseRun: 'run_0' as never } }), {
      beginStage: (({ stage, reuse }: { stage: string; reuse: unknown }) => {
        asked[stage] = reuse;
        return Promise.resolve({ kind: 'run' });
      }) as never,
    });
    expect(asked).toMatchObject({
      ingest: { kind: 'from', run: 'run_0' },
      validate: { kind: 'from', run: 'run_0' },
      train: { kind: 'never' },
      evaluate: { kind: 'never' },
    });
  });
});

describe('a model lifecycle that breaks', () => {
  test('undoes newest first, says where it broke, and releases what it held', async () => {
    const { outcome, fake } = await run('model-lifecycle-failed', planOf(), {
      evaluateCandidate: () => Promise.reject(ApplicationFailure.nonRetryable('no rows', 'DatasetEmpty')),
    });
    expect(outcome).toMatchObject({ status: 'failed', failure: { type: 'DatasetEmpty', message: 'no rows', stage: 'evaluate' } });
    expect(work(fake.calls).slice(-4)).toEqual(['withdrawVersion', 'restoreDatasetAliases', 'releaseRun', 'closeRun']);
  });

  test('shows a failed undo as needing an operator, and runs the others', async () => {
    const { fake } = await run('model-lifecycle-undo-failed', planOf(), {
      evaluateCandidate: () => Promise.reject(ApplicationFailure.nonRetryable('no rows', 'DatasetEmpty')),
      withdrawVersion: () => Promise.reject(ApplicationFailure.nonRetryable('cannot', 'Conflict')),
    });
    expect(fake.calls).toContain('restoreDatasetAliases');
    expect(fake.closed[0]?.needsOperator).toEqual([{ what: 'candidate version', message: 'cannot' }]);
  });

  test.each(['ingestSource', 'validateDataset', 'assembleData', 'trainModel', 'evaluateCandidate', 'probeGateways'] as const)(
    'cancelled in %s it undoes and ends as cancelled',
    async (activity) => {
      let begun: () => void = () => undefined;
      const inActivity = new Promise<void>((resolve) => (begun = resolve));
      const { handle, fake, end } = await start(planOf(), {
        [activity]: async () => {
          begun();
          const { Context } = await import('@temporalio/activity');
          for (;;) {
            Context.current().heartbeat();
            await Context.current().sleep(50);
          }
        },
      } as Overrides);
      await inActivity;
      await handle.cancel();
      const outcome = await end();
      await record(`model-lifecycle-cancelled-in-${activity}`, handle);
      expect(outcome).toMatchObject({ status: 'cancelled', failure: { type: 'Cancelled' } });
      expect(work(fake.calls).slice(-3)).toEqual(['restoreDatasetAliases', 'releaseRun', 'closeRun']);
      expect(fake.calls).not.toContain('promoteVersion');
    },
  );
});

describe('people and a model lifecycle', () => {
  test('waits for as many different approvers as the lifecycle asks', async () => {
    const { handle, end } = await start(planOf({ approval: 2 }));
    await until(
      () => handle.query(statusQuery),
      (state) => state.status === 'waiting',
    );
    await expect(handle.executeUpdate(approveUpdate, { args: [{ actor: 'eve', scope: 'viewer' }] })).rejects.toThrow();
    await handle.executeUpdate(approveUpdate, { args: [{ actor: 'ada', scope: 'approver' }] });
    await handle.executeUpdate(approveUpdate, { args: [{ actor: 'ada', scope: 'approver' }] });
    expect(await handle.query(statusQuery)).toMatchObject({ status: 'waiting' });
    await handle.executeUpdate(approveUpdate, { args: [{ actor: 'grace', scope: 'admin' }] });
    const outcome = await end();
    await record('model-lifecycle-approved', handle);
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(outcome.verdict?.reasons).toContainEqual({ gate: 'approval', code: 'approval.given', message: 'approved by ada, grace' });
  });

  test('stops when one of them says no', async () => {
    const { handle, fake, end } = await start(planOf({ approval: 1 }));
    await until(
      () => handle.query(statusQuery),
      (state) => state.status === 'waiting',
    );
    await handle.executeUpdate(rejectUpdate, { args: [{ actor: 'ada', scope: 'approver', comment: 'not on a Friday' }] });
    const outcome = await end();
    await record('model-lifecycle-rejected', handle);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'failed' } });
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test('refuses a vote while none is awaited', async () => {
    const { handle, end } = await start(planOf());
    await expect(handle.executeUpdate(approveUpdate, { args: [{ actor: 'ada', scope: 'admin' }] })).rejects.toThrow();
    await end();
  });

  test('pauses before the next stage and says what it waits for', async () => {
    let trained: () => void = () => undefined;
    const release = new Promise<void>((resolve) => (trained = resolve));
    const { handle, fake, end } = await start(planOf(), {
      trainModel: (async () => {
        await release;
        return {
          result: { metrics: {}, facts: {} },
          onnx: artifact('onnx'),
          logs: artifact('logs'),
          trainer: { name: 'lightgbm', codeDigest: 'sha256:c' },
        };
      }) as never,
    });
    await handle.executeUpdate(pauseUpdate, { args: [{ actor: 'ada', reason: 'freeze' }] });
    trained();
    const state = await until(
      () => handle.query(statusQuery),
      ({ status }) => status === 'paused',
    );
    expect(state.waitingFor).toContain('paused by ada (freeze)');
    expect(fake.calls).not.toContain('evaluateCandidate');
    await handle.executeUpdate(resumeUpdate, { args: [{ actor: 'ada' }] });
    const outcome = await end();
    await record('model-lifecycle-paused', handle);
    expect(outcome).toMatchObject({ status: 'succeeded' });
  });
});
