import { platformTenant } from '../../domain/access/tenant';
import type { Tenant } from '../../domain/ids';
import type { Page, PageRequest } from '../page';
import { createHash, randomBytes } from 'node:crypto';
import { failure } from '../../domain/failure';
import { advisoryLocks } from '../advisory-locks';
import type { Database, Query, Transaction } from '../connection';
import { newId } from '../ids';
import type { Statement } from '../sql';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { apiKeys } from './schema';
import { appendAudit } from '../audit/entry';

/** Each scope includes those before it. */
export const apiKeyScopes = ['viewer', 'operator', 'approver', 'admin'] as const;
export type ApiKeyScope = (typeof apiKeyScopes)[number];

export function allows(scope: ApiKeyScope, needed: ApiKeyScope): boolean {
  return apiKeyScopes.indexOf(scope) >= apiKeyScopes.indexOf(needed);
}

/** An admin key of the tenant that administers the platform (ADR 0011). */
export function isPlatformAdmin({
  tenant,
  scope,
}: Pick<ApiKeyIdentity, 'tenant' | 'scope'>): boolean {
  return tenant === platformTenant && allows(scope, 'admin');
}

export interface ApiKeyIdentity {
  readonly id: string;
  readonly tenant: Tenant;
  readonly name: string;
  readonly scope: ApiKeyScope;
  /** Whether it is a key of the platform's own processes, which act for every tenant at gateways. */
  readonly isService: boolean;
  /** Null for a key that never expires. */
  readonly expiresAt: string | null;
}

export interface ApiKeyRecord extends ApiKeyIdentity {
  readonly createdAt: string;
  readonly createdBy: string;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

/** A session of a browser, by its key and its random token. */
export interface OpenedSession {
  readonly keyId: string;
  readonly csrf: string;
}

export interface ApiKeyRepository {
  /**
   * Returns `key` only here; the database stores its hash. `given` is a key that the caller made
   * instead of a new one. Conflict if its id was used before.
   */
  create(input: {
    readonly tenant: Tenant;
    readonly name: string;
    readonly scope: ApiKeyScope;
    readonly actor: string;
    readonly expiresAt?: string | undefined;
    readonly isService?: boolean | undefined;
    readonly given?: string | undefined;
  }): Promise<{ readonly id: string; readonly key: string }>;
  /**
   * Null for a key that is unknown, malformed, expired, revoked or of a suspended tenant, without
   * saying which.
   */
  verify(key: string): Promise<ApiKeyIdentity | null>;
  /** As `verify`, for a session that was opened with a key. Null also for an ended session. */
  identify(session: OpenedSession): Promise<ApiKeyIdentity | null>;
  /** Ends a session for all processes. Does nothing for an ended one. */
  endSession(session: OpenedSession & { readonly expiresAt: string }): Promise<void>;
  /** Takes effect at once. Does nothing for a revoked key. NotFound for an unknown one. */
  revoke(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly actor: string;
  }): Promise<ApiKeyRecord>;
  /** The given ids that are revoked, expired or unknown. */
  ended(ids: readonly string[]): Promise<readonly string[]>;
  /** Valid keys of all tenants that expire within `days` and were not rotated. */
  expiring(input: { readonly days: number }): Promise<readonly ApiKeyRecord[]>;
  /**
   * Creates a key of the same name, scope and lifetime. The old key stays valid for
   * `overlapSeconds`.
   */
  rotate(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly actor: string;
    readonly overlapSeconds: number;
  }): Promise<{ readonly id: string; readonly key: string; readonly oldValidUntil: string }>;
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<ApiKeyRecord>>;
}

type ApiKeyRow = typeof apiKeys.$inferSelect;

export function createApiKeyRepository({ sql }: Database): ApiKeyRepository {
  return {
    create: ({ tenant, name, scope, actor, expiresAt = null, isService = false, given }) =>
      sql.begin(async (tx) => {
        await assertNameIsFree(tx, tenant, name);
        const parts = given === undefined ? null : partsOfGiven(given);
        if (parts !== null) await assertIdIsFree(tx, parts.id);
        return insertKey(tx, { tenant, name, scope, actor, expiresAt, isService, ...parts });
      }),

    /**
     * The database compares the hash. Timing can only reveal the hash of 256 random bits, which no
     * caller can choose.
     */
    async verify(key) {
      const parts = splitKey(key);
      if (parts === null) return null;
      const { id, secret } = parts;
      return validKey(sql, sql`id = ${id} and secret_hash = ${hash(secret)}`);
    },

    identify: async ({ keyId, csrf }) => {
      const caller = await validKey(sql, sql`id = ${keyId}`);
      if (caller === null) return null;
      const [ended] = await sql<{ readonly id: string }[]>`
        select id from ended_sessions where tenant_id = ${caller.tenant} and id = ${hash(csrf)}`;
      return ended ? null : caller;
    },

    endSession: ({ keyId, csrf, expiresAt }) =>
      sql.begin(async (tx) => {
        const [row] = await tx<Pick<ApiKeyRow, 'tenantId' | 'name'>[]>`
          select tenant_id, name from api_keys where id = ${keyId}`;
        if (!row) return;
        const { tenantId: tenant, name } = row;
        await tx`delete from ended_sessions where tenant_id = ${tenant} and expires_at < now()`;
        const [ended] = await tx<{ readonly id: string }[]>`
          insert into ended_sessions (tenant_id, id, key_id, expires_at)
          values (${tenant}, ${hash(csrf)}, ${keyId}, ${expiresAt})
          on conflict do nothing returning id`;
        if (!ended) return;
        await appendAudit(tx, {
          tenant,
          actor: name,
          action: 'session.close',
          subject: `key:${keyId}`,
          cause: 'signed out',
        });
      }),

    revoke: ({ tenant, id, actor }) =>
      sql.begin(async (tx) => {
        const before = await lockKey(tx, tenant, id);
        if (before.revokedAt !== null) return toRecord(before);
        const [row] = await tx<
          ApiKeyRow[]
        >`update api_keys set revoked_at = now() where tenant_id = ${tenant} and id = ${id} returning *`;
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'key.revoke',
          subject: `key:${id}`,
          cause: 'revoked',
          before: { name: before.name, scope: before.scope },
        });
        return toRecord(row ?? before);
      }),

    rotate: ({ tenant, id, actor, overlapSeconds }) =>
      sql.begin(async (tx) => {
        const old = await lockKey(tx, tenant, id);
        const [limited] = await tx<Pick<ApiKeyRow, 'expiresAt'>[]>`
          update api_keys set expires_at = least(expires_at, now() + make_interval(secs => ${overlapSeconds}))
          where tenant_id = ${tenant} and id = ${id} and ${valid(tx)} returning expires_at`;
        if (limited?.expiresAt == null)
          throw failure('Conflict', `key ${id} is no longer valid`, {
            next: 'perennial key create',
          });
        if (old.replacedBy !== null) {
          throw failure(
            'Conflict',
            `key ${id} was already rotated; its new key is ${old.replacedBy}`,
            {
              next: `perennial key rotate ${old.replacedBy}`,
            },
          );
        }
        const replacement = newKeyId();
        await tx`update api_keys set replaced_by = ${replacement} where tenant_id = ${tenant} and id = ${id}`;
        const expiresAt = sameLifetime(old);
        const made = await insert(tx, { ...old, expiresAt, tenant, actor, id: replacement });
        const after = { newKey: made.id, expiresAt, oldValidUntil: limited.expiresAt };
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'key.rotate',
          subject: `key:${id}`,
          cause: 'rotated',
          after,
        });
        return { ...made, oldValidUntil: limited.expiresAt };
      }),

    async ended(ids) {
      const rows = await sql<{ id: string }[]>`
        select asked.id from unnest(${ids}::text[]) as asked (id)
        where not exists (
          select from api_keys k where k.id = asked.id and ${valid(sql)}
            and not exists (
              select from tenants t where t.id = k.tenant_id and t.suspended_at is not null))`;
      return rows.map((row) => row.id);
    },

    async expiring({ days }) {
      const rows = await sql<ApiKeyRow[]>`
        select * from api_keys where ${valid(sql)} and replaced_by is null and expires_at <= now() + make_interval(days => ${days})
        order by expires_at`;
      return rows.map(toRecord);
    },

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<ApiKeyRow[]>`
        select * from api_keys where tenant_id = ${tenant} and ${after === null ? sql`true` : sql`id < ${after}`}
        order by id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toRecord);
    },
  };
}

/** The valid key. The same statement records the time of use, at most once a minute. */
async function validKey(sql: Query, where: Statement<object[]>): Promise<ApiKeyIdentity | null> {
  const [row] = await sql<ApiKeyRow[]>`
    with found as (
      select * from api_keys where ${where} and ${valid(sql)}
        and not exists (select from tenants t where t.id = tenant_id and t.suspended_at is not null)
    ), used as (
      update api_keys k set last_used_at = now() from found f
      where k.id = f.id and (f.last_used_at is null or f.last_used_at < now() - interval '1 minute')
    )
    select * from found`;
  if (!row) return null;
  const { id, tenantId: tenant, name, scope, isService, expiresAt } = row;
  return { id, tenant, name, scope, isService, expiresAt };
}

function splitKey(key: string): { readonly id: string; readonly secret: string } | null {
  const { id, secret } = /^pk_(?<id>[0-9a-z]{26})_(?<secret>[0-9a-f]{64})$/.exec(key)?.groups ?? {};
  return id === undefined || secret === undefined ? null : { id, secret };
}

function partsOfGiven(key: string) {
  const parts = splitKey(key);
  if (parts !== null) return parts;
  throw failure('InvalidInput', 'a given API key does not have the form of an API key', {
    next: 'make one: echo "pk_$(openssl rand -hex 13)_$(openssl rand -hex 32)"',
  });
}

async function assertIdIsFree(tx: Transaction, id: string): Promise<void> {
  const [used] = await tx<Pick<ApiKeyRow, 'id'>[]>`select id from api_keys where id = ${id}`;
  if (used)
    throw failure(
      'Conflict',
      `the given API key ${id} has another secret, or it was revoked or has expired`,
      { next: 'make a new one: echo "pk_$(openssl rand -hex 13)_$(openssl rand -hex 32)"' },
    );
}

/** An expiry that gives the new key the lifetime of the old one; null for no expiry. */
function sameLifetime({ createdAt, expiresAt }: ApiKeyRow): string | null {
  if (expiresAt === null) return null;
  return new Date(Date.now() + Date.parse(expiresAt) - Date.parse(createdAt)).toISOString();
}

/**
 * Audit rows and errors name keys, so two valid keys must not share a name. An expired key frees
 * its name.
 */
async function assertNameIsFree(tx: Transaction, tenant: Tenant, name: string): Promise<void> {
  // Of two concurrent calls for one name, the second waits here and then finds the first key.
  await tx`select pg_advisory_xact_lock(${advisoryLocks.apiKeyNames}, hashtext(${`${tenant}/${name}`}))`;
  const [living] = await tx<Pick<ApiKeyRow, 'id'>[]>`
    select id from api_keys where tenant_id = ${tenant} and name = ${name} and ${valid(tx)} limit 1`;
  if (living) {
    throw failure(
      'Conflict',
      `the name ${name} is already used by the key ${living.id}; valid keys need different names`,
      {
        next: `choose another name, or revoke that key: perennial key revoke ${living.id}`,
      },
    );
  }
  await tx`
    update api_keys set revoked_at = expires_at
    where tenant_id = ${tenant} and name = ${name} and revoked_at is null and replaced_by is null`;
}

/** A new key with its audit row. The caller has checked that the name is free. */
export async function insertKey(
  tx: Transaction,
  key: Omit<NewKey, 'holderId'>,
): Promise<{ readonly id: string; readonly key: string }> {
  const { tenant, name, scope, actor, expiresAt } = key;
  const made = await insert(tx, key);
  await appendAudit(tx, {
    tenant,
    actor,
    action: 'key.create',
    subject: `key:${made.id}`,
    cause: 'created',
    after: { name, scope, expiresAt },
  });
  return made;
}

type NewKey = Pick<ApiKeyRow, 'name' | 'scope' | 'expiresAt' | 'isService'> & {
  readonly tenant: Tenant;
  readonly actor: string;
  readonly id?: string;
  readonly secret?: string;
  /** The id of the first key in its chain of rotations. */
  readonly holderId?: string;
};

async function insert(
  tx: Transaction,
  {
    tenant,
    name,
    scope,
    actor,
    expiresAt,
    isService,
    id = newKeyId(),
    secret = randomBytes(32).toString('hex'),
    holderId = id,
  }: NewKey,
): Promise<{ readonly id: string; readonly key: string }> {
  await tx`
    insert into api_keys (tenant_id, id, name, scope, is_service, secret_hash, created_by, expires_at, holder_id)
    values (${tenant}, ${id}, ${name}, ${scope}, ${isService}, ${hash(secret)}, ${actor}, ${expiresAt}, ${holderId})`;
  return { id, key: `pk_${id}_${secret}` };
}

function newKeyId(): string {
  return newId('pk').slice('pk_'.length);
}

function valid(sql: Query) {
  return sql`revoked_at is null and (expires_at is null or expires_at > now())`;
}

async function lockKey(tx: Transaction, tenant: Tenant, id: string): Promise<ApiKeyRow> {
  const [row] = await tx<
    ApiKeyRow[]
  >`select * from api_keys where tenant_id = ${tenant} and id = ${id} for update`;
  if (!row) throw failure('NotFound', `there is no key ${id}`, { next: 'perennial key list' });
  return row;
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function toRecord(row: ApiKeyRow): ApiKeyRecord {
  const {
    id,
    tenantId: tenant,
    name,
    scope,
    isService,
    createdAt,
    createdBy,
    lastUsedAt,
    expiresAt,
    revokedAt,
  } = row;
  return {
    id,
    tenant,
    name,
    scope,
    isService,
    createdAt,
    createdBy,
    lastUsedAt,
    expiresAt,
    revokedAt,
  };
}
