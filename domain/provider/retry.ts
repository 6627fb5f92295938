import type { FailureType } from '../failure';

interface RetryRule {
  /** Requests in total, including the first. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * Other failure types are not retried: the request would fail again, or was paid. A lost answer may
 * be paid twice and a slow request is likely slow again, so these have fewer attempts.
 */
const rules: Partial<Record<FailureType, RetryRule>> = {
  ProviderRateLimited: { attempts: 8, firstDelayMs: 1000, maxDelayMs: 60_000 },
  ProviderUnavailable: { attempts: 5, firstDelayMs: 500, maxDelayMs: 20_000 },
  AnswerLost: { attempts: 3, firstDelayMs: 500, maxDelayMs: 5000 },
  ProviderTimeout: { attempts: 2, firstDelayMs: 0, maxDelayMs: 0 },
};

export interface FailedAttempt {
  readonly failure: { readonly type: FailureType; readonly retryAfterMs?: number | undefined };
  /** Attempts at this provider with the same failure type, including this one. */
  readonly failed: number;
  /** Longest wait; a provider that asks for more is not retried. */
  readonly patienceMs: number;
  /** Random number in [0, 1). */
  readonly random: number;
}

/**
 * Milliseconds before the next attempt; null to give up. Exponential backoff with full jitter
 * (Brooker 2015), so that callers that failed together do not retry together. At least the wait
 * that the provider asks for, plus up to a tenth.
 */
export function retryDelayMs({
  failure,
  failed,
  patienceMs,
  random,
}: FailedAttempt): number | null {
  const rule = rules[failure.type];
  if (rule === undefined || failed >= rule.attempts) return null;
  const backoff = random * Math.min(rule.maxDelayMs, rule.firstDelayMs * 2 ** (failed - 1));
  const asked = failure.retryAfterMs ?? 0;
  const delay = Math.max(backoff, asked * (1 + random / 10));
  return delay > patienceMs ? null : delay;
}

/**
 * Whether a standby may answer after this failure. A wrong key or model name is excluded, because
 * answers of another model must not hide a configuration error.
 */
export function mayFailOver(type: FailureType): boolean {
  return rules[type] !== undefined;
}
