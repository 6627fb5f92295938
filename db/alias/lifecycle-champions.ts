import type { Transaction } from '../connection';
import type { Champions } from '../lifecycle/archive';
import { lockModel, type ModelName, type Register } from '../model/state';
import { moveChampion } from './move';

/** The model of a lifecycle has its name. */
export const lifecycleChampions: Champions = {
  async lock(tx, { tenant, name }) {
    const register = await lockRegister(tx, { tenant, model: name });
    return register?.aliases.champion?.version ?? null;
  },

  async withdraw(tx, { tenant, name, actor, reason }) {
    const register = await lockModel(tx, { tenant, model: name });
    const { champion, previous } = register.aliases;
    await moveChampion(tx, register, {
      kind: 'withdraw',
      tenant,
      model: name,
      actor,
      cause: reason,
      before: { champion: champion?.version ?? null, previous: previous?.version ?? null },
      after: { champion: null, previous: null },
      ...(champion && { undoes: champion.fencing }),
    });
  },
};

/** Null when no run has registered a version yet. */
async function lockRegister(
  tx: Transaction,
  { tenant, model }: ModelName,
): Promise<Register | null> {
  const [row] = await tx`select from models where tenant_id = ${tenant} and name = ${model}`;
  return row === undefined ? null : lockModel(tx, { tenant, model });
}
