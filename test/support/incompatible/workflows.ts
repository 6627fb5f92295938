/**
 * Code that cannot continue a run of the product's workflow: it waits where that calls an activity.
 */
import { sleep } from '@temporalio/workflow';

export async function modelLifecycle(): Promise<void> {
  await sleep('1 hour');
}
