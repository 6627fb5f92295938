import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import type { Activities } from '../../activities';
import type { QueueName } from '../../apps/temporal-clients/lifecycle-client';
import type { Registry } from '../../db/registry';
import { taskQueues } from '../../workflows/run/messages';
import { activityBoundary } from './activity-errors';
import type { Logger } from '../log';
import type { WorkerVersion } from './settings';

export interface QueueWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly queue: QueueName;
  readonly workflowBundle: { readonly codePath: string };
  /** Only workflows belong to a version. Activities of all versions share their workers. */
  readonly version?: WorkerVersion | null;
  readonly activities: Activities;
  readonly events: Pick<Registry['events'], 'append'>;
  readonly log: Logger;
}

/** Creates the worker of one queue. A queue names a resource, so each has its own bounds. */
export async function createQueueWorker({
  connection,
  namespace,
  queue,
  workflowBundle,
  version = null,
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
    // An activity receives its cancellation with the next heartbeat that is not throttled.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    ...bounds[queue](workflowBundle),
    ...(queue === 'orchestrator' && version !== null && pinnedTo(version)),
  });
}

/** A run ends on the version that it began with. */
export function pinnedTo(version: WorkerVersion): WorkerBounds {
  return {
    workerDeploymentOptions: {
      version,
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  };
}

type WorkerBounds = Partial<WorkerOptions>;

const bounds: Record<QueueName, (workflowBundle: { readonly codePath: string }) => WorkerBounds> = {
  orchestrator: (workflowBundle) => ({
    workflowBundle,
    // After a crash of this worker, its sticky tasks wait this long for it (default 10 s).
    stickyQueueScheduleToStartTimeout: '1s',
    // Activities that watch and judge rollouts wait for the registry or a provider and use little.
    maxConcurrentActivityTaskExecutions: 200,
    maxConcurrentLocalActivityExecutions: 100,
  }),
  // Each may hold a gigabyte of columns.
  data: () => ({ maxConcurrentActivityTaskExecutions: 3 }),
  // These wait for jobs, and the backend limits how many jobs run at once.
  compute: () => ({ maxConcurrentActivityTaskExecutions: 50 }),
  // Models run on this process's main thread; a second activity uses the time spent on storage.
  llm: () => ({ maxConcurrentActivityTaskExecutions: 2 }),
};
