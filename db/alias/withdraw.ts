import type { Transaction } from '../connection';
import type { Withdrawal } from './repository';
import { promotionAt } from './history';
import { moveChampion } from './move';
import { originOf } from './origin';
import { lockModel, type ModelName } from './state';

export interface WithdrawalRequest extends ModelName {
  readonly version: number;
  /** Of the promotion. */
  readonly fencing: number;
  readonly actor: string;
  readonly cause: string;
}

/**
 * Puts back what was there before the promotion, if the champion still comes from it: at once, or
 * because everything promoted over it was withdrawn. A champion that would so come back while its
 * own run takes back what it did goes as well, in the same transaction: that run has asked already,
 * or will, and was told that another stood in its place.
 */
export async function withdrawPromotion(
  tx: Transaction,
  request: WithdrawalRequest,
): Promise<Withdrawal> {
  const { tenant, model, version, fencing, actor, cause } = request;
  const register = await lockModel(tx, { tenant, model });
  const { champion, previous } = register.aliases;
  const origin = champion && (await originOf(tx, { tenant, model, fencing: champion.fencing }));
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
  const behind = await originOf(tx, { tenant, model, fencing: moved });
  if (behind?.kind === 'promote' && behind.runIsUndone) {
    return withdrawPromotion(tx, { ...request, version: behind.version, fencing: behind.fencing });
  }
  return { kind: 'withdrawn', champion: promotion.fromVersion, fencing: moved };
}
