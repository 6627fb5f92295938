import type { RunId } from '../../domain/ids';
import type { Query } from '../connection';
import type { aliasHistory } from '../schema/aliases';
import type { ModelName } from './state';

type MoveRow = typeof aliasHistory.$inferSelect;

/** The champion that this version replaced when it was last promoted, undone promotions aside. */
export async function predecessorOf(
  sql: Query,
  { tenant, model, version }: ModelName & { readonly version: number },
): Promise<number | null> {
  const [row] = await sql<{ previousAfter: number | null }[]>`
    select previous_after from alias_history p where tenant_id = ${tenant} and model = ${model} and to_version = ${version} and kind = 'promote'
      and not exists (select from alias_history w where w.tenant_id = p.tenant_id and w.model = p.model and w.undoes = p.fencing)
    order by fencing desc limit 1`;
  return row?.previousAfter ?? null;
}

/** Whatever moved since. */
export async function promotionBy(
  sql: Query,
  { tenant, model, runId }: ModelName & { readonly runId: RunId },
): Promise<{ readonly version: number; readonly fencing: number } | null> {
  const [row] = await sql<{ version: number; fencing: number }[]>`
    select to_version as version, fencing from alias_history
    where tenant_id = ${tenant} and model = ${model} and run_id = ${runId} and kind = 'promote' order by fencing desc limit 1`;
  return row ?? null;
}

export async function promotionAt(
  sql: Query,
  { tenant, model, version, fencing }: ModelName & { readonly version: number; readonly fencing: number },
): Promise<MoveRow | null> {
  const [row] = await sql<MoveRow[]>`
    select * from alias_history
    where tenant_id = ${tenant} and model = ${model} and fencing = ${fencing} and to_version = ${version} and kind = 'promote'`;
  return row ?? null;
}
