/** What a waiting run asks people to approve. */
import type { RunId } from '../ids';

/** The scope that a vote needs. An admin may always vote. */
export type VoterRole = 'approver' | 'admin';

export interface Ballot {
  readonly runId: RunId;
  /** The lifecycle of the run, which is also the name of its model. */
  readonly model: string;
  /** The version whose promotion is voted on; null in the middle of a run. */
  readonly version: number | null;
  /** The stage that waits: `promote`, or the name of a call of `run.approve`. */
  readonly stage: string;
  /** Null for a promotion, whose policy names the scope. */
  readonly role: VoterRole | null;
}
