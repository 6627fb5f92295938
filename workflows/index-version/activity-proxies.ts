/** Proxies for what is done with indexes; see activity-proxies.ts. */
import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { IndexAnswersActivities } from '../../activities/index/answers';
import type { IndexActivities } from '../../activities/index/indexes';
import { askingOptions, recordOptions } from '../activity-proxies';
import { taskQueues } from '../run/messages';
import { oneAtATime } from '../run/one-at-a-time';

/**
 * Minutes of embedding on the queue that has the models. Death is noticed by heartbeat; a shard is
 * written once however often it is tried, so what the weather does to storage or to an endpoint is
 * waited for.
 */
export const indexWork = proxyActivities<IndexActivities>({
  taskQueue: taskQueues.llm,
  startToCloseTimeout: '4h',
  heartbeatTimeout: '15s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500ms',
    backoffCoefficient: 2,
    maximumInterval: '30s',
    maximumAttempts: 12,
  },
});

/** Questions to language models, over an index. */
export const indexAnswers = proxyActivities<IndexAnswersActivities>(askingOptions);

/**
 * Nobody waits for a table to go, and one that stays is paid for ever: tried until the storage is
 * there.
 */
export const indexRemoval = proxyActivities<IndexActivities>({
  taskQueue: taskQueues.llm,
  startToCloseTimeout: '1h',
  heartbeatTimeout: '15s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10m' },
});

/** Millisecond writes to the registry; as `records` in activity-proxies.ts. */
export const indexRecords = oneAtATime(proxyLocalActivities<IndexActivities>(recordOptions));
