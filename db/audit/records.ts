import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { Page, PageRequest } from '../page';

export interface AuditRow {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  /** The id of the acting API key; null for the platform itself. */
  readonly keyId: string | null;
  /** `alias.promote`, `run.accept`, `key.create` … */
  readonly action: string;
  /** `model:flight-delay`, `run:run_…` */
  readonly subject: string;
  readonly cause: string;
  readonly before: unknown;
  readonly after: unknown;
  /** Position in the sealed order; null until sealed. */
  readonly sealedAs: number | null;
}

/**
 * A signed Merkle batch. `digest` covers all fields except the signature. It includes `previous`,
 * so heads form a chain.
 */
export interface AuditHead {
  readonly tenant: Tenant;
  readonly batch: number;
  /** Position of the first row; the batch ends at `first + count - 1`. */
  readonly first: number;
  readonly count: number;
  readonly root: Digest;
  readonly previous: Digest | null;
  readonly sealedAt: string;
  readonly digest: Digest;
  readonly keyId: string;
  /** Ed25519 signature of the text of the digest, base64. */
  readonly signature: string;
}

/** A registered signing key; db/audit/keys.ts explains its signatures. */
export interface AuditKey {
  readonly tenant: Tenant;
  /** Position in the registry, from 1. */
  readonly sequence: number;
  /**
   * `first` begins the log. `added` signs beside the other keys, for another machine. `rotated`
   * replaces `previous`, which endorses it. `lost` replaces a `previous` whose private key is lost,
   * so it has no endorsement.
   */
  readonly kind: 'first' | 'added' | 'rotated' | 'lost';
  readonly keyId: string;
  /** Ed25519, SPKI DER, base64. */
  readonly publicKey: string;
  /** Fingerprint of the preceding key. */
  readonly previous: Digest | null;
  /** The first batch that the key may sign. */
  readonly fromBatch: number;
  readonly addedAt: string;
  readonly addedBy: string;
  /** Signature by this key that it follows `previous`, base64. */
  readonly consent: string;
  /** Signature by `previous` of all fields above, base64. */
  readonly endorsement: string | null;
}

/** A place outside the database that keeps copies of keys and heads. */
export interface AuditArchive {
  /** Its name in the registry, which stays when its address changes. */
  readonly place: string;
  /** Its address for messages, without credentials. */
  readonly where: string;
  /** Does nothing if the copy exists. Conflict if a different head is stored for this batch. */
  storeHead(head: AuditHead): Promise<void>;
  storeKey(key: AuditKey): Promise<void>;
  /** Heads of batches after `after`, in order. */
  heads(input: { readonly tenant: Tenant; readonly after: number }): AsyncIterable<AuditHead>;
  head(input: { readonly tenant: Tenant; readonly batch: number }): Promise<AuditHead | null>;
  keys(tenant: Tenant): Promise<readonly AuditKey[]>;
  close(): void;
}

export interface AuditSigner {
  readonly keyId: string;
  /** SPKI DER, base64. */
  readonly publicKey: string;
  sign(message: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

/** Check it with db/audit/check-proof.ts, or with any RFC 6962 and Ed25519 code. */
export interface AuditProof {
  /**
   * The hashed text: canonical JSON of `{ tenant, id, at, actor, action, subject, cause, before,
   * after }`, and `keyId` if there is one.
   */
  readonly content: string;
  /** Index of the row within its batch, from 0. */
  readonly index: number;
  /** Sibling hashes from the leaf upwards (RFC 6962 audit path). */
  readonly path: readonly Digest[];
  readonly head: AuditHead;
  /** The key that signed the head: Ed25519, SPKI DER, base64. */
  readonly publicKey: string;
}

export type AuditFinding =
  | { readonly kind: 'changed'; readonly sealedAs: number; readonly detail: string }
  | { readonly kind: 'missing'; readonly sealedAs: number; readonly detail: string }
  | { readonly kind: 'cutOff'; readonly batch: number; readonly detail: string }
  | { readonly kind: 'rewritten'; readonly batch: number; readonly detail: string }
  | { readonly kind: 'badSignature'; readonly batch: number; readonly detail: string }
  /** Concerns the heads of `batch` to `lastBatch`, or a key. */
  | {
      readonly kind: 'missingCopy';
      readonly place: string;
      readonly batch?: number;
      readonly lastBatch?: number;
      readonly keyId?: string;
      readonly detail: string;
    }
  | { readonly kind: 'untrustedKey'; readonly keyId: string; readonly detail: string }
  | { readonly kind: 'changedKey'; readonly keyId: string; readonly detail: string };

/** The last batch of a verified log. The verifier keeps it outside the database. */
export interface AuditCheckpoint {
  readonly batch: number;
  readonly digest: Digest;
}

export interface AuditReport {
  /** Verified rows and batches, after `from` if given. */
  readonly rows: number;
  readonly batches: number;
  readonly unsealed: number;
  /** Time of the oldest unsealed row. */
  readonly unsealedSince: string | null;
  readonly from: AuditCheckpoint | null;
  /** The last head. The next verification can start from it if there are no findings. */
  readonly checkpoint: AuditCheckpoint | null;
  /**
   * The source of trust: fingerprints from a setting, the key of the verifying machine, or the
   * first key of the registry.
   */
  readonly trustedBy: 'setting' | 'ownKey' | 'firstKey';
  readonly keys: readonly (Pick<
    AuditKey,
    'keyId' | 'kind' | 'previous' | 'fromBatch' | 'addedAt' | 'addedBy'
  > & {
    readonly fingerprint: Digest;
    /** The first batch that the key may no longer sign. */
    readonly untilBatch: number | null;
    readonly trusted: boolean;
  })[];
  /**
   * The places that were compared. Without any, a full rewrite with the signing key goes
   * undetected.
   */
  readonly copies: readonly {
    readonly place: string;
    readonly heads: number;
    /** Not copied yet. */ readonly waiting: number;
  }[];
  /** Empty when the log is intact. */
  readonly findings: readonly AuditFinding[];
  /** Number of findings that are not listed. */
  readonly furtherFindings: number;
}

export interface AuditRepository {
  list(
    input: {
      readonly tenant: Tenant;
      readonly subject?: string | undefined;
      readonly action?: string | undefined;
    } & PageRequest,
  ): Promise<Page<AuditRow>>;
  /**
   * Seals pending rows in one batch. Null when there are none, `busy` when another sealer runs.
   * After the commit it copies the head to `archive`. If that fails it throws, and the next call
   * copies the head before it seals again.
   * @throws Conflict when the signer's key is not registered or was replaced
   */
  seal(input: {
    readonly tenant: Tenant;
    readonly signer: AuditSigner;
    readonly archive: AuditArchive;
    readonly limit?: number | undefined;
  }): Promise<AuditHead | 'busy' | null>;
  /** Copies missing keys and heads to another place. */
  copyTo(input: { readonly tenant: Tenant; readonly archive: AuditArchive }): Promise<void>;
  heads(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<AuditHead>>;
  keys(tenant: Tenant): Promise<readonly AuditKey[]>;
  /**
   * Registers a key; does nothing if it is registered. `endorser` signs for `added` and `rotated`.
   */
  registerKey(input: {
    readonly request: Pick<AuditKey, 'tenant' | 'publicKey' | 'previous' | 'consent'>;
    readonly kind: AuditKey['kind'];
    readonly endorser: AuditSigner | null;
    readonly actor: string;
    readonly cause: string;
  }): Promise<AuditKey>;
  /**
   * `trust.fingerprints` are keys trusted from outside. Without any, trust starts from the key of
   * the verifying machine, else from the first key. With `from`, only later batches are verified.
   */
  verify(input: {
    readonly tenant: Tenant;
    readonly trust: { readonly fingerprints: readonly Digest[]; readonly ownKey: Digest | null };
    readonly archives: readonly AuditArchive[];
    readonly from?: AuditCheckpoint | undefined;
  }): Promise<AuditReport>;
  /** @throws NotFound for an unknown row, Conflict for one that is not sealed yet */
  prove(input: { readonly tenant: Tenant; readonly id: string }): Promise<AuditProof>;
  /** Tenants with rows to seal, or with heads or keys to copy to one of these places. */
  unsealedTenants(places: readonly string[]): Promise<readonly Tenant[]>;
}
