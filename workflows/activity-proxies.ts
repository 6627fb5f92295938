/**
 * One proxy per retry class. The failure's type decides whether to retry (domain/failure.ts). The
 * options below decide how often, and how a lost worker is noticed.
 */
import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { Activities } from '../activities';
import { taskQueues } from './run/messages';
import { oneAtATime } from './run/one-at-a-time';

const untilItWorks = {
  initialInterval: '100ms',
  backoffCoefficient: 2,
  maximumInterval: '10s',
} as const;

/**
 * Millisecond writes to the registry. A run cannot continue without the registry, so they retry
 * without end; each attempt is cheap and idempotent by key. After 2 s, an attempt leaves its
 * failure in the history, where people and `reconcileRuns` find it. Cancellation waits for the
 * write in progress: otherwise the undo would find nothing, and the write would land after it.
 */
export const recordOptions = {
  startToCloseTimeout: '15s',
  localRetryThreshold: '2s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: untilItWorks,
} as const;

export const registryWrites = oneAtATime(proxyLocalActivities<Activities>(recordOptions));

/**
 * Cleanup after a run. It gives up after a minute, so that an unavailable store does not keep the
 * run open; garbage collection cleans up later.
 */
export const cleanupWork = oneAtATime(
  proxyLocalActivities<Activities>({
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '1m',
    localRetryThreshold: '5s',
    retry: untilItWorks,
  }),
);

const twoHours = 7_200_000;

/**
 * Minutes of reading and SQL. A lost worker is noticed by heartbeat. Errors in user data or user
 * SQL are not retryable by type; everything else is retried.
 */
const dataWorkOptions = {
  taskQueue: taskQueues.data,
  startToCloseTimeout: twoHours,
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500ms',
    backoffCoefficient: 2,
    maximumInterval: '30s',
    maximumAttempts: 8,
  },
} as const;

export const dataWork = proxyActivities<Activities>(dataWorkOptions);

/**
 * Data work whose spec limits each of its `steps` to `timeoutSeconds`. The activity enforces that
 * limit and reports it; the timeout here is only a safety net.
 */
export function timedDataWork({
  steps,
  timeoutSeconds,
}: {
  readonly steps: number;
  readonly timeoutSeconds: number;
}) {
  return proxyActivities<Activities>({
    ...dataWorkOptions,
    startToCloseTimeout: steps * timeoutSeconds * 1000 + twoHours,
  });
}

const oneDay = 86_400_000;

/**
 * Hours of compute. A lost worker is noticed by heartbeat, not by timeout. The spec sets how many
 * lost jobs are retried.
 */
export function computeWork(options: {
  readonly timeoutSeconds: number;
  readonly retries: number;
}) {
  return proxyActivities<Activities>({
    taskQueue: taskQueues.compute,
    // The backend enforces the job's own limit; this timeout is a safety net. It includes a day,
    // because a job may wait in the queue first.
    startToCloseTimeout: options.timeoutSeconds * 1000 + oneDay,
    heartbeatTimeout: '10s',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '1s',
      backoffCoefficient: 2,
      maximumInterval: '1m',
      maximumAttempts: options.retries + 1,
    },
  });
}

/**
 * Requests to gateways, which may restart. They retry for a few minutes; then the evidence records
 * that parity was not measured.
 */
export const gatewayWork = proxyActivities<Activities>({
  taskQueue: taskQueues.data,
  startToCloseTimeout: '15m',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500ms',
    backoffCoefficient: 2,
    maximumInterval: '10s',
    maximumAttempts: 12,
  },
});

/**
 * Watches a rollout for weeks, in turns of an hour. It waits on the registry and uses no other
 * resource, so it shares the orchestrator's queue. A challenger must not go unwatched, so it
 * retries without end. The heartbeat is 3 s, because a worker may be lost between finding harm and
 * moving the traffic back. TRY_CANCEL: a command need not wait for the watch to stop, because a
 * late write of the watch is either still valid or rejected by the registry.
 */
export const rolloutWork = proxyActivities<Activities>({
  taskQueue: taskQueues.orchestrator,
  startToCloseTimeout: '2h',
  heartbeatTimeout: '3s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '250ms', backoffCoefficient: 2, maximumInterval: '5s' },
});

/**
 * Seconds of counting what was logged since the last look; after an outage minutes, in turns. It
 * waits on the registry, so it shares the orchestrator's queue. A champion must not go unwatched, so
 * it retries without end. Rows that an attempt counted stay counted.
 */
export const monitorWork = proxyActivities<Activities>({
  taskQueue: taskQueues.orchestrator,
  startToCloseTimeout: '30m',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** Minutes of reading the rows that a version was trained and evaluated on. */
export const monitorPreparation = proxyActivities<Activities>(dataWorkOptions);

/**
 * Compares the former champion on labelled requests and moves the traffic back, so a lost worker is
 * noticed as soon as one that watches a rollout. The next look tries again after three failures.
 */
export const formerComparison = proxyActivities<Activities>({
  ...dataWorkOptions,
  heartbeatTimeout: '3s',
  retry: { initialInterval: '250ms', backoffCoefficient: 2, maximumAttempts: 3 },
});

/**
 * Hours of questions to language models. The activity itself waits for rate limits and short
 * failures of a provider. A retry here means a lost worker, or a provider that was unavailable for
 * minutes. A retry reads earlier answers from the call ledger and repeats only requests in flight.
 */
export const llmWorkOptions = {
  taskQueue: taskQueues.llm,
  startToCloseTimeout: oneDay,
  heartbeatTimeout: '15s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500ms',
    backoffCoefficient: 2,
    maximumInterval: '1m',
    maximumAttempts: 12,
  },
} as const;

export const llmWork = proxyActivities<Activities>(llmWorkOptions);

/**
 * The same for a standby model. The release does not need it, so it retries for half a minute in
 * all, and for at most four lost workers.
 */
export const standbyWork = proxyActivities<Activities>({
  ...llmWorkOptions,
  retry: { ...llmWorkOptions.retry, initialInterval: '2s', maximumAttempts: 5 },
});
