/** A run that waits for a child workflow whose activity does not succeed. */
import { executeChild, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../../activities';

export async function modelLifecycle(): Promise<void> {
  await executeChild(study, { args: [], taskQueue: 'orchestrator' });
}

export async function study(): Promise<void> {
  await proxyActivities<Activities>({ taskQueue: 'data', startToCloseTimeout: '1m' }).ingestSource(
    {} as never,
  );
}
