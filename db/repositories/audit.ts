import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { Page, PageRequest } from '../page';
import { proveRow } from '../audit/prove';
import type { HeadRow } from '../audit/read-heads';
import { toHead } from '../audit/read-heads';
import { seal } from '../audit/seal';
import { verifyAudit } from '../audit/verify';
import type { Database } from '../connection';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { auditLog } from '../schema/audit';

export interface AuditRow {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  /** Id of the API key that acted; null for the platform itself. */
  readonly keyId: string | null;
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

/** For `wrongWithProof` of db/audit/prove.ts, or anyone with RFC 6962 and ed25519 at hand. */
export interface AuditProof {
  /** The row as it was hashed: canonical JSON of `{ tenant, id, at, actor, action, subject, cause, before, after }`, with `keyId` where there is one. */
  readonly content: string;
  /** Of the row within its batch, from 0. */
  readonly index: number;
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
  /**
   * Folds unsealed rows into one batch, at most 10,000; null when there are none, `busy` when another sealer is at work. `store` keeps a copy
   * of the head elsewhere (S3) once the batch is committed; when it fails, this throws, and the next call hands it the same head again before
   * it makes another. Storing the same head twice must be harmless.
   */
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
  /** Null while the row is not sealed, or unknown. */
  prove(input: { readonly tenant: Tenant; readonly id: string }): Promise<AuditProof | null>;
  /** Tenants with unsealed rows. */
  unsealedTenants(): Promise<readonly Tenant[]>;
}

type AuditLogRow = typeof auditLog.$inferSelect & { readonly position: number | null };

export function createAuditRepository({ sql }: Database): AuditRepository {
  return {
    async list({ tenant, subject, action, ...page }) {
      const after = afterKey(page);
      const rows = await sql<AuditLogRow[]>`
        select l.*, s.position from audit_log l left join audit_seals s on s.tenant_id = l.tenant_id and s.audit_id = l.id
        where l.tenant_id = ${tenant} and ${subject === undefined ? sql`true` : sql`l.subject = ${subject}`}
          and ${action === undefined ? sql`true` : sql`l.action = ${action}`}
          and ${after === null ? sql`true` : sql`l.id < ${after}`}
        order by l.id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toRow);
    },

    seal: (input) => seal(sql, input),

    async heads({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<HeadRow[]>`
        select * from audit_heads where tenant_id = ${tenant} and ${after === null ? sql`true` : sql`batch < ${Number(after)}`}
        order by batch desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => String(row.batch), toHead);
    },

    verify: (input) => verifyAudit(sql, input),

    prove: (input) => proveRow(sql, input),

    async unsealedTenants() {
      const rows = await sql<{ tenantId: Tenant }[]>`
        select distinct tenant_id from audit_pending union select tenant_id from audit_heads where stored_at is null order by 1`;
      return rows.map((row) => row.tenantId);
    },
  };
}

function toRow({ id, at, actor, keyId, action, subject, cause, before, after, position: sealedAs }: AuditLogRow): AuditRow {
  return { id, at, actor, keyId, action, subject, cause, before, after, sealedAs };
}
