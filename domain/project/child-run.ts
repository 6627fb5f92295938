/** A run of another lifecycle that a run has started and waited for. */
import type { Verdict } from '../verdict';
import type { RunId } from '../ids';
import type { Failure, RunStatus } from '../run/run';

export interface ChildRun {
  readonly id: RunId;
  readonly lifecycle: string;
  /** `stopped`: a gate or a person did not pass it. */
  readonly status: 'succeeded' | 'stopped';
  readonly verdict: Verdict | null;
  /** The model version that it registered. */
  readonly version: number | null;
}

/** A child in any state. */
export interface ChildRunState extends Omit<ChildRun, 'status'> {
  readonly status: RunStatus;
  readonly failure: Failure | null;
}
