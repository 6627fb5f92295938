import type { Digest } from '../../domain/artifact';
import type { PromptTemplate } from '../../domain/prompt/prompt';

export type PromptRefKind = 'branch' | 'label';

export type PromptMoveKind = 'set' | 'rollback';

/**
 * A movable pointer to a version: a branch moves with each version written to it, a label only when
 * it is set.
 */
export interface PromptRef {
  readonly ref: string;
  readonly kind: PromptRefKind;
  readonly version: number;
  readonly fencing: number;
  readonly movedAt: string;
}

export interface PromptVersionRecord {
  readonly prompt: string;
  readonly version: number;
  readonly digest: Digest;
  readonly template: PromptTemplate;
  readonly parent: number | null;
  readonly author: string;
  readonly cause: string;
  readonly createdAt: string;
  readonly approvals: readonly {
    /** Whether the author of the version approved it. */
    readonly selfApproved: boolean;
    readonly actor: string;
    readonly cause: string;
    readonly approvedAt: string;
  }[];
}
