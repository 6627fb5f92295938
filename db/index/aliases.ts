import { failure } from '../../domain/failure';
import { readAliases } from '../model/state';
import { pointAlias } from '../alias-register';
import type { Columns } from '../columns';
import type { Sql, Transaction } from '../connection';
import { runIdempotently } from '../idempotency/idempotency';
import { newId } from '../ids';
import { versionBefore, type PointerMove } from '../../domain/model/rollback-path';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { BundleRef, IndexAliasRepository, IndexName, IndexPromotion } from './records';
import type { indexAliasHistory, indexVersions } from './schema';
import { appendAudit } from '../audit/entry';
import type { BundleName } from './bundles';
import { type LockedIndex, lockIndex, readIndexAliases } from './state';

export function createIndexAliases(sql: Sql): IndexAliasRepository {
  return {
    aliases: (name) => readIndexAliases(sql, name),

    promote: ({ idempotencyKey: key, tenant, ...request }) =>
      sql.begin((tx) =>
        runIdempotently<IndexPromotion>(
          tx,
          { tenant, operation: 'index.promote', key, request },
          async () => {
            const { index, version, expectedChampion, bundle, actor, cause } = request;
            const locked = await lockIndex(tx, { tenant, index });
            await requireReady(tx, { tenant, index }, version);
            const { champion } = locked.aliases;
            if (champion?.version === version)
              return { kind: 'unchanged', fencing: champion.fencing };
            if (
              (champion?.version ?? null) !== expectedChampion.version ||
              (champion !== null && champion.fencing !== expectedChampion.fencing)
            )
              return { kind: 'conflict', champion };
            if (bundle && !(await isChampion(tx, { tenant, ...bundle })))
              return { kind: 'conflict', champion };
            const fencing = await moveIndex(tx, locked, {
              tenant,
              index,
              kind: 'promote',
              to: version,
              bundle: bundle ?? null,
              actor,
              cause,
            });
            return { kind: 'promoted', previous: champion?.version ?? null, fencing };
          },
          ({ kind }) => kind !== 'conflict',
        ),
      ),

    rollback: ({ idempotencyKey: key, tenant, ...request }) =>
      sql.begin((tx) =>
        runIdempotently(tx, { tenant, operation: 'index.rollback', key, request }, async () => {
          const { index, actor, cause } = request;
          const next = `perennial index show ${index}`;
          const locked = await lockIndex(tx, { tenant, index });
          const { champion } = locked.aliases;
          const to = request.to ?? (await previousAfter(tx, { tenant, index }));
          if (to === null)
            throw failure('Conflict', `${index} has no earlier version to go back to`, { next });
          if (to === champion?.version)
            throw failure('Conflict', `${index}@${to} is already the champion`);
          if (!(await hasAnswered(tx, { tenant, index, version: to })))
            throw failure('Conflict', `${index}@${to} was never the champion`, { next });
          await requireReady(tx, { tenant, index }, to);
          const fencing = await moveIndex(tx, locked, {
            tenant,
            index,
            kind: 'rollback',
            to,
            bundle: null,
            actor,
            cause,
          });
          return { from: champion?.version ?? null, to, fencing };
        }),
      ),

    async history({ tenant, index, ...page }) {
      const after = afterKey(page);
      const rows = await sql<(typeof indexAliasHistory.$inferSelect)[]>`
        select * from index_alias_history where tenant_id = ${tenant} and index = ${index}
          and ${after === null ? sql`true` : sql`fencing < ${Number(after)}`}
        order by fencing desc limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => String(row.fencing),
        ({
          id,
          kind,
          fromVersion: from,
          toVersion: to,
          fencing,
          actor,
          cause,
          model,
          modelVersion,
          movedAt,
        }) => ({
          id,
          kind,
          from,
          to,
          fencing,
          actor,
          cause,
          movedAt,
          bundle: model === null || modelVersion === null ? null : { model, version: modelVersion },
        }),
      );
    },
  };
}

/**
 * Reads the champion under the lock of the index. A rollback of the application takes the same
 * lock, so it either waits for this move and follows it, or is seen here.
 */
async function isChampion(
  tx: Transaction,
  { tenant, model, version }: BundleName,
): Promise<boolean> {
  return (await readAliases(tx, { tenant, model })).champion?.version === version;
}

async function requireReady(
  tx: Transaction,
  { tenant, index }: IndexName,
  version: number,
): Promise<void> {
  const [row] = await tx<Columns<typeof indexVersions, 'state'>[]>`
    select state from index_versions where tenant_id = ${tenant} and index = ${index} and version = ${version}`;
  if (!row) throw failure('NotFound', `there is no ${index}@${version}`);
  if (row.state !== 'ready')
    throw failure('Conflict', `${index}@${version} is ${row.state} and cannot be searched`);
}

interface IndexMove extends IndexName {
  readonly kind: 'promote' | 'rollback';
  readonly to: number;
  /** The bundle whose promotion or rollback this move follows. */
  readonly bundle: BundleRef | null;
  readonly actor: string;
  readonly cause: string;
}

/**
 * Moves the champion. `previous` becomes the target of the next rollback: the replaced version
 * after a promotion, the one before `to` after a rollback.
 */
export async function moveIndex(
  tx: Transaction,
  { fencing: last, aliases }: LockedIndex,
  { tenant, index, kind, to, bundle, actor, cause }: IndexMove,
): Promise<number> {
  const fencing = last + 1;
  const from = aliases.champion?.version ?? null;
  await tx`update indexes set fencing = ${fencing} where tenant_id = ${tenant} and name = ${index}`;
  const owner = { kind: 'index', tenant, name: index } as const;
  await pointAlias(tx, owner, { alias: 'champion', version: to, fencing });
  const previous = await previousAfter(tx, { tenant, index }, [
    { kind: kind === 'promote' ? 'forward' : 'back', to },
  ]);
  await pointAlias(tx, owner, { alias: 'previous', version: previous, fencing });
  await tx`
    insert into index_alias_history (tenant_id, id, index, kind, from_version, to_version, fencing, actor, cause, model, model_version)
    values (${tenant}, ${newId('mov')}, ${index}, ${kind}, ${from}, ${to}, ${fencing}, ${actor}, ${cause}, ${bundle?.model ?? null}, ${bundle?.version ?? null})`;
  const [before, after] = [{ champion: from }, { champion: to, fencing }];
  await appendAudit(tx, {
    tenant,
    actor,
    action: `index.${kind}`,
    subject: `index:${index}`,
    cause,
    before,
    after,
  });
  return fencing;
}

async function hasAnswered(
  tx: Transaction,
  { tenant, index, version }: IndexName & { readonly version: number },
): Promise<boolean> {
  const [row] =
    await tx`select from index_alias_history where tenant_id = ${tenant} and index = ${index} and to_version = ${version} limit 1`;
  return row !== undefined;
}

/**
 * The target of a rollback after all moves and `next`. Skips retired versions, whose tables are
 * deleted.
 */
async function previousAfter(
  tx: Transaction,
  { tenant, index }: IndexName,
  next: readonly PointerMove[] = [],
): Promise<number | null> {
  const rows = await tx<
    (Columns<typeof indexAliasHistory, 'kind' | 'toVersion'> &
      Columns<typeof indexVersions, 'state'>)[]
  >`
    select h.kind, h.to_version, v.state from index_alias_history h
    join index_versions v on v.tenant_id = h.tenant_id and v.index = h.index and v.version = h.to_version
    where h.tenant_id = ${tenant} and h.index = ${index} order by h.fencing`;
  const moves = rows.map(({ kind, toVersion: to }): PointerMove => ({
    kind: kind === 'promote' ? 'forward' : 'back',
    to,
  }));
  const ready = new Set(
    rows.filter(({ state }) => state === 'ready').map(({ toVersion }) => toVersion),
  );
  return versionBefore([...moves, ...next], (version) => ready.has(version));
}
