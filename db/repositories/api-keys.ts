import type { Tenant } from '../../domain/ids';
import type { Page, PageRequest } from '../page';

/** Each includes those before it. */
export const apiKeyScopes = ['viewer', 'operator', 'approver', 'admin'] as const;
export type ApiKeyScope = (typeof apiKeyScopes)[number];

export function allows(scope: ApiKeyScope, needed: ApiKeyScope): boolean {
  return apiKeyScopes.indexOf(scope) >= apiKeyScopes.indexOf(needed);
}

export interface ApiKeyIdentity {
  readonly id: string;
  readonly tenant: Tenant;
  readonly name: string;
  readonly scope: ApiKeyScope;
}

export interface ApiKeyRecord extends ApiKeyIdentity {
  readonly createdAt: string;
  readonly createdBy: string;
  readonly lastUsedAt: string | null;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

export interface ApiKeyRepository {
  /** `key` is shown once; only its hash is kept. */
  create(input: {
    readonly tenant: Tenant;
    readonly name: string;
    readonly scope: ApiKeyScope;
    readonly actor: string;
    readonly expiresAt?: string | undefined;
  }): Promise<{ readonly id: string; readonly key: string }>;
  /** Null for a key that is unknown, malformed, expired or revoked: a caller cannot tell which. */
  verify(key: string): Promise<ApiKeyIdentity | null>;
  /** At once. Again: nothing happens. NotFound when there is no such key. */
  revoke(input: { readonly tenant: Tenant; readonly id: string; readonly actor: string }): Promise<ApiKeyRecord>;
  /** A new key of the same name and scope; the old one stays valid for `overlapSeconds`. */
  rotate(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly actor: string;
    readonly overlapSeconds: number;
  }): Promise<{ readonly id: string; readonly key: string; readonly oldValidUntil: string }>;
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<ApiKeyRecord>>;
}
