import type { SecretRef } from '../access/secret-access';

export const notifyEvents = [
  'run.succeeded',
  'run.stopped',
  'run.failed',
  'run.cancelled',
  'run.lost',
  'run.waiting',
  'rollout.started',
  'rollout.advanced',
  'rollout.held',
  'rollout.promoted',
  'rollout.rolled_back',
  'rollout.aborted',
  'rollout.superseded',
  'model.promoted',
  'model.promotion_overridden',
  'model.rolled_back',
  'schedule.skipped',
  'lifecycle.loosening_proposed',
  'lifecycle.loosening_accepted',
  'lifecycle.loosening_rejected',
  'incident.opened',
  'incident.updated',
  'incident.resolved',
  'incident.escalated',
] as const;

export type NotifyEvent = (typeof notifyEvents)[number];

export interface NotifySpec {
  readonly webhook: string;
  readonly secret: SecretRef;
  readonly events: readonly NotifyEvent[];
}

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
