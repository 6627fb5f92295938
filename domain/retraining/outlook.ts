import type { RunId } from '../ids';
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

/** What a request for an automatic run meets. */
export interface RunOutlook {
  readonly state: RetrainingState;
  /** An open run of the lifecycle that no trigger started. */
  readonly otherRun: RunId | null;
  /** Why a request was refused that no brake explains, such as an archived lifecycle. */
  readonly refused: string | null;
  readonly now: string;
}
