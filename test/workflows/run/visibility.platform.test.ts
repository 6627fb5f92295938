/**
 * What Temporal itself shows of a run: its status, search attributes, details and timers.
 */
import { Context } from '@temporalio/activity';
import { Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { failed, buildPlan } from '../../support/fake-activities';
import {
  openLifecycleRuns,
  type LifecycleRuns,
  type StartedRun,
} from '../../support/lifecycle-runs';

let runs: LifecycleRuns;
let client: Client;
beforeAll(async () => {
  runs = await openLifecycleRuns();
  client = new Client(runs.temporal);
});
afterAll(() => runs.close());

const started: StartedRun[] = [];
/** Also stops the workers of a failed test, which would process the next test's run. */
afterEach(async () => {
  for (const { handle, end } of started.splice(0)) {
    await handle.terminate('its test is over').catch(() => undefined);
    await end().catch(() => undefined);
  }
});

async function start(...given: Parameters<LifecycleRuns['start']>): Promise<StartedRun> {
  const run = await runs.start(...given);
  let ended: ReturnType<StartedRun['end']> | null = null;
  const kept = { ...run, end: () => (ended ??= run.end()) };
  started.push(kept);
  return kept;
}

async function seen({ handle }: Pick<StartedRun, 'handle'>) {
  const { status, typedSearchAttributes } = await handle.describe();
  return {
    status: status.name,
    ...Object.fromEntries(
      typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
    ),
  };
}

/** Like the Web UI. */
async function details({ handle }: Pick<StartedRun, 'handle'>): Promise<string> {
  const metadata = await handle.query<{ readonly currentDetails?: string }>(
    '__temporal_workflow_metadata',
  );
  return metadata.currentDetails ?? '';
}

async function eventually<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 60_000; ;) {
    const answer = await ask();
    if (isSo(answer) || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a failed run is FAILED in Temporal, with its failure in the details', async () => {
  const run = await start(buildPlan(), {
    trainModel: () =>
      Promise.reject(
        ApplicationFailure.nonRetryable('the job exited with 2', 'JobFailed', {
          next: 'perennial run logs',
        }),
      ),
  });
  await run.handle.result().catch(() => undefined);
  expect(await details(run)).toBe(
    'The run ended as **failed** in stage **train**.\n- JobFailed: the job exited with 2\n- Next step: perennial run logs',
  );
  expect(await run.end()).toMatchObject({
    status: 'failed',
    failure: { type: 'JobFailed', stage: 'train' },
  });
  expect(await seen(run)).toMatchObject({
    status: 'FAILED',
    PerennialStatus: 'failed',
    PerennialStage: 'train',
    PerennialDataset: ['flight-delay.flights@1'],
  });
  await expect(run.handle.result()).rejects.toMatchObject({
    cause: {
      type: 'JobFailed',
      message: 'the job exited with 2',
      details: [{ next: 'perennial run logs', outcome: { status: 'failed' } }],
    },
  });
});

test('a cancelled run is CANCELED in Temporal after its undo', async () => {
  let isTraining = false;
  const run = await start(buildPlan(), {
    trainModel: async () => {
      isTraining = true;
      const context = Context.current();
      for (;;) {
        context.heartbeat();
        await context.sleep(20);
      }
    },
  });
  await eventually(() => Promise.resolve(isTraining), Boolean);
  expect(await seen(run)).toMatchObject({ status: 'RUNNING', PerennialStatus: 'running' });
  await run.handle.cancel();
  expect(await run.end()).toMatchObject({
    status: 'cancelled',
    failure: { type: 'Cancelled', stage: 'train' },
  });
  expect(await seen(run)).toMatchObject({ status: 'CANCELLED', PerennialStatus: 'cancelled' });
  expect(run.fake.calls).toContain('restoreDatasetAliases');
  await expect(run.handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
});

test('a run that a gate stopped is COMPLETED in Temporal, with the status stopped', async () => {
  const run = await start(buildPlan(), {
    evaluateCandidate: (() =>
      Promise.resolve({
        decision: { id: 'decision_1', policy: 'sha256:1', evidence: 'sha256:2', verdict: failed },
        evidence: 'sha256:2',
        summary: {},
      })) as never,
  });
  expect(await run.end()).toMatchObject({ status: 'stopped' });
  expect(await seen(run)).toMatchObject({
    status: 'COMPLETED',
    PerennialStatus: 'stopped',
    PerennialVerdict: 'failed',
    PerennialVersion: 'flight-delay@2',
  });
});

test('a run shows that it waits for an approval, with a named timer', async () => {
  const run = await start(buildPlan({ approval: 1 }));
  const text = await eventually(
    () => details(run),
    (found) => found.includes('**waiting**'),
  );
  expect(text).toMatch(
    /^The run is \*\*waiting\*\* in stage promote\. It waits for: 1 approval of flight-delay@2 \(scope approver\) until \d{4}-\S+Z; perennial run approve run_1 --stage promote$/,
  );
  expect(await seen(run)).toMatchObject({ status: 'RUNNING', PerennialStatus: 'waiting' });
  const query = `PerennialStatus = 'waiting' and PerennialVersion = 'flight-delay@2' and PerennialDataset = 'flight-delay.flights@1'`;
  const found = async () => (await client.workflow.count(query)).count;
  expect(await eventually(found, (count) => count > 0)).toBe(1);
  const { events = [] } = await run.handle.fetchHistory();
  const timers = (events ?? []).filter(
    ({ timerStartedEventAttributes }) => timerStartedEventAttributes,
  );
  expect(
    timers.map(({ userMetadata }) => Buffer.from(userMetadata?.summary?.data ?? []).toString()),
  ).toEqual([expect.stringMatching(/^"approval of flight-delay@2: \d+[dhms]"$/)]);
  await run.handle.cancel();
  expect(await run.end()).toMatchObject({ status: 'cancelled' });
});
