/** Runs of the real workflow code on a real Temporal server, with fake activities. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { workflowBundle } from '../../workers/temporal/bundle';
import type { LifecycleInput, RunOutcome } from '../../workflows/run/messages';
import { batchPredictionWorkflow, builtInWorkflow } from '../../workflows/run/messages';
import type { RunPlan } from '../../domain/run/plan';
import type { StudyInput, StudyOutcome } from '../../workflows/tuning/messages';
import { tuningStudyWorkflow } from '../../workflows/tuning/messages';
import { monitorModelWorkflow, type MonitorModelInput } from '../../workflows/monitoring/messages';
import type { FakeActivities, Overrides } from './fake-activities';
import { fakeActivities, buildPlan } from './fake-activities';
import { testTemporal } from './platform';

export interface StartedRun<Outcome = RunOutcome> {
  readonly handle: WorkflowHandle;
  readonly fake: FakeActivities;
  /** Waits for the end, then stops the workers. */
  readonly end: () => Promise<Outcome>;
}

export interface LifecycleRuns {
  readonly temporal: { readonly connection: Connection; readonly namespace: string };
  /** `before`: what happens to the run before a worker starts. */
  start(
    plan: RunPlan,
    overrides?: Overrides,
    before?: (handle: WorkflowHandle) => Promise<unknown>,
  ): Promise<StartedRun>;
  /** A study without a run. */
  study(input: StudyInput, overrides: Overrides): Promise<StartedRun<StudyOutcome>>;
  /** The monitor of a model; it ends when there is nothing to watch. */
  monitor(input: MonitorModelInput, overrides: Overrides): Promise<StartedRun<null>>;
  /** Runs from start to end and records the history under the name. */
  run(
    name: string,
    plan: RunPlan,
    overrides?: Overrides,
  ): Promise<{ readonly outcome: RunOutcome; readonly fake: FakeActivities }>;
  /** Writes the history for test/replay/, if `RECORD_HISTORIES` selects it. */
  record(name: string, handle: WorkflowHandle): Promise<void>;
  close(): Promise<void>;
}

/** With the code of a project, runs execute its lifecycles. */
export async function openLifecycleRuns(
  project?: Pick<WorkerOptions, 'workflowBundle' | 'workerDeploymentOptions'>,
): Promise<LifecycleRuns> {
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
    const builtIn = request.batch ? batchPredictionWorkflow : builtInWorkflow(spec.kind);
    const type = project ? lifecycle : builtIn;
    return begin<RunOutcome>({ type, input, fake: fakeActivities(plan, overrides) }, before);
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
    // The workers of a project have none of the built-in workflows that its runs start.
    const builtIn = project && { workflowBundle: bundle };
    // Activities use the product's queues. Each file has its own namespace and each test its own
    // workers, so each test gets its own fakes.
    const workers = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: queue,
        workflowBundle: bundle,
        ...project,
        stickyQueueScheduleToStartTimeout: '1s',
      }),
      Worker.create({ ...common, taskQueue: 'data' }),
      Worker.create({ ...common, ...builtIn, taskQueue: 'orchestrator' }),
      Worker.create({ ...common, taskQueue: 'compute' }),
      Worker.create({ ...common, taskQueue: 'llm' }),
    ]);
    const running = workers.map((worker) => worker.run());
    const end = async (): Promise<Outcome> => {
      try {
        return (await handle.result()) as Outcome;
      } catch (error) {
        // The execution of a failed or cancelled run fails too; the status of the run is in the
        // registry.
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
        fake: fakeActivities(buildPlan(), overrides),
      }),
    monitor: (input, overrides) =>
      begin<null>({
        type: monitorModelWorkflow,
        input,
        fake: fakeActivities(buildPlan(), overrides),
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
  const folder = folders.find((prefix) => name.startsWith(prefix)) ?? '.';
  const file = join(histories, folder, `${name}.json`);
  if (!isWanted(name, file)) return;
  const history = JSON.parse(historyToJSON(await handle.fetchHistory()), withoutPlace) as unknown;
  writeFileSync(file, `${JSON.stringify({ workflowId: handle.workflowId, history })}\n`);
}

/**
 * `1` records the stored histories again; names, separated by commas, add histories. Most test runs
 * would add nothing to the replay.
 */
function isWanted(name: string, file: string): boolean {
  const { RECORD_HISTORIES: wanted = '' } = process.env;
  return wanted === '1' ? existsSync(file) : wanted.split(',').includes(name);
}

/** The machine's identity is removed, because replay does not use it. */
function withoutPlace(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  // The name of a worker's own queue contains its process and host.
  return key === 'identity' || (typeof value === 'string' && /^\d+@/.test(value))
    ? 'recorded'
    : value;
}

/** The calls with an effect, without those that only recorded it. */
export function work(calls: readonly string[]): string[] {
  return calls.filter((call) => !/^(beginStage|finishStage|recordRunStatus)/.test(call));
}
