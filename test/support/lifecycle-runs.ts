/** Runs of the real workflow code on a real Temporal server, with fake activities. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../workers/temporal/bundle';
import type { LifecycleInput, RunOutcome } from '../../workflows/run/messages';
import { lifecycleWorkflows } from '../../workflows/run/messages';
import type { RunPlan } from '../../domain/run/plan';
import type { StudyInput, StudyOutcome } from '../../workflows/tuning/messages';
import { tuningStudyWorkflow } from '../../workflows/tuning/messages';
import type { FakeActivities, Overrides } from './fake-activities';
import { fakeActivities, planOf } from './fake-activities';
import { testTemporal } from './platform';

export interface StartedRun<Outcome = RunOutcome> {
  readonly handle: WorkflowHandle;
  readonly fake: FakeActivities;
  /** Waits for the end, and stops the workers. */
  readonly end: () => Promise<Outcome>;
}

export interface LifecycleRuns {
  readonly temporal: { readonly connection: Connection; readonly namespace: string };
  /** `before`: what happens to the run while no worker is there yet. */
  start(
    plan: RunPlan,
    overrides?: Overrides,
    before?: (handle: WorkflowHandle) => Promise<unknown>,
  ): Promise<StartedRun>;
  /** A study by itself, without a run around it. */
  study(input: StudyInput, overrides: Overrides): Promise<StartedRun<StudyOutcome>>;
  /** From start to end; its history is recorded under the name. */
  run(
    name: string,
    plan: RunPlan,
    overrides?: Overrides,
  ): Promise<{ readonly outcome: RunOutcome; readonly fake: FakeActivities }>;
  /**
   * Writes the history that test/replay/ replays from then on, where `RECORD_HISTORIES` asks for
   * it.
   */
  record(name: string, handle: WorkflowHandle): Promise<void>;
  close(): Promise<void>;
}

export async function openLifecycleRuns(): Promise<LifecycleRuns> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { address, namespace } = await testTemporal();
  const connection = await NativeConnection.connect({ address });
  const asking = await Connection.connect({ address });
  const client = new Client({ connection: asking, namespace });
  let count = 0;

  const start: LifecycleRuns['start'] = (
    plan,
    overrides = {},
    before = () => Promise.resolve(),
  ) => {
    const { tenant, lifecycle, request, traceId, spec } = plan;
    const input: LifecycleInput = {
      tenant,
      lifecycle,
      kind: spec.kind,
      request,
      actor: 'ada',
      traceId,
    };
    return begin<RunOutcome>(
      { type: lifecycleWorkflows[plan.spec.kind], input, fake: fakeActivities(plan, overrides) },
      before,
    );
  };

  async function begin<Outcome>(
    {
      type,
      input,
      fake,
    }: { readonly type: string; readonly input: unknown; readonly fake: FakeActivities },
    before: (handle: WorkflowHandle) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<StartedRun<Outcome>> {
    const queue = `lifecycle-test-${process.pid}-${++count}`;
    const handle = await client.workflow.start(type, {
      workflowId: `run/${queue}`,
      taskQueue: queue,
      args: [input],
    });
    await before(handle);
    const common = {
      connection,
      namespace,
      activities: fake.activities,
      maxHeartbeatThrottleInterval: 100,
    };
    const bundle = await workflowBundle();
    // Activities name the product's queues; each file has its own namespace and each test its own
    // workers, so that its fakes answer.
    const workers = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: queue,
        workflowBundle: bundle,
        stickyQueueScheduleToStartTimeout: '1s',
      }),
      Worker.create({ ...common, taskQueue: 'data' }),
      Worker.create({ ...common, taskQueue: 'orchestrator' }),
      Worker.create({ ...common, taskQueue: 'compute' }),
      Worker.create({ ...common, taskQueue: 'llm' }),
    ]);
    const running = workers.map((worker) => worker.run());
    const end = async (): Promise<Outcome> => {
      try {
        return (await handle.result()) as Outcome;
      } catch (error) {
        // A run that failed or was cancelled ends its execution so; how it ended is what the
        // registry was told.
        const outcome = fake.outcomes.at(-1);
        if (!(error instanceof WorkflowFailedError) || outcome === undefined) throw error;
        return outcome as Outcome;
      } finally {
        for (const worker of workers) worker.shutdown();
        await Promise.all(running);
      }
    };
    return { handle, fake, end };
  }

  return {
    temporal: { connection: asking, namespace },
    start,
    study: (input, overrides) =>
      begin<StudyOutcome>({
        type: tuningStudyWorkflow,
        input,
        fake: fakeActivities(planOf(), overrides),
      }),
    async run(name, plan, overrides) {
      const { handle, fake, end } = await start(plan, overrides);
      const outcome = await end();
      await record(name, handle);
      return { outcome, fake };
    },
    record,
    async close() {
      await asking.close();
      await connection.close();
    },
  };
}

const histories = join(__dirname, '..', 'replay', 'histories');
const folders = readdirSync(histories);

export async function record(name: string, handle: WorkflowHandle): Promise<void> {
  const folder = folders.find((prefix) => name.startsWith(prefix));
  if (folder === undefined) throw new Error(`no folder of test/replay/histories is for ${name}`);
  const file = join(histories, folder, `${name}.json`);
  if (!isWanted(name, file)) return;
  const history = JSON.parse(historyToJSON(await handle.fetchHistory()), withoutPlace) as unknown;
  writeFileSync(file, `${JSON.stringify({ workflowId: handle.workflowId, history })}\n`);
}

/**
 * `1` records again what is kept; names, separated by commas, add histories. Most runs of the tests
 * differ in nothing that a replay could show.
 */
function isWanted(name: string, file: string): boolean {
  const { RECORD_HISTORIES: wanted = '' } = process.env;
  return wanted === '1' ? existsSync(file) : wanted.split(',').includes(name);
}

/** Where it was recorded is nobody's business; replay does not look at it. */
function withoutPlace(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  // A worker's own queue is named after its process and host.
  return key === 'identity' || (typeof value === 'string' && /^\d+@/.test(value))
    ? 'recorded'
    : value;
}

/** The calls that did something, without those that only recorded it. */
export function work(calls: readonly string[]): string[] {
  return calls.filter((call) => !/^(beginStage|finishStage|recordRunStatus)/.test(call));
}
