import { canaryAtAttempt } from '../../../domain/rollout/judging/attempts';
import type { CanarySpec } from '../../../domain/rollout/canary';

/**
 * Whether one of this many canaries of the same two versions promotes, each with its share of
 * alpha.
 */
export function promotesWithin(
  attempts: number,
  canary: CanarySpec,
  promotes: (canary: CanarySpec, attempt: number) => boolean,
): boolean {
  return Array.from({ length: attempts }, (_, before) => before + 1).some((attempt) =>
    promotes(canaryAtAttempt(canary, attempt), attempt),
  );
}
