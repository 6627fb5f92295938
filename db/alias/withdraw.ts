import type { Transaction } from '../connection';
import type { Withdrawal } from './records';
import { promotionAt } from './history';
import { moveChampion } from './move';
import { findOrigin } from './origin';
import { lockModel, type ModelName } from '../model/state';

export interface WithdrawalRequest extends ModelName {
  readonly version: number;
  /** The fencing token of the promotion. */
  readonly fencing: number;
  readonly actor: string;
  readonly cause: string;
}

/**
 * Restores the state before the promotion, if the champion still comes from it. If that state's
 * champion belongs to a run that is being undone, its promotion is withdrawn in the same
 * transaction. That run cannot do it itself, because another version was champion when it tried.
 */
export async function withdrawPromotion(
  tx: Transaction,
  request: WithdrawalRequest,
): Promise<Withdrawal> {
  const { tenant, model, version, fencing, actor, cause } = request;
  const register = await lockModel(tx, { tenant, model });
  const { champion, previous } = register.aliases;
  const origin = champion && (await findOrigin(tx, { tenant, model, fencing: champion.fencing }));
  const promotion = await promotionAt(tx, { tenant, model, version, fencing });
  if (!promotion || origin?.fencing !== fencing) return { kind: 'superseded', champion };
  const moved = await moveChampion(tx, register, {
    kind: 'withdraw',
    tenant,
    model,
    before: { champion: version, previous: previous?.version ?? null },
    after: { champion: promotion.fromVersion, previous: promotion.previousBefore },
    status: {
      before: 'promoted',
      after: promotion.statusBefore === 'promoted' ? 'promoted' : 'withdrawn',
    },
    undoes: fencing,
    actor,
    cause,
  });
  const behind = await findOrigin(tx, { tenant, model, fencing: moved });
  if (behind?.kind === 'promote' && behind.runIsUndone) {
    return withdrawPromotion(tx, { ...request, version: behind.version, fencing: behind.fencing });
  }
  return { kind: 'withdrawn', champion: promotion.fromVersion, fencing: moved };
}
