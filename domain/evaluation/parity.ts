import type { Digest } from '../dataset/artifact';

/**
 * What was found when raw request rows of the holdout went through a real gateway process and its
 * answers were laid beside offline predictions: the same graph over the features that training saw.
 */
export type ParityEvidence =
  | {
      readonly kind: 'measured';
      /** Rows sent, spread evenly over the holdout. */
      readonly rows: number;
      /** Rows with an answer on both sides; fewer than `rows` means that only part was measured. */
      readonly compared: number;
      /** Compared rows whose scores differ by no more than `tolerance`. */
      readonly agreeing: number;
      readonly tolerance: number;
      readonly maxDifference: number;
      /** Address of the process that answered. */
      readonly gateway: string;
      /** Manifest digest that the gateway named in every answer (I3: must be the candidate's). */
      readonly digestServed: Digest;
    }
  /** Could not be measured: never a pass (I10). */
  | { readonly kind: 'notMeasured'; readonly rows: 0; readonly reason: string };
