import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { Page, PageRequest } from '../page';

export interface AuditRow {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  /** `alias.promote`, `run.accept`, `key.create` … */
  readonly action: string;
  /** `model:flight-delay`, `run:run_…` */
  readonly subject: string;
  readonly cause: string;
  readonly before: unknown;
  readonly after: unknown;
  /** Place in the sealed order; null until sealed. */
  readonly sealedAs: number | null;
}

/** A signed Merkle batch. `digest` covers every other field but the signature, and `previous`, so heads form a chain. */
export interface AuditHead {
  readonly tenant: Tenant;
  readonly batch: number;
  /** Sealed rows `first` … `first + count - 1`. */
  readonly first: number;
  readonly count: number;
  readonly root: Digest;
  readonly previous: Digest | null;
  readonly sealedAt: string;
  readonly digest: Digest;
  readonly keyId: string;
  /** Ed25519 over the digest's text, base64. */
  readonly signature: string;
}

export interface AuditSigner {
  readonly keyId: string;
  sign(message: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

export interface AuditProof {
  readonly row: AuditRow;
  readonly leaf: Digest;
  /** Sibling hashes from the leaf up (RFC 6962 audit path). */
  readonly path: readonly Digest[];
  readonly head: AuditHead;
}

export type AuditFinding =
  | { readonly kind: 'changed'; readonly sealedAs: number; readonly detail: string }
  | { readonly kind: 'missing'; readonly sealedAs: number; readonly detail: string }
  | { readonly kind: 'cutOff'; readonly batch: number; readonly detail: string }
  | { readonly kind: 'rewritten'; readonly batch: number; readonly detail: string }
  | { readonly kind: 'badSignature'; readonly batch: number; readonly detail: string };

export interface AuditReport {
  readonly rows: number;
  readonly batches: number;
  readonly unsealed: number;
  /** Empty: nothing was found. */
  readonly findings: readonly AuditFinding[];
  /** False when no independent copy of the heads was given: a rewrite of everything with the signing key cannot be seen then. */
  readonly comparedWithStore: boolean;
}

export interface AuditRepository {
  list(
    input: { readonly tenant: Tenant; readonly subject?: string | undefined; readonly action?: string | undefined } & PageRequest,
  ): Promise<Page<AuditRow>>;
  /** Folds unsealed rows into one batch; null when there are none. Waits for no other sealer: `busy` when one is at work. `store` keeps the head elsewhere (S3) before the batch is committed. */
  seal(input: {
    readonly tenant: Tenant;
    readonly signer: AuditSigner;
    readonly store: (head: AuditHead) => Promise<void>;
    readonly limit?: number | undefined;
  }): Promise<AuditHead | 'busy' | null>;
  heads(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<AuditHead>>;
  /** `publicKeys`: key id → ed25519 public key (SPKI DER, base64). `storedHeads`: the copies kept elsewhere. */
  verify(input: {
    readonly tenant: Tenant;
    readonly publicKeys: Readonly<Record<string, string>>;
    readonly storedHeads?: readonly AuditHead[] | undefined;
  }): Promise<AuditReport>;
  /** Null while the row is not sealed or unknown. Checked by `verifyAuditProof`. */
  prove(input: { readonly tenant: Tenant; readonly id: string }): Promise<AuditProof | null>;
  /** Tenants with unsealed rows. */
  unsealedTenants(): Promise<readonly Tenant[]>;
}
