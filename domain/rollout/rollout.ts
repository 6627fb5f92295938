/**
 * Open: `running`; `held` by a person, or by the policy when time is over; `passed`, waiting to be
 * promoted. The others are ends.
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

/** How long a rollback took to reach the traffic. */
export interface RolloutRollback {
  /** Versions. */
  readonly from: number;
  readonly to: number;
  /**
   * Wall seconds from the moment that harm was found until every live gateway had confirmed; null
   * while one has not.
   */
  readonly secondsToFullTraffic: number | null;
  /**
   * Gateways that hold a lease and have not confirmed, by URL. They serve the champion alone once
   * their lease runs out.
   */
  readonly unconfirmed: readonly string[];
}
