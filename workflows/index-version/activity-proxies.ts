/** Activity proxies of the index workflows; see activity-proxies.ts. */
import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { IndexAnswersActivities } from '../../activities/index/answers';
import type { IndexActivities } from '../../activities/index/indexes';
import { llmWorkOptions, recordOptions } from '../activity-proxies';
import { taskQueues } from '../run/messages';
import { oneAtATime } from '../run/one-at-a-time';

/**
 * Minutes of embedding, on the queue whose workers have the models. A lost worker is noticed by
 * heartbeat. A shard is written once however often it is retried, so failures of storage or of an
 * endpoint are retried for long.
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
export const indexAnswers = proxyActivities<IndexAnswersActivities>(llmWorkOptions);

/** No caller waits for it, and a table that stays costs storage, so it retries without end. */
export const indexRemoval = proxyActivities<IndexActivities>({
  taskQueue: taskQueues.llm,
  startToCloseTimeout: '1h',
  heartbeatTimeout: '15s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10m' },
});

/** Millisecond writes to the registry; as `records` in activity-proxies.ts. */
export const indexRecords = oneAtATime(proxyLocalActivities<IndexActivities>(recordOptions));
