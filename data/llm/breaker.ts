import { BrokenCircuitError, circuitBreaker, CountBreaker, DelegateBackoff, handleWhen } from 'cockatiel';
import { failure, isPerennialError, type FailureType } from '../../domain/failure';

export interface Breaker {
  /** Throws ProviderUnavailable, with the time to come again, while the provider is left alone. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** What says that the provider is ill; a limit that was reached says that it is well. */
const symptoms: readonly FailureType[] = ['ProviderUnavailable', 'ProviderTimeout', 'AnswerLost'];

const firstPauseMs = 1000;
const mostPauseMs = 60_000;

/**
 * Leaves a provider alone once half of the last 20 requests failed, at least five: asking on would make every caller wait for a timeout, and the provider
 * slower to recover. After a pause one request tries whether it is back; each time that it is not doubles the pause.
 */
export function openBreaker(provider: string): Breaker {
  let openUntilMs = 0;
  const pause = new DelegateBackoff<unknown, number>((_, last = firstPauseMs / 2) => {
    const delay = Math.min(mostPauseMs, last * 2);
    openUntilMs = Date.now() + delay;
    return { delay, state: delay };
  });
  const policy = circuitBreaker(
    handleWhen((error) => isPerennialError(error) && symptoms.includes(error.type)),
    { halfOpenAfter: pause, breaker: new CountBreaker({ threshold: 0.5, size: 20, minimumNumberOfCalls: 5 }) },
  );
  return {
    async run(work) {
      try {
        return await policy.execute(work);
      } catch (error) {
        if (!(error instanceof BrokenCircuitError)) throw error;
        const retryAfterMs = Math.max(1, openUntilMs - Date.now());
        throw failure(
          'ProviderUnavailable',
          `${provider} is left alone for ${Math.ceil(retryAfterMs / 1000)} s: too many of its last answers failed`,
          {
            cause: error,
            retryAfterMs,
          },
        );
      }
    },
  };
}
