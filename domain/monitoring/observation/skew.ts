/**
 * Training–serving skew: logged requests that were computed again as training computes features, and
 * how many of them got the score that was served.
 */
export interface SkewResult {
  readonly measuredAt: string;
  /** Event time of the newest request in the sample; absent in results from before. */
  readonly sampledUntil?: string;
  /** Requests in the sample, and those with a logged score. */
  readonly rows: number;
  readonly compared: number;
  readonly agreeing: number;
  readonly maxDifference: number;
  /** Why nothing was compared; null if it was. */
  readonly failure: string | null;
}

/** The tolerance of the parity gate: rounding differs by less between the two paths. */
export const skewTolerance = 0.005;
/** The largest share of requests that may differ. */
export const mostDiffering = 0.01;

export function isSkewed({ compared, agreeing }: SkewResult): boolean {
  return compared > 0 && compared - agreeing > mostDiffering * compared;
}
