/** Activity proxies of prompt searches and evaluations; see activity-proxies.ts. */
import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { Activities } from '../../activities';
import { recordOptions } from '../activity-proxies';
import { taskQueues } from '../run/messages';
import { oneAtATime } from '../run/one-at-a-time';

/**
 * Minutes of questions to models. A lost worker is noticed by heartbeat. Earlier answers are on the
 * call ledger, so a retry is cheap. Retries last about an hour, so that an unavailable provider
 * does not end a search of a whole night.
 */
export const searchWork = proxyActivities<Activities>({
  taskQueue: taskQueues.llm,
  startToCloseTimeout: '4h',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500ms',
    backoffCoefficient: 2,
    maximumInterval: '1m',
    maximumAttempts: 60,
  },
});

/** Millisecond writes to the registry; as `records` in activity-proxies.ts. */
export const searchRecords = oneAtATime(proxyLocalActivities<Activities>(recordOptions));
