import type { Query } from '../connection';
import type { ModelName } from '../model/state';

/** The move that made the current champion the champion. */
export interface Origin {
  readonly kind: 'promote' | 'rollback';
  readonly version: number;
  readonly fencing: number;
  /** Whether the run of this promotion is being undone. */
  readonly runIsUndone: boolean;
}

/**
 * Finds the origin of the champion with this fencing token. A withdrawal restores the state before
 * the promotion that it undid, so its origin is the origin of that state. Null when that state had
 * no champion.
 */
export async function findOrigin(
  sql: Query,
  { tenant, model, fencing }: ModelName & { readonly fencing: number },
): Promise<Origin | null> {
  const [row] = await sql<
    { kind: Origin['kind']; toVersion: number; fencing: number; runIsUndone: boolean }[]
  >`
    with recursive behind as (
      select h.* from alias_history h where h.tenant_id = ${tenant} and h.model = ${model} and h.fencing = ${fencing}
      union all
      select h.* from behind b cross join lateral (
        select * from alias_history before
        where before.tenant_id = b.tenant_id and before.model = b.model and before.fencing < b.undoes
        order by before.fencing desc limit 1
      ) h where b.kind = 'withdraw'
    )
    select b.kind, b.to_version, b.fencing, r.undo_since is not null as run_is_undone
    from behind b left join runs r on r.tenant_id = b.tenant_id and r.id = b.run_id where b.kind <> 'withdraw'`;
  return row
    ? { kind: row.kind, version: row.toVersion, fencing: row.fencing, runIsUndone: row.runIsUndone }
    : null;
}
