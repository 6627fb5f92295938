import type { GateOutcome } from '../../decision/gates/gate';
import type { WhenAbsent } from '../../lifecycle/lifecycle';

/** One rule over an `LlmEvidence`. Limits of a dimension lie between 0 and 1, higher is better. */
export type LlmGate = BoundGate | AllPassGate;

/**
 * Every case must reach `min`. A statement about these cases alone: it has no bound, no confidence,
 * and says nothing of cases to come.
 */
export interface AllPassGate {
  readonly name: string;
  readonly kind: 'allPass';
  readonly dimension: string;
  readonly min: number;
  readonly minCases: number;
}

/** A rule over a bound, which says what holds beyond these cases. */
export type BoundGate =
  | (Common & { readonly kind: 'threshold'; readonly dimension: string; readonly min: number })
  /** Not worse than the counterpart by more than `margin`, on the same cases. */
  | (Common & {
      readonly kind: 'nonInferiority';
      readonly dimension: string;
      readonly against: 'champion' | 'baseline';
      /** What stands in for a champion before the first promotion. */
      readonly whenAbsent: WhenAbsent;
      readonly margin: number;
    })
  /** No group differs from the others of its pairs by more than `margin`. */
  | (Common & { readonly kind: 'bias'; readonly dimension: string; readonly margin: number })
  | (Common & { readonly kind: 'latency'; readonly quantile: number; readonly maxMs: number })
  | (Common & { readonly kind: 'cost'; readonly quantile: number; readonly maxUsd: number });

interface Common {
  readonly name: string;
  /** Of each one-sided bound. */
  readonly confidence: number;
  /** Share of cases that could not be measured, beyond which the gate has measured nothing. */
  readonly maxFailures: number;
  readonly minCases: number;
}

export interface LlmGateResult {
  readonly outcome: GateOutcome;
  readonly code: string;
  readonly message: string;
  /**
   * How many more cases would decide, when they go on like those so far; null when cases are not
   * what is missing, or a million would not do.
   */
  readonly moreCases: number | null;
}
