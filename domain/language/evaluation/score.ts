/**
 * How one answer did in one dimension. "Could not measure" is a fact of its own (I10), and so is a
 * case that says nothing of the dimension.
 */
export type Score =
  /** From 0 to 1, higher is better. `detail` says what was missing, for people. */
  | { readonly kind: 'scored'; readonly value: number; readonly detail?: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'notApplicable' };

export const notApplicable: Score = { kind: 'notApplicable' };

export function scored(value: number | boolean, detail?: string): Score {
  return { kind: 'scored', value: Number(value), ...(detail === undefined ? {} : { detail }) };
}

export function failed(reason: string): Score {
  return { kind: 'failed', reason };
}
