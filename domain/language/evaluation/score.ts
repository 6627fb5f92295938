/**
 * The score of one answer in one dimension. A failed measurement (I10) and a case to which the
 * dimension does not apply are not scores of 0.
 */
export type Score =
  /** From 0 to 1, higher is better. `detail` tells people what was missing. */
  | { readonly kind: 'scored'; readonly value: number; readonly detail?: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'notApplicable' };

export const notApplicable: Score = { kind: 'notApplicable' };

export function toScore(value: number | boolean, detail?: string): Score {
  return { kind: 'scored', value: Number(value), ...(detail === undefined ? {} : { detail }) };
}

export function toFailure(reason: string): Score {
  return { kind: 'failed', reason };
}
