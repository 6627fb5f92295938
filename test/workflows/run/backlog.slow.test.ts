import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Tenant } from '../../../domain/ids';
import type { RunPriority } from '../../../domain/run/fair-share';
import { workflowBundle } from '../../../workers/temporal/bundle';
import {
  lifecycleWorkflows,
  taskQueues,
  type LifecycleInput,
} from '../../../workflows/run/messages';
import { fakeActivities, buildPlan } from '../../support/fake-activities';
import { testTemporal } from '../../support/platform';

/** The order of work in one data slot: run and step. */
interface Done {
  readonly run: string;
  readonly step: 'ingest' | 'validate' | 'assemble' | 'end';
}

/**
 * Longer than a workflow needs to schedule its next step, so a started run waits when the slot
 * becomes free.
 */
const workMs = 250;

/** Runs that all wait before a worker starts, with one slot for data work. */
async function workOff(
  runs: readonly {
    readonly tenant: string;
    readonly lifecycle: string;
    readonly priority?: RunPriority;
  }[],
): Promise<readonly Done[]> {
  const { address, namespace } = await testTemporal();
  const [connection, asking] = await Promise.all([
    NativeConnection.connect({ address }),
    Connection.connect({ address }),
  ]);
  const client = new Client({ connection: asking, namespace });
  const done: Done[] = [];
  const plan = buildPlan();
  // The fakes identify a run by its lifecycle.
  const readName = (of: { readonly lifecycle: string }) => of.lifecycle;
  const plain = fakeActivities(plan);
  const { activities } = fakeActivities(plan, {
    openRun: (input) =>
      Promise.resolve({ ...plan, tenant: input.tenant, lifecycle: readName(input) }),
    ingestSource: async (input) => {
      done.push({ run: readName(input), step: 'ingest' });
      await sleep(workMs);
      return plain.activities.ingestSource(input);
    },
    validateDataset: async (input) => {
      done.push({ run: input.dataset.dataset.split('.')[0] ?? '', step: 'validate' });
      await sleep(workMs);
      return plain.activities.validateDataset(input);
    },
  });
  try {
    const common = { connection, namespace, activities };
    const orchestrator = await Worker.create({
      ...common,
      taskQueue: taskQueues.orchestrator,
      workflowBundle: await workflowBundle(),
    });
    const first = orchestrator.run();
    const handles: WorkflowHandle[] = [];
    // Starts them in this order; the first activity of each waits before the next run starts.
    for (const [index, { tenant, lifecycle, priority }] of runs.entries()) {
      const input: LifecycleInput = {
        tenant: tenant as Tenant,
        lifecycle,
        kind: 'ModelLifecycle',
        request: priority === undefined ? {} : { priority },
        actor: 'ada',
        traceId: 't',
      };
      const named = {
        workflowId: `run/${index}`,
        taskQueue: taskQueues.orchestrator,
        args: [input],
      };
      const handle = await client.workflow.start(lifecycleWorkflows.ModelLifecycle, named);
      while (((await handle.describe()).raw.pendingActivities ?? []).length === 0) await sleep(20);
      handles.push(handle);
    }
    const others = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: taskQueues.data,
        maxConcurrentActivityTaskExecutions: 1,
      }),
      Worker.create({ ...common, taskQueue: taskQueues.compute }),
    ]);
    const running = [first, ...others.map((worker) => worker.run())];
    await Promise.all(
      handles.map(async (handle, index) => {
        await handle.result();
        done.push({ run: runs[index]?.lifecycle ?? '', step: 'end' });
      }),
    );
    for (const worker of [orchestrator, ...others]) worker.shutdown();
    await Promise.all(running);
    return done;
  } finally {
    await Promise.all([connection.close(), asking.close()]);
  }
}

beforeAll(() => Runtime.install({ logger: new DefaultLogger('ERROR') }));

test('the first of many waiting runs ends before all of them have begun', async () => {
  const runs = Array.from({ length: 16 }, (_, index) => ({
    tenant: 'default',
    lifecycle: `waiting-${index}`,
  }));
  const begunBeforeFirstEnd = async () => {
    const done = await workOff(runs);
    const first = done.findIndex(({ step }) => step === 'end');
    return new Set(done.slice(0, first).map(({ run }) => run)).size;
  };
  // First come, first served starts nearly all of them earlier, in every try. A pausing machine
  // does so only in some.
  let fewest = await begunBeforeFirstEnd();
  for (let tries = 1; tries < 3 && fewest >= 9; tries += 1)
    fewest = Math.min(fewest, await begunBeforeFirstEnd());
  expect(fewest).toBeLessThan(9);
});

test('one run of a lifecycle does not wait for all runs of another one', async () => {
  const many = Array.from({ length: 16 }, () => ({ tenant: 'default', lifecycle: 'busy' }));
  const done = await workOff([...many, { tenant: 'other', lifecycle: 'quiet' }]);
  const ingests = done.filter(({ step }) => step === 'ingest').map(({ run }) => run);
  // It was the last of 17.
  expect(ingests.indexOf('quiet')).toBeLessThan(4);
});

test('urgent runs go before others that wait, and each of low priority has some turn', async () => {
  const some = (count: number, lifecycle: string, priority?: RunPriority) =>
    Array.from({ length: count }, () => ({
      tenant: 'default',
      lifecycle,
      ...(priority !== undefined && { priority }),
    }));
  // The fakes name a run by its lifecycle, so each priority has one.
  const done = await workOff([
    ...some(6, 'later', 'low'),
    ...some(8, 'usual'),
    ...some(6, 'urgent', 'high'),
  ]);
  const ingests = done.filter(({ step }) => step === 'ingest').map(({ run }) => run);
  const middle = (name: string) => {
    const places = ingests.flatMap((run, place) => (run === name ? [place] : []));
    return places[Math.floor(places.length / 2)] ?? NaN;
  };
  expect(middle('urgent')).toBeLessThan(middle('usual'));
  expect(middle('usual')).toBeLessThan(middle('later'));
  // The last of the urgent runs was the last of 20 that came.
  expect(ingests.lastIndexOf('urgent')).toBeLessThan(12);
  expect(ingests.indexOf('later')).toBeLessThan(ingests.lastIndexOf('usual'));
});
