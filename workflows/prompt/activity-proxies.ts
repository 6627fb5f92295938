/** Proxies for searches and evaluations of prompts; see activity-proxies.ts. */
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
 * Minutes of questions on the queue that asks models. Death is noticed by heartbeat; what was
 * answered is on the ledger, so an attempt is cheap, and a provider that is away for an hour is
 * waited for: nobody wants to begin a night's search again.
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
