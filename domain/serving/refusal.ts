/** Why a request does not fit the signature of its model. */
export const refusalReasons = ['wrong-type', 'missing', 'unknown', 'malformed'] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/**
 * `column` is one of the signature. It is null for an unknown column, whose name could be a value,
 * and for a request that is malformed as a whole.
 */
export interface RequestRefusal {
  readonly reason: RefusalReason;
  readonly column: string | null;
}

/**
 * What is counted of rows without an answer. `refused` are all rows that do not fit the signature;
 * a row may have several of the other reasons.
 */
export type UnansweredReason = 'failed' | 'refused' | RefusalReason;
