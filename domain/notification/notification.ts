import type { NotifyEvent } from '../lifecycle/lifecycle';
import { notifyEvents } from '../lifecycle/lifecycle';

/**
 * `gone`: the receiver answered 410, so its webhook is told nothing more. The other ends say how
 * one delivery went.
 */
export const deliveryStatuses = ['pending', 'delivered', 'failed', 'gone'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** An event's name as one that webhooks can hear of; null when it is none. */
export function notifyEventOf(name: string): NotifyEvent | null {
  return notifyEvents.find((event) => event === name) ?? null;
}

/**
 * Seconds to wait after the nth failed attempt, the first being 1; null when that was the last. The
 * times that the Standard Webhooks specification recommends: a little over three days in all.
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
