import type { RunId } from '../../domain/ids';
import type { PointerMove } from '../../domain/model/rollback-path';
import type { Query } from '../connection';
import type { aliasHistory } from './schema';
import type { ModelName } from '../model/state';

type AliasMoveRow = typeof aliasHistory.$inferSelect;

/**
 * All moves of the champion, oldest first. A withdrawal undoes the promotion of the current
 * champion.
 */
export async function listMoves(
  sql: Query,
  { tenant, model }: ModelName,
): Promise<readonly PointerMove[]> {
  const rows = await sql<Pick<AliasMoveRow, 'kind' | 'toVersion'>[]>`
    select kind, to_version from alias_history where tenant_id = ${tenant} and model = ${model} order by fencing`;
  return rows.map(({ kind, toVersion: to }) => {
    if (to === null || kind === 'withdraw') return { kind: 'undo' };
    return { kind: kind === 'promote' ? 'forward' : 'back', to };
  });
}

/** The last promotion of a run, even if the champion moved since. */
export async function promotionBy(
  sql: Query,
  { tenant, model, runId }: ModelName & { readonly runId: RunId },
): Promise<{ readonly version: number; readonly fencing: number } | null> {
  const [row] = await sql<Pick<AliasMoveRow, 'toVersion' | 'fencing'>[]>`
    select to_version, fencing from alias_history
    where tenant_id = ${tenant} and model = ${model} and run_id = ${runId} and kind = 'promote' order by fencing desc limit 1`;
  return row?.toVersion == null ? null : { version: row.toVersion, fencing: row.fencing };
}

export async function promotionAt(
  sql: Query,
  {
    tenant,
    model,
    version,
    fencing,
  }: ModelName & { readonly version: number; readonly fencing: number },
): Promise<AliasMoveRow | null> {
  const [row] = await sql<AliasMoveRow[]>`
    select * from alias_history
    where tenant_id = ${tenant} and model = ${model} and fencing = ${fencing} and to_version = ${version} and kind = 'promote'`;
  return row ?? null;
}
