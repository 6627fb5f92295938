import { createHash } from 'node:crypto';

/**
 * Which arm serves an entity: a hash of salt and entity gives a point in [0, 1), the arms' weights
 * divide that line in their order. The same entity gets the same arm in every gateway and after a
 * restart, as long as the weights stay.
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
  // Rounding may leave a point at the very end.
  return arms.findLast((arm) => arm.weight > 0) ?? null;
}

function unitInterval(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6) / 2 ** 48;
}
