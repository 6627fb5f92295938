/**
 * Workers with the product's workflow code and task queues. Runs are recorded in the real registry,
 * and the activities are fakes.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createAdmitCommandActivities } from '../../../../activities/run/admit-command';
import { createRunRecordActivities } from '../../../../activities/run/record';
import { computeDigest } from '../../../../data/digest';
import type { Registry } from '../../../../db/registry';
import { openLog } from '../../../../workers/log';
import { activityBoundary } from '../../../../workers/temporal/activity-errors';
import { workflowBundle } from '../../../../workers/temporal/bundle';
import type { WorkerVersion } from '../../../../workers/temporal/settings';
import { pinnedTo } from '../../../../workers/temporal/worker';
import { taskQueues } from '../../../../workflows/run/messages';
import { signature } from '../../../db/registry-fixture';
import { testCommandKeys } from '../../../support/commands';
import type { Overrides } from '../../../support/fake-activities';
import { fakeActivities, buildPlan } from '../../../support/fake-activities';

export interface FakeWorker {
  stop(): Promise<void>;
}

export async function startFakeWorker(
  {
    address,
    namespace,
    version,
  }: {
    readonly address: string;
    readonly namespace: string;
    /** Pins runs to it, as the product's workers do. */
    readonly version?: WorkerVersion;
  },
  registry: Registry,
  overrides: Overrides = {},
  /** Other workflow code than the product's. */
  workflowsPath?: string,
): Promise<FakeWorker> {
  const connection = await NativeConnection.connect({ address });
  const common = {
    connection,
    namespace,
    activities: fakeActivities(buildPlan(), { ...recorded(registry), ...overrides }).activities,
    // Decides which errors are retried.
    interceptors: { activity: [activityBoundary(openLog('fake-worker', 'silent'))] },
  };
  const bundle = await workflowBundle(join(tmpdir(), 'perennial-test-bundle'), workflowsPath);
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: taskQueues.orchestrator,
      workflowBundle: bundle,
      stickyQueueScheduleToStartTimeout: '1s',
      ...(version !== undefined && pinnedTo(version)),
    }),
    Worker.create({ ...common, taskQueue: taskQueues.data }),
    Worker.create({ ...common, taskQueue: taskQueues.compute }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  return {
    async stop() {
      for (const worker of workers) worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

function recorded(registry: Registry): Overrides {
  const records = createRunRecordActivities({
    registry,
    artifacts: {} as never,
    codeDigest: computeDigest('test'),
  });
  const admit = createAdmitCommandActivities({ registry, commandKeys: testCommandKeys });
  return {
    openRun: (input) => records.openRun(input),
    admitCommand: (input) => admit.admitCommand(input),
    registerVersion: ({ tenant, runId, key: idempotencyKey, model, manifest }) =>
      registry.models.register({ tenant, runId, idempotencyKey, model, manifest, signature }),
    recordRunStatus: (input) => records.recordRunStatus(input),
    closeRun: (input) => records.closeRun(input),
    findLatestWindow: () =>
      Promise.resolve({ from: '2013-01-01T00:00:00Z', until: '2013-07-01T00:00:00Z' }),
    beginStage: async ({ tenant, runId, stage, generation, inputs }) => {
      await registry.stages.begin({
        tenant,
        runId,
        stage,
        generation,
        cacheKey: computeDigest(inputs),
        reuse: false,
      });
      return { kind: 'run' };
    },
    finishStage: async (end) => {
      const { tenant, runId, stage, generation, status } = end;
      const output =
        'end' in end ? { output: end.end.output, verdict: end.end.verdict } : undefined;
      await registry.stages.finish({
        tenant,
        runId,
        stage,
        generation,
        status,
        output,
        failure: 'failure' in end ? end.failure : undefined,
      });
    },
  };
}
