import type { WhenAbsent } from '../../evaluation/gate';

/** One rule over an `LlmEvidence`. Limits of a dimension are between 0 and 1; higher is better. */
export type LlmGate = BoundGate | AllPassGate;

/** Every case must reach `min`. It has no bound and no confidence: it covers these cases only. */
export interface AllPassGate {
  readonly name: string;
  readonly kind: 'allPass';
  readonly dimension: string;
  readonly min: number;
  readonly minCases: number;
}

/** A rule over a bound, which also holds beyond the evaluated cases. */
export type BoundGate =
  | (Common & { readonly kind: 'threshold'; readonly dimension: string; readonly min: number })
  /** Not worse than the counterpart by more than `margin`, on the same cases. */
  | (Common & {
      readonly kind: 'nonInferiority';
      readonly dimension: string;
      readonly against: 'champion' | 'baseline';
      readonly whenAbsent: WhenAbsent;
      readonly margin: number;
    })
  /** No group differs from the others of its pairs by more than `margin`. */
  | (Common & { readonly kind: 'bias'; readonly dimension: string; readonly margin: number })
  | (Common & { readonly kind: 'latency'; readonly quantile: number; readonly maxMs: number })
  | (Common & { readonly kind: 'cost'; readonly quantile: number; readonly maxUsd: number });

interface Common {
  readonly name: string;
  /** Confidence of each one-sided bound, as a share. */
  readonly confidence: number;
  /** Largest share of unmeasured cases; above it the gate is inconclusive. */
  readonly maxFailures: number;
  readonly minCases: number;
}
