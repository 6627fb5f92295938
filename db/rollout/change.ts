import type { DecisionId } from '../../domain/ids';
import type { RolloutEnding, RolloutStatus } from '../../domain/rollout/rollout';
import type { Verdict } from '../../domain/verdict';
import type { Transaction } from '../connection';
import { toJson } from '../document';
import { appendAudit } from '../audit/entry';
import { notify } from '../notification/notification';
import { appendEvent } from '../run/event';
import type { RolloutRow } from './state';
import { raiseRoutingEpoch } from '../serving/routing-epoch';
import type { Cause } from './records';

const endings: Readonly<Record<RolloutEnding, string>> = {
  promoted: 'rollout.promoted',
  rolledBack: 'rollout.rolled_back',
  aborted: 'rollout.aborted',
  superseded: 'rollout.superseded',
};

/**
 * Runs under the rollout's row lock. The caller raises the routing epoch last and stores it with
 * `noteEpoch`.
 */
export async function endRollout(
  tx: Transaction,
  row: RolloutRow,
  end: Cause & {
    readonly status: RolloutEnding;
    readonly verdict?: Verdict | null;
    readonly decisionId?: DecisionId | null;
  },
): Promise<void> {
  const { tenantId: tenant, id } = row;
  const { status, actor, cause } = end;
  const verdict = end.verdict ?? row.verdict;
  const decisionId = end.decisionId ?? row.decisionId;
  await tx`
    update rollouts set status = ${status}, weight = 0, verdict = ${toJson(verdict)}, decision_id = ${decisionId}, waiting_for = null,
      ended_at = clock_timestamp()
    where tenant_id = ${tenant} and id = ${id}`;
  await record(tx, row, {
    action: 'rollout.end',
    event: endings[status],
    actor,
    cause,
    before: rolloutShare(row),
    after: { ...rolloutShare(row), status, weight: 0 },
    data: decisionId === null ? {} : { decisionId },
  });
}

export async function noteEpoch(
  tx: Transaction,
  { tenantId: tenant, id }: Pick<RolloutRow, 'tenantId' | 'id'>,
  epoch: number,
): Promise<void> {
  await tx`update rollouts set epoch = ${epoch} where tenant_id = ${tenant} and id = ${id}`;
}

/** Last in its transaction, because all models share the epoch's row. */
export async function reroute(
  tx: Transaction,
  row: Pick<RolloutRow, 'tenantId' | 'id'>,
): Promise<number> {
  const epoch = await raiseRoutingEpoch(tx);
  await noteEpoch(tx, row, epoch);
  return epoch;
}

/** Adds audit row, run event and webhook deliveries in the transaction of the change (I6). */
export async function record(
  tx: Transaction,
  row: Pick<RolloutRow, 'tenantId' | 'id' | 'model' | 'runId' | 'champion' | 'challenger'>,
  change: Cause & {
    readonly action: string;
    readonly event: string | null;
    readonly before?: RolloutShare | undefined;
    readonly after: RolloutShare;
    readonly data?: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  const { tenantId: tenant, id, model, runId, champion, challenger } = row;
  const { action, event, actor, cause, before, after, data } = change;
  await appendAudit(tx, {
    tenant,
    actor,
    action,
    subject: `model:${model}`,
    cause,
    before: before && { rollout: id, ...before },
    after: { rollout: id, ...after },
  });
  if (event === null) return;
  const told = { rollout: id, model, champion, challenger, ...after, actor, cause, ...data };
  await appendEvent(tx, { tenant, runId, kind: event, stage: 'canary', data: told });
  await notify(tx, { tenant, lifecycle: model, event, subject: model, data: { runId, ...told } });
}

/** The part of a rollout that people change. */
export interface RolloutShare {
  readonly status: RolloutStatus;
  readonly step: number;
  readonly weight: number;
}

export function rolloutShare({ status, step, weight }: RolloutRow): RolloutShare {
  return { status, step, weight };
}
