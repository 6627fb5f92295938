import { canaryAtAttempt } from '../../../domain/rollout/judging/attempts';
import type { CanarySpec } from '../../../domain/lifecycle/lifecycle';

/**
 * Whether one of so many canaries of the same two versions promotes, each with the share of alpha
 * that the platform gives it.
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
