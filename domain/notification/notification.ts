import type { NotifyEvent } from '../lifecycle/lifecycle';
import { notifyEvents } from '../lifecycle/lifecycle';

/** `gone`: the receiver responded with 410, so no more events are sent to it. */
export const deliveryStatuses = ['pending', 'delivered', 'failed', 'gone'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** The event of this name, if webhooks can receive it; otherwise null. */
export function notifyEventOf(name: string): NotifyEvent | null {
  return notifyEvents.find((event) => event === name) ?? null;
}

/**
 * Seconds to wait after the nth failed attempt (from 1); null after the last. The schedule of the
 * Standard Webhooks specification, a little over three days in total.
 */
export function retryDelay(attempt: number): number | null {
  return delays[attempt - 1] ?? null;
}

const minute = 60;
const hour = 3_600;
const delays: readonly number[] = [
  5,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];
