/**
 * A rollout is open while it is `running`, `held` by a person or by the policy, or `passed` and
 * waiting for its promotion. The other statuses are final.
 */
export const rolloutStatuses = [
  'running',
  'held',
  'passed',
  'promoted',
  'rolledBack',
  'aborted',
  'superseded',
] as const;
export type RolloutStatus = (typeof rolloutStatuses)[number];
export type OpenRolloutStatus = Extract<RolloutStatus, 'running' | 'held' | 'passed'>;

export type RolloutEnding = Exclude<RolloutStatus, OpenRolloutStatus>;

export function isOpenRollout(status: RolloutStatus): status is OpenRolloutStatus {
  return status === 'running' || status === 'held' || status === 'passed';
}

/** How long a rollback took to take effect on the traffic. */
export interface RolloutRollback {
  /** Version numbers. */
  readonly from: number;
  readonly to: number;
  /**
   * Seconds of wall-clock time from the detection of harm until every live gateway had confirmed;
   * null before that.
   */
  readonly secondsToFullTraffic: number | null;
  /**
   * URLs of gateways with a lease that have not confirmed. They serve only the champion when the
   * lease expires.
   */
  readonly unconfirmed: readonly string[];
}
