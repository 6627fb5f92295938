import type { Digest } from '../dataset/artifact';

/**
 * Why a gate decided as it did. `code` is stable. `message` is one fact for people, with its
 * numbers, in at most some 100 characters.
 */
export interface Reason {
  readonly gate: string;
  readonly code: string;
  readonly message: string;
  /** What a closer look needs: further facts, one a line. */
  readonly details?: readonly string[] | undefined;
  /**
   * What this gate alone said, where a verdict rests on several; absent where it is the verdict's
   * own.
   */
  readonly outcome?: ReasonOutcome | undefined;
}

/**
 * `noted`: a finding that decides nothing by itself, such as bad rows of which only the share
 * counts.
 */
export type ReasonOutcome = VerdictKind | 'notApplicable' | 'noted';

export type VerdictKind = 'passed' | 'failed' | 'inconclusive';

/**
 * "Could not measure" is neither pass nor fail (invariant I10). Reasons are given in every case,
 * also for a pass.
 */
export interface Verdict {
  readonly kind: VerdictKind;
  readonly reasons: readonly Reason[];
}

/**
 * The recorded outcome of `decide(policy, evidence)`; both inputs are stored under their digests
 * before it is acted on.
 */
export interface DecisionRef {
  readonly id: string;
  readonly policy: Digest;
  readonly evidence: Digest;
  readonly verdict: Verdict;
}
