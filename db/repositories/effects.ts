import type { IdempotencyKey, Tenant } from '../../domain/ids';

export type EffectClaim = { readonly kind: 'done'; readonly result: unknown } | { readonly kind: 'claimed'; readonly token: number };

/** The journal of side effects (I4): one row a key, one winner. */
export interface EffectRepository {
  /**
   * Takes the effect over from every earlier claim, or answers with the result that one already wrote. `execution` (Temporal workflow run id
   * + activity id) lets a late attempt of the same execution be told from a new one: a lower `attempt` than the claim's is then FencedOff.
   */
  claim(input: {
    readonly tenant: Tenant;
    readonly key: IdempotencyKey;
    readonly attempt: number;
    readonly execution?: string | undefined;
  }): Promise<EffectClaim>;
  /** Writes the result; FencedOff when a newer claim exists. Again with the same token: nothing happens. */
  complete(input: {
    readonly tenant: Tenant;
    readonly key: IdempotencyKey;
    readonly token: number;
    readonly result: unknown;
  }): Promise<void>;
  /** Throws FencedOff unless `token` is the newest claim: ask before a write elsewhere that cannot carry the token. */
  assertOwned(input: { readonly tenant: Tenant; readonly key: IdempotencyKey; readonly token: number }): Promise<void>;
}
