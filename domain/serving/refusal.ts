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
 * What is counted without an answer: rows that failed, requests that were in progress in a gateway
 * that was killed, and requests that do not fit the signature, each as one row. `refused` are all of
 * the latter; a request may have several of the other reasons.
 */
export type UnansweredReason = 'failed' | 'interrupted' | 'refused' | RefusalReason;
