import { moveText } from '../../domain/rollout/judging/bandit/bandit-reasons';
import type { ShareMove } from '../../domain/rollout/judging/evidence';
import type { Transaction } from '../connection';
import { record, reroute, rolloutShare } from './change';
import type { RolloutRow } from './state';

/**
 * Changes the traffic as the evidence of a bandit has moved its share. Runs last in the transaction
 * that stores this evidence, so that a move is made once, whenever a worker dies.
 */
export async function moveShare(
  tx: Transaction,
  row: RolloutRow,
  move: ShareMove,
): Promise<Pick<RolloutRow, 'weight' | 'epoch'>> {
  const { tenantId: tenant, id } = row;
  const { to: weight, probability, days, difference } = move;
  await tx`update rollouts set weight = ${weight} where tenant_id = ${tenant} and id = ${id}`;
  await record(tx, row, {
    action: 'rollout.move_share',
    event: 'rollout.share_moved',
    actor: 'perennial',
    cause: moveText(move),
    before: rolloutShare(row),
    after: { ...rolloutShare(row), weight },
    data: { probability, days, difference },
  });
  return { weight, epoch: await reroute(tx, row) };
}
