import type { RolloutId, RunId, Tenant } from '../../domain/ids';
import type { AliasName } from '../../domain/model/model';
import type { PromotionOverride } from '../../domain/promotion/promotion';
import type { Page, PageRequest } from '../page';
import { failure } from '../../domain/failure';
import type { Database } from '../connection';
import { versionBefore } from '../../domain/model/rollback-path';
import { runIdempotently } from '../idempotency/idempotency';
import { afterKey, rowsToAsk, toPage } from '../page';
import { lockIndexes, requireReadyIndex } from '../index/bundles';
import { followRollback } from '../index/follow';
import { lockOpenRollout } from '../rollout/state';
import { guardRun, lockRun } from '../run/guard';
import type { aliasHistory } from './schema';
import { lockModel, lockStatus, readAliases, readStatus } from '../model/state';
import { listMoves, promotionBy } from './history';
import { authorizeManualPromotion } from './manual-promotion';
import { moveChampion } from './move';
import { withdrawPromotion } from './withdraw';
import type { AliasMoveKind, ManualPromotion, Promotion, Withdrawal } from './records';
import type { FollowedIndex } from '../index/records';
import type { AliasState } from '../alias-register';

export interface AliasMove {
  readonly id: string;
  readonly kind: AliasMoveKind;
  readonly alias: 'champion';
  readonly from: number | null;
  readonly to: number | null;
  readonly fencing: number;
  readonly actor: string;
  readonly cause: string;
  readonly runId: RunId | null;
  readonly decisionId: string | null;
  /** Set for a promotion by a person that did not meet all requirements. */
  readonly override: PromotionOverride | null;
  readonly movedAt: string;
}

export interface RolledBack {
  readonly from: number | null;
  readonly to: number;
  readonly fencing: number;
  /** Null for a version without an index. */
  readonly index: FollowedIndex | null;
}

export interface ExpectedChampion {
  readonly version: number | null;
  /** Ignored when `version` is null. */
  readonly fencing: number;
}

/**
 * The alias register (I2). Each move is one transaction under the row lock of the model. It
 * compares and swaps the champion, and writes previous, history, lineage, audit row, outbox entry,
 * the end of the open rollout and the routing epoch.
 * A repeated key returns the first answer; with other arguments it is an IdempotencyConflict. A
 * conflict is not stored under its key. A run that ended or is being undone cannot promote
 * (FencedOff). A promotion by a person needs everything that the revision requires, or an override.
 */
export interface AliasRepository {
  get(input: {
    readonly tenant: Tenant;
    readonly model: string;
  }): Promise<Readonly<Record<AliasName, AliasState | null>>>;
  promote(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
    readonly expectedChampion: ExpectedChampion;
    readonly decisionId: string | null;
    readonly runId: RunId | null;
    /** The rollout that must have passed. */
    readonly rollout?: RolloutId | null | undefined;
    /** Null for a run, whose workflow has checked all requirements. */
    readonly byHand?: ManualPromotion | null | undefined;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<Promotion>;
  /**
   * Rolls back to `to`, or to `previous`. `to` must be a former champion that was not withdrawn.
   * `previous` follows the rule of `domain/model/rollback-path.ts`, so a second rollback goes
   * further back and never forward to the bad version. The alias of its index follows. Conflict
   * when there is no such version, its index is not ready, or the champion has another fencing
   * token than `expectedFencing`.
   */
  rollback(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly to?: number | undefined;
    readonly expectedFencing?: number | undefined;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<RolledBack>;
  /** The last promotion of the run, even if the champion moved since; null without one. */
  promotionBy(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly runId: RunId;
  }): Promise<{ readonly version: number; readonly fencing: number } | null>;
  /**
   * Undoes a promotion while the champion still comes from it; promotions that were withdrawn do
   * not count. The version becomes `withdrawn`, unless it was a champion before. Earlier promotions
   * of runs that are being undone are withdrawn too; the answer is that of the last one.
   */
  withdraw(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
    readonly fencing: number;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<Withdrawal>;
  /**
   * Moves of the champion, newest first. With `at`, moves up to that time, so the first one names
   * the champion of that time.
   */
  history(
    input: {
      readonly tenant: Tenant;
      readonly model: string;
      readonly at?: string | undefined;
    } & PageRequest,
  ): Promise<Page<AliasMove>>;
}

export function createAliasRepository({ sql }: Database): AliasRepository {
  return {
    get: ({ tenant, model }) => readAliases(sql, { tenant, model }),

    promote: ({ idempotencyKey: key, tenant, rollout, ...request }) =>
      sql.begin((tx) =>
        runIdempotently<Promotion>(
          tx,
          { tenant, operation: 'alias.promote', key, request },
          async () => {
            const { model, version, expectedChampion, runId, byHand, actor, cause } = request;
            const register = await lockModel(tx, { tenant, model });
            const open = await lockOpenRollout(tx, { tenant, model });
            if (rollout != null && (open?.id !== rollout || open.status !== 'passed'))
              return { kind: 'rolloutClosed' };
            if (runId !== null) {
              await lockRun(tx, { tenant, runId });
              await guardRun(tx, { tenant, runId });
            }
            const status = await lockStatus(tx, { tenant, model, version });
            if (status === 'withdrawn' || (status === 'rejected' && byHand == null))
              throw failure('Conflict', `${model}@${version} was ${status} and cannot be promoted`);
            const { champion, previous } = register.aliases;
            if (champion?.version === version)
              return { kind: 'unchanged', fencing: champion.fencing };
            if (!isAsExpected(champion, expectedChampion)) return { kind: 'conflict', champion };
            const allowed =
              byHand == null
                ? null
                : await authorizeManualPromotion(
                    tx,
                    { tenant, model, version, status, champion },
                    byHand,
                  );
            if (allowed?.kind === 'unmet') return allowed;
            await lockIndexes(tx, { tenant, model }, [version]);
            await requireReadyIndex(tx, { tenant, model, version });
            const before = {
              champion: champion?.version ?? null,
              previous: previous?.version ?? null,
            };
            const after = { champion: version, previous: before.champion };
            const move = {
              kind: 'promote',
              tenant,
              model,
              before,
              after,
              actor,
              cause,
              runId,
              decisionId: allowed?.decisionId ?? request.decisionId,
              override: allowed?.override ?? null,
              status: { before: status, after: 'promoted' },
            } as const;
            return {
              kind: 'promoted',
              previous: before.champion,
              fencing: await moveChampion(tx, register, move),
            };
          },
          ({ kind }) => kind === 'promoted' || kind === 'unchanged',
        ),
      ),

    rollback: ({ idempotencyKey: key, tenant, ...request }) =>
      sql.begin((tx) =>
        runIdempotently<RolledBack>(
          tx,
          { tenant, operation: 'alias.rollback', key, request },
          async () => {
            const { model, to, expectedFencing, actor, cause } = request;
            const register = await lockModel(tx, { tenant, model });
            if (
              expectedFencing !== undefined &&
              register.aliases.champion?.fencing !== expectedFencing
            )
              throw failure('Conflict', `the champion of ${model} has moved`);
            const from = register.aliases.champion?.version ?? null;
            const previous = register.aliases.previous?.version ?? null;
            const moves = await listMoves(tx, { tenant, model });
            const target = to ?? versionBefore(moves);
            if (target === null)
              throw failure('Conflict', noRollbackTarget(model, from), {
                next: `perennial model history ${model}`,
              });
            if (target === from)
              throw failure('Conflict', `${model}@${target} is already the champion`);
            if ((await readStatus(tx, { tenant, model, version: target })) !== 'promoted') {
              throw failure(
                'Conflict',
                `${model}@${target} was never a champion, or was withdrawn: choose a former champion or promote it`,
              );
            }
            await lockIndexes(tx, { tenant, model }, [target, from ?? target]);
            await requireReadyIndex(tx, { tenant, model, version: target });
            const after = {
              champion: target,
              previous: versionBefore([...moves, { kind: 'back', to: target }]),
            };
            const fencing = await moveChampion(tx, register, {
              kind: 'rollback',
              tenant,
              model,
              before: { champion: from, previous },
              after,
              actor,
              cause,
            });
            const moved = {
              from: from ?? target,
              actor,
              cause: `${model}@${target} is the champion again: ${cause}`,
            };
            return {
              from,
              to: target,
              fencing,
              index: await followRollback(tx, { tenant, model, version: target }, moved),
            };
          },
        ),
      ),

    promotionBy: (input) => promotionBy(sql, input),

    withdraw: ({ idempotencyKey: key, tenant, ...request }) =>
      sql.begin((tx) =>
        runIdempotently<Withdrawal>(tx, { tenant, operation: 'alias.withdraw', key, request }, () =>
          withdrawPromotion(tx, { tenant, ...request }),
        ),
      ),

    async history({ tenant, model, at, ...page }) {
      const after = afterKey(page);
      const rows = await sql<(typeof aliasHistory.$inferSelect)[]>`
        select * from alias_history where tenant_id = ${tenant} and model = ${model}
          and ${at === undefined ? sql`true` : sql`date_trunc('milliseconds', moved_at) <= ${at}`}
          and ${after === null ? sql`true` : sql`fencing < ${Number(after)}`}
        order by fencing desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => String(row.fencing), toMove);
    },
  };
}

/** Without a champion no fencing token can be stale. */
function isAsExpected(champion: AliasState | null, expected: ExpectedChampion): boolean {
  if (champion === null || expected.version === null)
    return champion === null && expected.version === null;
  return champion.version === expected.version && champion.fencing === expected.fencing;
}

function noRollbackTarget(model: string, champion: number | null): string {
  return champion === null
    ? `${model} has no champion and no former champion to roll back to`
    : `there is no version to roll back to: ${model}@${champion} replaced no other version`;
}

function toMove(row: typeof aliasHistory.$inferSelect): AliasMove {
  const {
    id,
    kind,
    fromVersion: from,
    toVersion: to,
    fencing,
    actor,
    cause,
    runId,
    decisionId,
    override,
    movedAt,
  } = row;
  return {
    id,
    kind,
    alias: 'champion',
    from,
    to,
    fencing,
    actor,
    cause,
    runId,
    decisionId,
    override,
    movedAt,
  };
}
