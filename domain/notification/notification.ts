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

/** A signed webhook, a webhook that accepts Slack's messages, or mail. */
export type NotifySpec = NotifyChannel & NotifyRules;

type NotifyChannel =
  | { readonly webhook: string; readonly secret: SecretRef }
  /** The URL of such a webhook is its credential, so it is a secret. */
  | { readonly slack: SecretRef }
  | { readonly email: { readonly to: readonly string[] } };

interface NotifyRules {
  readonly events: readonly NotifyEvent[];
  /** Absent: messages are sent at any time. */
  readonly quietHours?: QuietHours;
  /**
   * Sends `incident.escalated` for an incident that is not acknowledged within this time. Absent:
   * incidents are not escalated to this channel.
   */
  readonly escalateAfterSeconds?: number;
}

/** A time of each day. Only critical messages are sent then. */
export interface QuietHours {
  /** `22:00`. */
  readonly from: string;
  /** `07:00`: the first minute in which messages are sent again. */
  readonly until: string;
  /** An IANA name. */
  readonly timezone: string;
}

export const channelKinds = ['webhook', 'slack', 'email'] as const;
export type ChannelKind = (typeof channelKinds)[number];

/** `gone`: the receiver responded with 410, so no more events are sent to it. */
export const deliveryStatuses = ['pending', 'delivered', 'failed', 'gone'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** The event of this name, if channels can receive it; otherwise null. */
export function findNotifyEvent(name: string): NotifyEvent | null {
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
