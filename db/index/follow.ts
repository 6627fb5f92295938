import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import type { FollowedIndex } from './records';
import { moveIndex } from './aliases';
import { indexOfBundle, type BundleName } from './bundles';
import { lockIndex } from './state';
import type { indexAliasHistory } from './schema';

/**
 * Moves the alias of the index in the rollback of its application, if the application's promotion
 * had moved it. Queries to the index by name then use the version of the new champion. It does not
 * move if another actor moved it since, or if the new champion uses another index. Null for a
 * bundle without retrieval.
 */
export async function followRollback(
  tx: Transaction,
  { tenant, model, version: to }: BundleName,
  { from, actor, cause }: { readonly from: number; readonly actor: string; readonly cause: string },
): Promise<FollowedIndex | null> {
  const gone = await indexOfBundle(tx, { tenant, model, version: from });
  if (!gone) return null;
  const { index } = gone;
  const locked = await lockIndex(tx, { tenant, index });
  const { champion } = locked.aliases;
  const stays = (why: string): FollowedIndex => ({
    kind: 'stays',
    index,
    at: champion?.version ?? null,
    why,
  });
  const named = await indexOfBundle(tx, { tenant, model, version: to });
  if (named?.index !== index) return stays(`${model}@${to} does not use ${index}`);
  if (champion?.version === named.version) return stays(`${model}@${to} uses this version`);
  const [last] = await tx<Columns<typeof indexAliasHistory, 'model'>[]>`
    select model from index_alias_history where tenant_id = ${tenant} and index = ${index} and fencing = ${champion?.fencing ?? 0}`;
  if (champion?.version !== gone.version || last?.model !== model)
    return stays(`${model} did not move it there; move it with perennial index rollback ${index}`);
  const bundle = { model, version: to };
  await moveIndex(tx, locked, {
    tenant,
    index,
    kind: 'rollback',
    to: named.version,
    bundle,
    actor,
    cause,
  });
  return { kind: 'moved', index, from: gone.version, to: named.version };
}
