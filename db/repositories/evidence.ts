import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';

export type EvidenceKind = 'evidence' | 'policy';

/** Policies and evidence by digest (sha256 of canonical JSON): what a decision was made from. */
export interface EvidenceRepository {
  /** Again: nothing happens. InvalidInput when the digest is not that of the body. */
  put(input: { readonly tenant: Tenant; readonly kind: EvidenceKind; readonly digest: Digest; readonly body: unknown }): Promise<void>;
  get(input: { readonly tenant: Tenant; readonly kind: EvidenceKind; readonly digest: Digest }): Promise<unknown>;
}
