import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import type { Activities } from '../../activities';
import type { QueueName } from '../../apps/temporal-clients/lifecycle-client';
import type { Registry } from '../../db/registry';
import { taskQueues } from '../../workflows/run/messages';
import { activityBoundary } from './activity-errors';
import type { Logger } from '../log';

export interface QueueWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly queue: QueueName;
  readonly workflowBundle: { readonly codePath: string };
  readonly activities: Activities;
  readonly events: Pick<Registry['events'], 'append'>;
  readonly log: Logger;
}

/** One worker on one queue. The queue names a resource, so each has its own bound. */
export async function createQueueWorker({
  connection,
  namespace,
  queue,
  workflowBundle,
  activities,
  events,
  log,
}: QueueWorkerOptions): Promise<Worker> {
  return Worker.create({
    connection,
    namespace,
    taskQueue: taskQueues[queue],
    activities,
    interceptors: { activity: [activityBoundary(log, events)] },
    shutdownGraceTime: '5s',
    // A cancelled activity hears of it with its next heartbeat that is let through.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    ...bounds[queue](workflowBundle),
  });
}

type WorkerBounds = Partial<WorkerOptions>;

const bounds: Record<QueueName, (workflowBundle: { readonly codePath: string }) => WorkerBounds> = {
  orchestrator: (workflowBundle) => ({
    workflowBundle,
    // After a worker's death its sticky tasks wait this long before another takes them; 10 s is the
    // default.
    stickyQueueScheduleToStartTimeout: '1s',
    // Watches of rollouts, and judges of their answers: they wait on the registry or a provider and
    // hold nothing.
    maxConcurrentActivityTaskExecutions: 200,
    maxConcurrentLocalActivityExecutions: 100,
  }),
  // Each may hold a gigabyte of columns.
  data: () => ({ maxConcurrentActivityTaskExecutions: 3 }),
  // They wait for jobs; how many run at once is the backend's to say.
  compute: () => ({ maxConcurrentActivityTaskExecutions: 50 }),
  // Models run on this process's own thread: a second one lets storage be waited for meanwhile.
  llm: () => ({ maxConcurrentActivityTaskExecutions: 2 }),
};
