import type { IdempotencyKey, Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Database } from '../connection';
import { toJson } from '../document';
import type { effects } from './effect-schema';

export type EffectClaim =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'claimed'; readonly token: number };

/** The journal of side effects (I4): one row for each key, one winner. */
export interface EffectRepository {
  /**
   * Takes the effect over from every earlier claim, or returns the stored result. Within one
   * `execution` (Temporal workflow run id + activity id), a lower `attempt` than the claim's throws
   * FencedOff.
   */
  claim(input: {
    readonly tenant: Tenant;
    readonly key: IdempotencyKey;
    readonly attempt: number;
    readonly execution?: string | undefined;
  }): Promise<EffectClaim>;
  /**
   * Stores the result. Throws FencedOff if there is a newer claim. A repetition with the same token
   * does nothing.
   */
  complete(input: {
    readonly tenant: Tenant;
    readonly key: IdempotencyKey;
    readonly token: number;
    readonly result: unknown;
  }): Promise<void>;
  /**
   * Throws FencedOff unless `token` is the newest claim. Call it before a write elsewhere that
   * cannot carry the token.
   */
  assertOwned(input: {
    readonly tenant: Tenant;
    readonly key: IdempotencyKey;
    readonly token: number;
  }): Promise<void>;
  /** The claimed effects of the given keys, in any order. */
  list(input: {
    readonly tenant: Tenant;
    readonly keys: readonly IdempotencyKey[];
  }): Promise<readonly JournaledEffect[]>;
}

export interface JournaledEffect {
  readonly key: IdempotencyKey;
  readonly isDone: boolean;
  readonly result: unknown;
}

type EffectRow = typeof effects.$inferSelect;

export function createEffectRepository({ sql }: Database): EffectRepository {
  return {
    /** One statement in the usual case, a claim without conflict. */
    async claim({ tenant, key, attempt, execution = null }) {
      const [claimed] = await sql<Pick<EffectRow, 'token'>[]>`
        insert into effects as e (tenant_id, key, token, attempt, execution) values (${tenant}, ${key}, 1, ${attempt}, ${execution})
        on conflict on constraint effects_pk do update
          set token = e.token + 1, attempt = excluded.attempt, execution = excluded.execution, claimed_at = now()
          where e.done_at is null and (excluded.execution is null or excluded.execution is distinct from e.execution or excluded.attempt >= e.attempt)
        returning token`;
      if (claimed) return { kind: 'claimed', token: claimed.token };
      const [row] = await sql<
        EffectRow[]
      >`select * from effects where tenant_id = ${tenant} and key = ${key}`;
      if (row?.doneAt != null) return { kind: 'done', result: row.result };
      throw failure(
        'FencedOff',
        `attempt ${row?.attempt ?? 'unknown'} owns ${key}; this is attempt ${attempt}`,
      );
    },

    async list({ tenant, keys }) {
      const rows = await sql<Pick<EffectRow, 'key' | 'result' | 'doneAt'>[]>`
        select key, result, done_at from effects where tenant_id = ${tenant} and key = any(${[...keys]})`;
      return rows.map(({ key, result, doneAt }) => ({
        key: key as IdempotencyKey,
        isDone: doneAt !== null,
        result,
      }));
    },

    async complete({ tenant, key, token, result }) {
      const [done] = await sql`
        update effects set result = ${toJson(result)}, done_at = now()
        where tenant_id = ${tenant} and key = ${key} and token = ${token} and done_at is null returning token`;
      if (done) return;
      const [row] = await sql<
        EffectRow[]
      >`select * from effects where tenant_id = ${tenant} and key = ${key}`;
      // The same claim has completed before, but its response was lost.
      if (row?.doneAt != null && row.token === token) return;
      throw fencedOff(key, token, row);
    },

    async assertOwned({ tenant, key, token }) {
      const [row] = await sql<
        EffectRow[]
      >`select * from effects where tenant_id = ${tenant} and key = ${key}`;
      if (row?.token !== token) throw fencedOff(key, token, row);
    },
  };
}

function fencedOff(key: string, token: number, row: EffectRow | undefined) {
  const why = row ? `claim ${row.token} is newer than ${token}` : `it was never claimed`;
  return failure('FencedOff', `this attempt may not write ${key}: ${why}`);
}
