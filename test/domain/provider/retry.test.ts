import type { FailureType } from '../../../domain/failure';
import { mayFailOver, retryDelayMs } from '../../../domain/provider/retry';

describe('retries of provider requests', () => {
  const delay = (
    type: FailureType,
    failed: number,
    settings: { readonly retryAfterMs?: number; readonly random?: number } = {},
  ) =>
    retryDelayMs({
      failure: { type, retryAfterMs: settings.retryAfterMs },
      failed,
      patienceMs: 120_000,
      random: settings.random ?? 1,
    });

  test.each([
    ['ProviderRateLimited', 8],
    ['ProviderUnavailable', 5],
    ['AnswerLost', 3],
    ['ProviderTimeout', 2],
    ['ProviderRefused', 1],
    ['ModelNotFound', 1],
    ['ContextOverflow', 1],
    ['AnswerInvalid', 1],
    ['BudgetSpent', 1],
    ['DatabaseUnavailable', 1],
  ] as const)('%s is tried %d times in total', (type, attempts) => {
    expect(delay(type, attempts)).toBeNull();
    if (attempts > 1) expect(delay(type, attempts - 1)).not.toBeNull();
  });

  test('back off exponentially with jitter, up to a limit', () => {
    expect([1, 2, 3, 4].map((failed) => delay('ProviderUnavailable', failed))).toEqual([
      500, 1000, 2000, 4000,
    ]);
    expect(delay('ProviderRateLimited', 7)).toBe(60_000);
    expect(delay('ProviderUnavailable', 3, { random: 0.25 })).toBe(500);
  });

  test('wait at least as long as the provider asks, and end if that is too long', () => {
    expect(delay('ProviderRateLimited', 1, { retryAfterMs: 10_000, random: 0 })).toBe(10_000);
    expect(delay('ProviderRateLimited', 1, { retryAfterMs: 10_000, random: 0.5 })).toBe(10_500);
    expect(delay('ProviderRateLimited', 1, { retryAfterMs: 3_600_000 })).toBeNull();
  });

  test('fail over to a standby after an outage, but not after a configuration error', () => {
    expect(
      ['ProviderRateLimited', 'ProviderUnavailable', 'AnswerLost', 'ProviderTimeout'].every(
        (type) => mayFailOver(type as FailureType),
      ),
    ).toBe(true);
    expect(
      ['ProviderRefused', 'ModelNotFound', 'ContextOverflow', 'BudgetSpent'].some((type) =>
        mayFailOver(type as FailureType),
      ),
    ).toBe(false);
  });
});
