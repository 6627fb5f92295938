/**
 * Code that cannot continue what the product's workflow began: it waits where that one called an
 * activity.
 */
import { sleep } from '@temporalio/workflow';

export async function modelLifecycle(): Promise<void> {
  await sleep('1 hour');
}
