import { ApplicationFailure } from '@temporalio/common';
import type { ModelRun } from '../../../workflows/lifecycle/stage';

type RunPlan = ModelRun['plan'];
import { artifact, digest, passed, buildPlan } from '../../support/fake-activities';
import { openLifecycleRuns, work, type LifecycleRuns } from '../../support/lifecycle-runs';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

/** A dataset version from an earlier run. */
const flights = { dataset: 'flights', version: 1, manifest: artifact('flights'), rows: 10 };

describe('a failing model lifecycle', () => {
  test('runs the undos newest first, reports the failed stage, and releases what it held', async () => {
    const { outcome, fake } = await runs.run('model-lifecycle-failed', buildPlan(), {
      evaluateCandidate: () =>
        Promise.reject(ApplicationFailure.nonRetryable('no rows', 'DatasetEmpty')),
    });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'DatasetEmpty', message: 'no rows', stage: 'evaluate' },
    });
    expect(work(fake.calls).slice(-4)).toEqual([
      'withdrawVersion',
      'restoreDatasetAliases',
      'releaseRun',
      'closeRun',
    ]);
  });

  test('reports a failed undo as needing an operator, and runs the others', async () => {
    const { fake } = await runs.run('model-lifecycle-undo-failed', buildPlan(), {
      evaluateCandidate: () =>
        Promise.reject(ApplicationFailure.nonRetryable('no rows', 'DatasetEmpty')),
      withdrawVersion: () => Promise.reject(ApplicationFailure.nonRetryable('cannot', 'Conflict')),
    });
    expect(fake.calls).toContain('restoreDatasetAliases');
    expect(fake.closed[0]?.failure?.needsOperator).toEqual([
      { what: 'candidate version', message: 'cannot' },
    ]);
  });

  test('reports the stage whose inputs were rejected', async () => {
    const { outcome } = await runs.run('model-lifecycle-params-refused', buildPlan(), {
      describeTrainer: () =>
        Promise.reject(ApplicationFailure.nonRetryable('no such parameter', 'InvalidInput')),
    });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'InvalidInput', stage: 'train' },
    });
  });

  test('fails when a contract is for a source that the lifecycle does not have', async () => {
    const plan = buildPlan();
    const contracts = { weather: plan.contracts['flights'] as RunPlan['contracts'][string] };
    const { outcome, fake } = await runs.run('model-lifecycle-contract-elsewhere', {
      ...plan,
      contracts,
    });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'InvalidInput', stage: 'validate' },
    });
    expect(fake.calls).not.toContain('assembleData');
  });

  test('fails when the code of the trainer changes during the run', async () => {
    const { outcome, fake } = await runs.run('model-lifecycle-trainer-changed', buildPlan(), {
      trainModel: () =>
        Promise.resolve({
          result: { metrics: {}, facts: {} },
          onnx: artifact('onnx'),
          logs: artifact('logs'),
          trainer: { name: 'lightgbm', codeDigest: digest('other') },
        }),
    });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'Conflict', stage: 'train' },
    });
    expect(fake.calls).not.toContain('registerVersion');
  });

  test('starts no undo before all reads of sources have stopped', async () => {
    const order: string[] = [];
    const plan = buildPlan();
    const { sources } = plan.spec.data;
    const two = [...sources, { ...(sources[0] as (typeof sources)[0]), name: 'weather' }];
    const { outcome } = await runs.run(
      'model-lifecycle-source-failed',
      { ...plan, spec: { ...plan.spec, data: { ...plan.spec.data, sources: two } } },
      {
        ingestSource: async ({ source }) => {
          if (source.name === 'flights')
            throw ApplicationFailure.nonRetryable('no rows', 'DatasetEmpty');
          const { Context } = await import('@temporalio/activity');
          try {
            for (;;) {
              Context.current().heartbeat();
              await Context.current().sleep(50);
            }
          } finally {
            await new Promise((resolve) => setTimeout(resolve, 300));
            order.push('weather stopped');
          }
        },
        restoreDatasetAliases: () => Promise.resolve(void order.push('aliases restored')),
      },
    );
    expect(outcome).toMatchObject({ status: 'failed', failure: { type: 'DatasetEmpty' } });
    expect(order).toEqual(['weather stopped', 'aliases restored']);
  });

  test('undoes the effects of a lost execution of the same run', async () => {
    const end = {
      output: {
        datasets: { flights },
        manifest: artifact('2'),
        assembled: artifact('a'),
        result: { metrics: {} },
      },
      verdict: passed,
    };
    const { fake } = await runs.run('model-lifecycle-started-again', buildPlan(), {
      beginStage: (({ stage }: { stage: string }) =>
        Promise.resolve(
          stage === 'evaluate' ? { kind: 'run' } : { kind: 'reused', fromRun: 'run_1', end },
        )) as never,
      evaluateCandidate: () =>
        Promise.reject(ApplicationFailure.nonRetryable('no rows', 'DatasetEmpty')),
    });
    expect(work(fake.calls).slice(-4)).toEqual([
      'withdrawVersion',
      'restoreDatasetAliases',
      'releaseRun',
      'closeRun',
    ]);
  });

  test('ends when its cleanup fails, and reports the failed cleanup', async () => {
    const releaseRun = () =>
      Promise.reject(ApplicationFailure.nonRetryable('disk full', 'Unexpected'));
    const good = await runs.run('model-lifecycle-left-something', buildPlan(), { releaseRun });
    expect(good.outcome).toMatchObject({ status: 'succeeded' });
    expect(good.fake.calls).not.toContain('withdrawPromotion');
    const bad = await runs.run('model-lifecycle-failed-and-left-something', buildPlan(), {
      releaseRun,
      evaluateCandidate: () =>
        Promise.reject(ApplicationFailure.nonRetryable('no rows', 'DatasetEmpty')),
    });
    expect(bad.fake.closed[0]?.failure?.needsOperator).toEqual([
      { what: 'jobs and unfinished uploads', message: 'disk full' },
    ]);
  });

  test('reports the end that the registry has already recorded', async () => {
    const { outcome } = await runs.run('model-lifecycle-closed-before', buildPlan(), {
      closeRun: () =>
        Promise.resolve({
          status: 'lost',
          verdict: null,
          version: null,
          failure: { type: 'Lost', message: 'gone' },
        } as never),
    });
    expect(outcome).toMatchObject({ status: 'lost', failure: { type: 'Lost' } });
  });

  test('is recorded as cancelled when it is cancelled before its first task', async () => {
    const { handle, fake, end } = await runs.start(buildPlan(), {}, (started) => started.cancel());
    const outcome = await end();
    await runs.record('model-lifecycle-cancelled-at-once', handle);
    expect(outcome).toMatchObject({ status: 'cancelled' });
    expect(work(fake.calls).slice(-3)).toEqual(['restoreDatasetAliases', 'releaseRun', 'closeRun']);
  });

  test('waits for the alias to move when cancelled meanwhile, then moves it back', async () => {
    const order: string[] = [];
    let begun: () => void = () => undefined;
    const moving = new Promise<void>((resolve) => (begun = resolve));
    const { handle, end } = await runs.start(buildPlan(), {
      promoteVersion: async () => {
        begun();
        await new Promise((resolve) => setTimeout(resolve, 1500));
        order.push('moved');
        return { kind: 'promoted', previous: null, fencing: 1 };
      },
      withdrawPromotion: () => Promise.resolve(void order.push('taken back')),
    });
    await moving;
    await handle.cancel();
    const outcome = await end();
    await runs.record('model-lifecycle-cancelled-while-promoting', handle);
    expect(outcome).toMatchObject({ status: 'cancelled' });
    expect(order).toEqual(['moved', 'taken back']);
  });

  test.each([
    'ingestSource',
    'validateDataset',
    'assembleData',
    'trainModel',
    'evaluateCandidate',
    'probeGateways',
  ] as const)('cancelled in %s it undoes and ends as cancelled', async (activity) => {
    let begun: () => void = () => undefined;
    const inActivity = new Promise<void>((resolve) => (begun = resolve));
    const { handle, fake, end } = await runs.start(buildPlan(), {
      [activity]: async () => {
        begun();
        const { Context } = await import('@temporalio/activity');
        for (;;) {
          Context.current().heartbeat();
          await Context.current().sleep(50);
        }
      },
    });
    await inActivity;
    await handle.cancel();
    const outcome = await end();
    await runs.record(`model-lifecycle-cancelled-in-${activity}`, handle);
    expect(outcome).toMatchObject({ status: 'cancelled', failure: { type: 'Cancelled' } });
    expect(work(fake.calls).slice(-3)).toEqual(['restoreDatasetAliases', 'releaseRun', 'closeRun']);
    expect(fake.calls).not.toContain('promoteVersion');
  });
});
