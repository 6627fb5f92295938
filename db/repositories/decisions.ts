import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { DecisionRef, Verdict } from '../../domain/verdict';

export interface DecisionRecord extends DecisionRef {
  readonly runId: RunId;
  readonly stage: string;
  readonly createdAt: string;
}

export interface DecisionRepository {
  /** Policy and evidence must be stored before (NotFound). With an audit row; a repeated key gives the first decision. */
  record(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly policy: Digest;
    readonly evidence: Digest;
    readonly verdict: Verdict;
    readonly idempotencyKey: string;
  }): Promise<DecisionRef>;
  get(input: { readonly tenant: Tenant; readonly id: string }): Promise<DecisionRecord | null>;
  /** In the order made. */
  list(input: { readonly tenant: Tenant; readonly runId: RunId }): Promise<readonly DecisionRecord[]>;
}
