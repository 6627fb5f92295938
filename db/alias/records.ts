import type { RunId } from '../../domain/ids';
import type { UnmetRequirement } from '../../domain/promotion/promotion';
import type { ApiKeyIdentity } from '../access/repository';
import type { AliasState } from '../alias-register';

export type AliasMoveKind = 'promote' | 'rollback' | 'withdraw';

export type Promotion =
  | { readonly kind: 'promoted'; readonly previous: number | null; readonly fencing: number }
  /** The version is already the champion. Nothing moved, so the caller has nothing to undo. */
  | { readonly kind: 'unchanged'; readonly fencing: number }
  | { readonly kind: 'conflict'; readonly champion: AliasState | null }
  /** The rollout was held or ended before. Nothing moved. */
  | { readonly kind: 'rolloutClosed' }
  /** A promotion by a person without an override did not meet all requirements. Nothing moved. */
  | {
      readonly kind: 'unmet';
      readonly unmet: readonly UnmetRequirement[];
      readonly revision: number;
      readonly runId: RunId;
    };

/** The person who promotes. The rules of the version's lifecycle revision apply. */
export interface ManualPromotion {
  readonly caller: Pick<ApiKeyIdentity, 'id' | 'name' | 'scope'>;
  readonly override: { readonly reason: string; readonly selfApprove: boolean } | null;
}

export type Withdrawal =
  | { readonly kind: 'withdrawn'; readonly champion: number | null; readonly fencing: number }
  /** The champion moved since, or this promotion never happened. There is nothing to undo. */
  | { readonly kind: 'superseded'; readonly champion: AliasState | null };
