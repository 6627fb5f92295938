import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import type { StudyState } from '../../../workflows/tuning/messages';
import { studyQuery } from '../../../workflows/tuning/messages';
import { runPausedSignal, runResumedSignal } from '../../../workflows/run/messages';
import { pauseUpdate, resumeUpdate } from '../../../workflows/run/messages';
import { buildCommand } from '../../support/commands';
import { artifact, digest } from '../../support/fake-activities';
import { fakeStudy, studyInput, tunedPlan } from '../../support/training/fake-study';
import { openLifecycleRuns, work, type LifecycleRuns } from '../../support/lifecycle-runs';
import { until } from '../../support/time/until';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

const lostForGood = ApplicationFailure.nonRetryable('the job was lost for good', 'JobLost');
const complete = (number: number) => ({ status: 'complete', value: 1 / (1 + number) }) as const;

describe('tuning study', () => {
  test('runs at most `parallel` trials at once, and returns the best', async () => {
    let begun = 0;
    const study = fakeStudy(async (number) => {
      begun += 1;
      // None of the first three ends before all have started, even on a busy machine.
      await until(() => begun >= 3);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return complete(number);
    });
    const { handle, end } = await runs.study(
      studyInput({ trials: 7, parallel: 3 }),
      study.activities,
    );
    const outcome = await end();
    await runs.record('tuning-study', handle);
    expect(outcome).toMatchObject({
      counts: { complete: 7, pruned: 0, failed: 0 },
      best: { number: 6, value: 1 / 7 },
      endedEarly: null,
    });
    expect(study.ran).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(study.most).toBe(3);
  });

  test('calls one activity for many trials', async () => {
    const study = fakeStudy();
    const { handle, end } = await runs.study(
      studyInput({ trials: 200, parallel: 2 }),
      study.activities,
    );
    expect((await end()).counts.complete).toBe(200);
    const { events } = await handle.fetchHistory();
    expect(events?.length).toBeLessThan(40);
  });

  test('loses, repeats and double-counts no trial across continue-as-new', async () => {
    const study = fakeStudy();
    const { handle, end } = await runs.study(
      studyInput({ trials: 10, parallel: 2 }, { trialsPerExecution: 3 }),
      study.activities,
    );
    const outcome = await end();
    await runs.record('tuning-study-continued', handle);
    expect(outcome).toMatchObject({ counts: { complete: 10 }, best: { number: 9 } });
    expect(study.ran).toEqual(Array(10).fill(1));
    const history = await handle.fetchHistory();
    expect(
      history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId,
    ).toBeTruthy();
  });

  test('continues the running trials of a lost execution, and repeats no ended trial', async () => {
    const study = fakeStudy();
    for (const number of [0, 1, 2, 3]) {
      study.start(number, number % 2);
      if (number !== 1)
        await study.activities.endTrial({ ...studyInput(), number, end: complete(number) });
    }
    const { end } = await runs.study(studyInput({ trials: 6 }), study.activities);
    expect(await end()).toMatchObject({ counts: { complete: 6 } });
    expect(study.ran.map((times) => times || 0)).toEqual([
      undefined,
      1,
      undefined,
      undefined,
      1,
      1,
    ]);
  });

  test('continues after a failed trial, which is recorded', async () => {
    const study = fakeStudy((number) => {
      if (number === 1) throw lostForGood;
      return number === 2
        ? { status: 'failed', value: null, reason: 'used 3 GiB of memory' }
        : complete(number);
    });
    const { handle, end } = await runs.study(studyInput(), study.activities);
    expect(await end()).toMatchObject({ counts: { complete: 4, failed: 2 }, best: { number: 5 } });
    await runs.record('tuning-study-failed-trials', handle);
    expect(study.trials.map(({ reason }) => reason)).toEqual([
      null,
      'the job was lost for good',
      'used 3 GiB of memory',
      null,
      null,
      null,
    ]);
  });

  test('repeats a lane whose attempts ended in an outage, and keeps its trial', async () => {
    const study = fakeStudy((number) => {
      if (number === 1 && (study.ran[1] ?? 0) <= 2)
        throw ApplicationFailure.retryable('the registry is unavailable', 'DatabaseUnavailable');
      return complete(number);
    });
    const { train } = studyInput();
    const withoutRetries = { ...train, compute: { ...train.compute, retries: 0 } };
    const { handle, end } = await runs.study(
      studyInput({}, { train: withoutRetries }),
      study.activities,
    );
    const outcome = await end();
    await runs.record('tuning-study-outage', handle);
    expect(outcome).toMatchObject({ counts: { complete: 6, failed: 0 } });
    expect(study.ran).toEqual([1, 3, 1, 1, 1, 1]);
  });

  test('ends early when most of its trials fail', async () => {
    const study = fakeStudy((number) =>
      number < 2 ? complete(number) : { status: 'failed', value: null, reason: 'nonsense' },
    );
    const { end } = await runs.study(studyInput({ trials: 100 }), study.activities);
    expect(await end()).toMatchObject({ endedEarly: '3 of 5 trials failed', best: { number: 1 } });
    expect(study.trials.length).toBeLessThan(8);
  });

  test('ends when the budget is spent, after the running trials', async () => {
    const study = fakeStudy(undefined, (trials) => trials.length >= 4);
    const { handle, end } = await runs.study(studyInput(), study.activities);
    expect(await end()).toMatchObject({
      counts: { complete: 4 },
      endedEarly: 'the budget of 9 s was spent',
    });
    await runs.record('tuning-study-budget', handle);
  });

  test('starts no trial while the run is paused', async () => {
    const held = gate();
    const study = fakeStudy(async (number) => {
      if (number < 2) await held.opened;
      return complete(number);
    });
    const { handle, end } = await runs.study(studyInput(), study.activities);
    await until(() => study.trials.length === 2);
    study.paused = true;
    await handle.signal(runPausedSignal);
    held.open();
    await until(async () => (await readState(handle)).counts.complete === 2);
    // A lane shows the end of its trial when its activity has returned.
    await until(async () => (await readState(handle)).running.length === 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await readState(handle)).toMatchObject({ asked: 2, running: [], paused: true });
    study.paused = false;
    await handle.signal(runResumedSignal);
    expect(await end()).toMatchObject({ counts: { complete: 6 } });
    await runs.record('tuning-study-paused', handle);
  });

  test('does not show a trial as running that a lane saw before it ended', async () => {
    const [first, second, late] = [gate(), gate(), gate()];
    const study = fakeStudy(async (number) => {
      if (number < 2) await (number === 0 ? first : second).opened;
      return complete(number);
    });
    let returned = 0;
    const { handle, end } = await runs.study(studyInput(), {
      ...study.activities,
      async runLane(input) {
        const seen = await study.activities.runLane(input);
        returned += 1;
        // What this lane saw arrives after what the other one saw later.
        if (returned === 1) await late.opened;
        return seen;
      },
    });
    await until(() => study.trials.length === 2);
    study.paused = true;
    await handle.signal(runPausedSignal);
    first.open();
    await until(() => returned === 1);
    second.open();
    await until(async () => (await readState(handle)).counts.complete === 2);
    late.open();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await readState(handle)).toMatchObject({ running: [], paused: true });
    study.paused = false;
    await handle.signal(runResumedSignal);
    expect(await end()).toMatchObject({ counts: { complete: 6 } });
  });

  test('leaves nothing running when it is cancelled', async () => {
    const study = fakeStudy(untilCancelled);
    const { handle, end } = await runs.study(studyInput(), study.activities);
    await until(() => study.trials.length === 2);
    await handle.cancel();
    await expect(end()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) as unknown });
    await runs.record('tuning-study-cancelled', handle);
    expect(study.trials).toMatchObject([
      { status: 'failed', reason: 'the run was cancelled' },
      { status: 'failed', reason: 'the run was cancelled' },
    ]);
  });

  test('fails when optuna rejects the study, and leaves nothing running', async () => {
    const study = fakeStudy(untilCancelled);
    const { end } = await runs.study(studyInput(), {
      ...study.activities,
      runLane: async (input) => {
        if (input.lane === 0) return study.activities.runLane(input);
        await until(() => study.trials.length === 1);
        throw ApplicationFailure.nonRetryable('optuna: bad space', 'InvalidInput');
      },
    });
    await expect(end()).rejects.toThrow();
    expect(study.trials).toMatchObject([
      { status: 'failed', reason: 'the study failed: optuna: bad space' },
    ]);
  });
});

describe('model lifecycle with tuning', () => {
  const winner = {
    trainModel: (({ key }: { key: string }) =>
      Promise.resolve({
        result: { metrics: {}, facts: {} },
        logs: artifact('logs'),
        trainer: { name: 'lightgbm', codeDigest: digest('code') },
        onnx: artifact(key.includes('winner') ? 'tuned-onnx' : 'onnx'),
      })) as never,
    writeManifest: (({ key }: { key: string }) =>
      Promise.resolve(
        artifact(key.includes('baseline') ? 'baseline' : key.includes('/tune/') ? 'tuned' : '2'),
      )) as never,
  };

  async function tunedRun(
    name: string,
    overrides: Parameters<LifecycleRuns['start']>[1] = {},
    study = fakeStudy(),
  ) {
    const registered: unknown[] = [];
    const ended: Record<string, unknown> = {};
    const { handle, fake, end } = await runs.start(tunedPlan(), {
      ...study.activities,
      ...winner,
      registerVersion: ({ manifest }) => {
        registered.push(manifest.digest);
        return Promise.resolve({ model: 'flight-delay', version: 2, manifest });
      },
      finishStage: (input: { stage: string; end?: unknown; failure?: unknown }) => {
        ended[input.stage] = input.end ?? input.failure;
        return Promise.resolve();
      },
      ...overrides,
    });
    const outcome = await end();
    await runs.record(name, handle);
    return {
      outcome,
      fake,
      registered,
      stage: ended['tune'] as { output: Record<string, unknown> },
      study,
    };
  }

  test('evaluates a tuned model that is better on the confirm slice, without new training', async () => {
    const { outcome, fake, registered, stage } = await tunedRun('model-lifecycle-tuned');
    expect(outcome).toMatchObject({ status: 'succeeded', verdict: { kind: 'passed' } });
    expect(registered).toEqual([digest('tuned')]);
    expect(stage.output).toMatchObject({
      chosen: 'tuned',
      params: { num_leaves: 15 },
      trials: { complete: 6, pruned: 0, failed: 0 },
      best: { number: 5 },
      confirm: {
        default: 0.5,
        tuned: 0.48,
        difference: -0.02,
        interval: { level: 0.9, upper: -0.01 },
      },
    });
    expect(outcome.verdict?.reasons[0]).toMatchObject({ gate: 'tune', code: 'tune.tuned' });
    const names = work(fake.calls);
    // The default, the winner and the baseline of the evaluation.
    expect(names.filter((name) => name === 'trainModel')).toHaveLength(3);
    expect(names.indexOf('confirmTuning')).toBeLessThan(names.indexOf('registerVersion'));
  });

  test('keeps the default when no gain is shown, and reports it', async () => {
    const { outcome, registered, stage } = await tunedRun('model-lifecycle-default-kept', {
      confirmTuning: () =>
        Promise.resolve({
          metric: 'logloss',
          rows: 1000,
          days: 15,
          default: 0.5,
          tuned: 0.499,
          difference: -0.001,
          reason: null,
          interval: { level: 0.9, lower: -0.004, upper: 0.002 },
        }),
    });
    expect(registered).toEqual([digest('2')]);
    expect(stage.output).toMatchObject({
      chosen: 'default',
      params: {},
      confirm: { tuned: 0.499 },
    });
    expect(outcome.verdict?.reasons[0]?.message).toBe(
      'default parameters kept, as no trial is shown to be better: trial 5, the best of 6: ' +
        'logloss on the confirm slice better, −0.001 ' +
        '(90 % bounds −0.004 … +0.002; positive is worse; 1,000 rows of 15 days)',
    );
  });

  test('keeps the default when no trial was complete', async () => {
    const { stage, fake } = await tunedRun(
      'model-lifecycle-nothing-found',
      {},
      fakeStudy(() => ({ status: 'pruned', value: 1, reason: 'hyperband' })),
    );
    expect(stage.output).toMatchObject({ chosen: 'default', confirm: null, best: null });
    expect(fake.calls).not.toContain('confirmTuning');
  });

  test('fails when every trial failed', async () => {
    const { outcome } = await tunedRun(
      'model-lifecycle-all-failed',
      {},
      fakeStudy(() => ({ status: 'failed', value: null, reason: 'bad' })),
    );
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'JobFailed', stage: 'tune', message: '5 of 5 trials failed' },
    });
  });

  test('starts no trial while it is paused, and reports it', async () => {
    const held = gate();
    const study = fakeStudy(async (number) => {
      if (number < 2) await held.opened;
      return complete(number);
    });
    const shown: unknown[] = [];
    const { handle, end } = await runs.start(tunedPlan(), {
      ...study.activities,
      ...winner,
      recordRunStatus: ({ status, waitingFor }) =>
        Promise.resolve(void shown.push([status, waitingFor])),
    });
    await until(() => study.trials.length === 2);
    await handle.executeUpdate(pauseUpdate, { args: [buildCommand({ actor: 'ada' })] });
    await until(() => shown.length === 1);
    study.paused = true;
    // The run shows the pause first, and then signals its study.
    const { runId } = await handle.describe();
    const told = handle.client.getHandle(`${handle.workflowId}/tune/${runId}`);
    await until(async () => (await told.query(studyQuery)).paused);
    held.open();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(study.trials).toHaveLength(2);
    study.paused = false;
    await handle.executeUpdate(resumeUpdate, { args: [buildCommand({ actor: 'ada' })] });
    expect(await end()).toMatchObject({ status: 'succeeded' });
    await runs.record('model-lifecycle-paused-while-tuning', handle);
    expect(shown).toEqual([
      ['paused', 'paused by ada; running trials finish; perennial run resume run_1'],
      ['running', null],
    ]);
  });

  test('ends its study and runs its undos when it is cancelled during tuning', async () => {
    const study = fakeStudy(untilCancelled);
    const { handle, fake, end } = await runs.start(tunedPlan(), {
      ...study.activities,
      ...winner,
    });
    await until(() => study.trials.length === 2);
    await handle.cancel();
    expect(await end()).toMatchObject({ status: 'cancelled' });
    await runs.record('model-lifecycle-cancelled-while-tuning', handle);
    expect(study.trials.every(({ status }) => status === 'failed')).toBe(true);
    expect(fake.calls.indexOf('abandonStudy')).toBeLessThan(
      fake.calls.indexOf('restoreDatasetAliases'),
    );
  });
});

async function readState(handle: WorkflowHandle): Promise<StudyState> {
  return handle.query(studyQuery);
}

async function untilCancelled(): Promise<never> {
  const { Context } = await import('@temporalio/activity');
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 100);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(beat);
  }
}
