/**
 * One proxy per retry class. What may be retried at all is decided by the failure's type
 * (domain/failure.ts); these say how often, and how death is noticed.
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
 * Millisecond writes to the registry. Without the registry nothing can go on, so they wait for it;
 * an attempt is cheap and repeats safely by key. After 2 s of trying, an attempt leaves its failure
 * in the history, where people and `reconcileRuns` find it. A cancelled run lets the write that is
 * under way end: an undo beside it would find nothing to undo, and then the write would stand.
 */
export const recordOptions = {
  startToCloseTimeout: '15s',
  localRetryThreshold: '2s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: untilItWorks,
} as const;

export const records = oneAtATime(proxyLocalActivities<Activities>(recordOptions));

/**
 * Tidying up after a run. It must not keep the run open for as long as a store is away: others tidy
 * up later.
 */
export const cleaning = oneAtATime(
  proxyLocalActivities<Activities>({
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '1m',
    localRetryThreshold: '5s',
    retry: untilItWorks,
  }),
);

const twoHours = 7_200_000;

/**
 * Minutes of reading and SQL. Death is noticed by heartbeat; what user data or user SQL does wrong
 * is not retryable by type, and the rest is weather.
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
 * The same, where the spec says how long each of `steps` may take: it ends by itself then and says
 * so, and this is the net beneath.
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
 * Hours of compute: death is noticed by heartbeat, not by timeout. The spec says how many lost jobs
 * are bad luck.
 */
export function computeWork(options: {
  readonly timeoutSeconds: number;
  readonly retries: number;
}) {
  return proxyActivities<Activities>({
    taskQueue: taskQueues.compute,
    // The backend ends the job at its own limit and says so; this is the net beneath it. A job may
    // wait for its turn first, which is nobody's fault.
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
 * A question to optuna, milliseconds, where there is a Python. Nothing goes on without its answer,
 * so it is asked for minutes: a worker that lacks optuna says so each time, and another may have
 * it.
 */
export const studyWork = proxyActivities<Activities>({
  taskQueue: taskQueues.compute,
  startToCloseTimeout: '3m',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '200ms',
    backoffCoefficient: 2,
    maximumInterval: '30s',
    maximumAttempts: 20,
  },
});

/**
 * Talks to gateways, which restart and come back: worth a few minutes, then the evidence says it
 * could not be measured.
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
 * Weeks of watching, in turns of an hour; waits on the registry and holds nothing, so it shares the
 * orchestrator's queue. Nothing but the registry can be away, and a challenger must not go
 * unwatched for it: tried without end. The worker that has found harm may die before it moves the
 * traffic back, so its death is noticed within 3 s. A command does not wait for a watch to notice
 * that it was cancelled: what that one still writes is right, or refused.
 */
export const rolloutWork = proxyActivities<Activities>({
  taskQueue: taskQueues.orchestrator,
  startToCloseTimeout: '2h',
  heartbeatTimeout: '3s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '250ms', backoffCoefficient: 2, maximumInterval: '5s' },
});

/**
 * Questions to language models, hours of them. Limits and short failures of a provider are waited
 * for inside; what reaches a retry here has lost its worker, or a provider for minutes. An attempt
 * reads what was answered from the ledger, so however many there are, only what was in flight is
 * asked again.
 */
export const askingOptions = {
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

export const llmWork = proxyActivities<Activities>(askingOptions);

/**
 * The same of a model that is to stand by. The release goes on without it, so that it is not waited
 * for as long: half a minute in all, and four lost workers.
 */
export const standbyWork = proxyActivities<Activities>({
  ...askingOptions,
  retry: { ...askingOptions.retry, initialInterval: '2s', maximumAttempts: 5 },
});
