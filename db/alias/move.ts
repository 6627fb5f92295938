import type { RunId } from '../../domain/ids';
import type { ModelVersionStatus } from '../../domain/model/model';
import type { PromotionOverride } from '../../domain/promotion/promotion';
import { pointAlias } from '../alias-register';
import type { Transaction } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import type { AliasMoveKind } from './records';
import { endRollout, noteEpoch } from '../rollout/change';
import { lockOpenRollout, type RolloutRow } from '../rollout/state';
import { raiseRoutingEpoch } from '../serving/routing-epoch';
import { appendAudit } from '../audit/entry';
import { appendDeployment } from '../serving/deployment';
import { notify } from '../notification/notification';
import { enqueueOutbox } from '../notification/outbox-entry';
import type { ModelName, Register } from '../model/state';

export interface Move extends ModelName {
  readonly kind: AliasMoveKind;
  readonly before: ServedAliases;
  readonly after: ServedAliases;
  /** The status of the version that is promoted or withdrawn; a rollback changes none. */
  readonly status?: { readonly before: ModelVersionStatus; readonly after: ModelVersionStatus };
  readonly undoes?: number;
  readonly actor: string;
  readonly cause: string;
  readonly runId?: RunId | null;
  readonly decisionId?: string | null;
  /** Set for a promotion by a person that did not meet all requirements. */
  readonly override?: PromotionOverride | null;
}

interface ServedAliases {
  readonly champion: number | null;
  readonly previous: number | null;
}

/**
 * Performs a complete move under the row lock of the model (I2) and returns its fencing token. The
 * time is read under the lock, because the transaction may have started before the previous move.
 */
export async function moveChampion(
  tx: Transaction,
  register: Register,
  move: Move,
): Promise<number> {
  const { tenant, model, kind, before, after, actor, cause, override = null } = move;
  const fencing = register.fencing + 1;
  // Lock first, so that the audit log has the changes of a model in their order.
  const open = before.champion === after.champion ? null : await lockOpenRollout(tx, move);
  const [clock] = await tx<{ movedAt: string }[]>`
    update models set fencing = ${fencing} where tenant_id = ${tenant} and name = ${model} returning clock_timestamp()::text as moved_at`;
  const movedAt = clock?.movedAt ?? 'now';
  const owner = { kind: 'model', tenant, name: model } as const;
  await pointAlias(tx, owner, { alias: 'champion', version: after.champion, fencing, movedAt });
  if (before.previous !== after.previous)
    await pointAlias(tx, owner, { alias: 'previous', version: after.previous, fencing, movedAt });
  await changeStatus(tx, move);
  await tx`
    insert into alias_history (tenant_id, id, model, kind, from_version, to_version, fencing, previous_before, previous_after, status_before, undoes,
      actor, cause, run_id, decision_id, override, moved_at)
    values (${tenant}, ${newId('mov')}, ${model}, ${kind}, ${before.champion}, ${after.champion}, ${fencing}, ${before.previous}, ${after.previous},
      ${move.status?.before ?? null}, ${move.undoes ?? null}, ${actor}, ${cause}, ${move.runId ?? null}, ${move.decisionId ?? null}, ${toJson(override)}, ${movedAt})`;
  if (after.champion !== null)
    await appendDeployment(tx, {
      tenant,
      model,
      version: after.champion,
      fencing,
      runId: move.runId ?? null,
    });
  await appendAudit(tx, {
    tenant,
    actor,
    action: `alias.${kind}`,
    subject: `model:${model}`,
    cause,
    before,
    after: { ...after, fencing },
  });
  if (override !== null) {
    await appendAudit(tx, {
      tenant,
      actor,
      action: 'alias.override',
      subject: `model:${model}`,
      cause: override.reason,
      after: { ...after, ...override },
    });
  }
  await enqueueOutbox(tx, {
    tenant,
    topic: 'alias.moved',
    payload: { model, kind, from: before.champion, to: after.champion, fencing },
  });
  if (kind !== 'withdraw') {
    const event = kind === 'promote' ? 'model.promoted' : 'model.rolled_back';
    const data = {
      model,
      from: before.champion,
      to: after.champion,
      actor,
      cause,
      runId: move.runId ?? null,
    };
    await notify(tx, { tenant, lifecycle: model, event, subject: model, data });
    if (override !== null) {
      await notify(tx, {
        tenant,
        lifecycle: model,
        event: 'model.promotion_overridden',
        subject: model,
        data: { ...data, ...override },
      });
    }
  }
  if (open) await supersede(tx, open, move);
  const epoch = await raiseRoutingEpoch(tx);
  if (open) await noteEpoch(tx, open, epoch);
  return fencing;
}

/** Ends a rollout: a comparison with the old champion does not apply to a new one. */
async function supersede(
  tx: Transaction,
  open: RolloutRow,
  { kind, after, actor, cause }: Move,
): Promise<void> {
  const status =
    kind === 'promote' && after.champion === (open.winner ?? open.challenger)
      ? 'promoted'
      : 'superseded';
  await endRollout(tx, open, { status, actor, cause });
}

async function changeStatus(
  tx: Transaction,
  { tenant, model, kind, before, after, status }: Move,
): Promise<void> {
  const version = kind === 'withdraw' ? before.champion : after.champion;
  if (status === undefined || status.before === status.after || version === null) return;
  await tx`
    update model_versions set status = ${status.after}, updated_at = now()
    where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
}
