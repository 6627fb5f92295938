import type { RetrainingState } from './retraining';

/** What a trigger meets: `ready` starts a run at once. */
export const retrainingStatuses = ['ready', 'running', 'coolingDown', 'held', 'stopped'] as const;
export type RetrainingStatus = (typeof retrainingStatuses)[number];

/** The brake that is in force at this time, the strongest first. */
export function retrainingStatus(
  { stopped, hold, run, notBefore }: RetrainingState,
  now: string,
): RetrainingStatus {
  if (stopped) return 'stopped';
  if (hold !== null) return 'held';
  if (run !== null) return 'running';
  return notBefore !== null && Date.parse(notBefore) > Date.parse(now) ? 'coolingDown' : 'ready';
}
