import { createHash } from 'node:crypto';

/**
 * Assign an entity to an arm: a hash of salt and entity gives a point in [0, 1), which the weights
 * divide in the order of the arms. An entity gets the same arm in every gateway and after a
 * restart, as long as the weights do not change.
 */
export function assignArm<A extends { readonly weight: number }>(
  arms: readonly A[],
  salt: string,
  entity: string,
): A | null {
  const total = arms.reduce((sum, arm) => sum + arm.weight, 0);
  if (total <= 0) return null;
  let point = unitInterval(`${salt}\u0000${entity}`) * total;
  for (const arm of arms) {
    if (arm.weight > 0 && point < arm.weight) return arm;
    point -= arm.weight;
  }
  // Rounding may leave a point after the last arm.
  return arms.findLast((arm) => arm.weight > 0) ?? null;
}

/**
 * A signed 64-bit hash of rollout and entity, as decimal text. Requests of one entity have the same
 * in one rollout only, so it does not identify a caller across rollouts.
 */
export function assignmentUnit(salt: string, entity: string): string {
  const digest = createHash('sha256').update(`unit\u0000${salt}\u0000${entity}`).digest();
  return digest.readBigInt64BE(0).toString();
}

function unitInterval(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6) / 2 ** 48;
}
