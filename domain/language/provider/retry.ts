import type { FailureType } from '../../failure';

interface RetryRule {
  /** Requests in all. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly mostDelayMs: number;
}

/**
 * By what went wrong. What is not here is never asked again: the same question would fail the same
 * way, or has been paid. A lost answer may be paid twice, and a question that took too long will
 * most likely take as long again, so these get fewer.
 */
const rules: Partial<Record<FailureType, RetryRule>> = {
  ProviderRateLimited: { attempts: 8, firstDelayMs: 1000, mostDelayMs: 60_000 },
  ProviderUnavailable: { attempts: 5, firstDelayMs: 500, mostDelayMs: 20_000 },
  AnswerLost: { attempts: 3, firstDelayMs: 500, mostDelayMs: 5000 },
  ProviderTimeout: { attempts: 2, firstDelayMs: 0, mostDelayMs: 0 },
};

export interface FailedAttempt {
  readonly failure: { readonly type: FailureType; readonly retryAfterMs?: number | undefined };
  /** Attempts at this provider that failed in the same way, this one among them. */
  readonly failed: number;
  /** Whoever asks for a longer wait is not waited for here. */
  readonly patienceMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * How long to wait before the next attempt; null to give up. Exponential with full jitter (Brooker
 * 2015), so that callers that failed together do not come back together; at least what the provider
 * asked for, plus up to a tenth for the same reason.
 */
export function retryDelayMs({
  failure,
  failed,
  patienceMs,
  random,
}: FailedAttempt): number | null {
  const rule = rules[failure.type];
  if (rule === undefined || failed >= rule.attempts) return null;
  const backoff = random * Math.min(rule.mostDelayMs, rule.firstDelayMs * 2 ** (failed - 1));
  const asked = failure.retryAfterMs ?? 0;
  const delay = Math.max(backoff, asked * (1 + random / 10));
  return delay > patienceMs ? null : delay;
}

/**
 * Whether a standby may be asked instead. A wrong key or model name is not among them: another
 * model's answers must not hide a mistake.
 */
export function mayFailOver(type: FailureType): boolean {
  return rules[type] !== undefined;
}
