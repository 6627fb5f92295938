import type { Digest } from '../artifact';

/** The comparison of predictions of a real gateway with the offline predictions of the holdout. */
export type ParityEvidence =
  | {
      readonly kind: 'measured';
      /** Rows sent, spread evenly over the holdout. */
      readonly rows: number;
      /** Rows with both predictions; fewer than `rows` is a partial measurement. */
      readonly compared: number;
      /** Compared rows whose scores differ by `tolerance` at most. */
      readonly agreeing: number;
      readonly tolerance: number;
      readonly maxDifference: number;
      /** Address of the gateway process. */
      readonly gateway: string;
      /** Manifest digest in every answer; it must be the candidate's (I3). */
      readonly digestServed: Digest;
    }
  /** Inconclusive (I10). */
  | { readonly kind: 'notMeasured'; readonly rows: 0; readonly reason: string };
