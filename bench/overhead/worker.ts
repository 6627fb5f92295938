/**
 * The bench's own Temporal worker, as a process that can be killed: `node -r tsx/cjs
 * bench/overhead/worker.ts <queue>`.
 */
import { Context } from '@temporalio/activity';
import { NativeConnection, Worker } from '@temporalio/worker';
import { join } from 'node:path';
import { createReleaseActivities } from '../../activities/run/release';
import { createRunRecordActivities } from '../../activities/run/record';
import { activityBoundary } from '../../workers/temporal/activity-errors';
import { workflowBundle } from '../../workers/temporal/bundle';
import { openCore } from '../../workers/compose';
import { readConfig } from '../../workers/config';
import { openLog } from '../../workers/log';
import { stageCodeDigest } from '../../workers/temporal/source-digest';

async function main(taskQueue: string): Promise<void> {
  const config = readConfig(process.env);
  const core = openCore(config, 'perennial-bench');
  const connection = await NativeConnection.connect({ address: config.temporal.address });
  const records = createRunRecordActivities({ ...core, codeDigest: stageCodeDigest() });
  const worker = await Worker.create({
    connection,
    namespace: config.temporal.namespace,
    taskQueue,
    workflowBundle: await workflowBundle(undefined, join(__dirname, 'workflows.ts')),
    interceptors: { activity: [activityBoundary(openLog('bench', 'warn'))] },
    stickyQueueScheduleToStartTimeout: '1s',
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    activities: {
      ...records,
      // The API records a run before it starts the workflow; the bench starts workflows itself.
      openRun: async (input: Parameters<typeof records.openRun>[0]) => {
        await core.registry.runs.open(input);
        return records.openRun(input);
      },
      ...createReleaseActivities({ artifacts: core.artifacts, jobs: [] }),
      nothing: () => Promise.resolve(),
      waitBeating: async ({ milliseconds }: { milliseconds: number }) => {
        const context = Context.current();
        if (context.info.attempt > 1) return;
        const end = Date.now() + milliseconds;
        while (Date.now() < end) {
          context.heartbeat();
          await context.sleep(200);
        }
      },
    },
  });
  process.on('SIGTERM', () => worker.shutdown());
  process.stdout.write('ready\n');
  await worker.run();
  await Promise.all([connection.close(), core.close()]);
}

main(process.argv[2] ?? 'bench').catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
