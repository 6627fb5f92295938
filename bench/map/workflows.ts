/** A fan-out without Perennial: lanes that call an activity for each item. */
import { continueAsNew, proxyActivities } from '@temporalio/workflow';
import type { BareActivities, FanOutInput } from './worker';

const { square } = proxyActivities<BareActivities>({
  startToCloseTimeout: '30m',
  heartbeatTimeout: '10s',
});

const itemsPerExecution = 500;

export async function fanOut(input: FanOutInput): Promise<number> {
  const { from, count, parallel, log } = input;
  const end = Math.min(count, from + itemsPerExecution);
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < end) {
      const n = next;
      next += 1;
      await square({ n, log });
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return end < count ? continueAsNew<typeof fanOut>({ ...input, from: end }) : count;
}
