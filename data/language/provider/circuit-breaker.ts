import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  CountBreaker,
  DelegateBackoff,
  handleWhen,
} from 'cockatiel';
import { failure, isPerennialError, type FailureType } from '../../../domain/failure';

export interface CircuitBreaker {
  /**
   * Run one request. Throws ProviderUnavailable, with `retryAfterMs`, while the breaker is open.
   * Work that calls `unsent`, or whose caller cancelled, counts neither as success nor as failure;
   * if it was the trial request of a half-open breaker, the next request is the trial.
   * With `waits` a request waits for a running trial, which may take the whole timeout. Without it,
   * the request is refused at once.
   */
  run<T>(work: (unsent: () => void) => Promise<T>, waits?: boolean): Promise<T>;
  /** Throw what `run` would throw now, before the caller prepares a request. */
  refuse(): void;
}

/** Whether the error comes from an open breaker. Nothing was sent, so a retry can only wait. */
export function isCircuitOpen(error: Error): boolean {
  return error.cause instanceof BrokenCircuitError;
}

/** The failures that count against the provider. A rate limit shows that the provider works. */
const symptoms: readonly FailureType[] = ['ProviderUnavailable', 'ProviderTimeout', 'AnswerLost'];

const firstPauseMs = 1000;
const maxPauseMs = 60_000;

/**
 * An outcome that shows nothing about the provider. It is thrown through the policy, because the
 * policy does not count errors that it does not handle.
 */
class UncountedOutcome<T> extends Error {
  readonly end: PromiseSettledResult<T>;
  readonly tried: boolean;

  constructor(end: PromiseSettledResult<T>, tried: boolean) {
    super('the outcome does not count for the circuit breaker');
    [this.end, this.tried] = [end, tried];
  }
}

/**
 * A circuit breaker that opens when half of the last 20 requests, and at least five, failed. More
 * requests would make every caller wait for a timeout and delay the recovery. After a pause one
 * trial request is sent; each failed trial doubles the pause, from 1 s up to 60 s.
 */
export function createCircuitBreaker(provider: string): CircuitBreaker {
  let openUntilMs = 0;
  const pause = new DelegateBackoff<{ readonly result: unknown }, number>(
    ({ result }, last = firstPauseMs / 2) => {
      const counts = !(isFailed(result) && result.error instanceof UncountedOutcome);
      const delay = counts ? Math.min(maxPauseMs, last * 2) : 0;
      openUntilMs = Date.now() + delay;
      return { delay, state: counts ? delay : last };
    },
  );
  // A trial without a result must open the circuit again, without a pause. Otherwise the policy
  // would close the circuit.
  const opens = (error: unknown) =>
    error instanceof UncountedOutcome
      ? error.tried
      : isPerennialError(error) && symptoms.includes(error.type);
  const policy = circuitBreaker(handleWhen(opens), {
    halfOpenAfter: pause,
    breaker: new CountBreaker({ threshold: 0.5, size: 20, minimumNumberOfCalls: 5 }),
  });
  return {
    async run<T>(work: (unsent: () => void) => Promise<T>, waits = true) {
      try {
        if (!waits && policy.state === CircuitState.HalfOpen) throw new BrokenCircuitError();
        // The policy starts the trial request before it leaves the open state.
        return await policy.execute(() => runCounted(work, policy.state !== CircuitState.Closed));
      } catch (error) {
        if (error instanceof UncountedOutcome) return unwrap((error as UncountedOutcome<T>).end);
        if (!(error instanceof BrokenCircuitError)) throw error;
        throw circuitOpen(error);
      }
    },
    refuse() {
      if (policy.state === CircuitState.Open && openUntilMs > Date.now())
        throw circuitOpen(new BrokenCircuitError());
    },
  };

  function circuitOpen(cause: BrokenCircuitError): Error {
    const retryAfterMs = Math.max(1, openUntilMs - Date.now());
    const seconds = Math.ceil(retryAfterMs / 1000);
    return failure(
      'ProviderUnavailable',
      `provider ${provider}: circuit breaker open after repeated failures; ` +
        `next attempt in ${seconds} s`,
      { cause, retryAfterMs },
    );
  }
}

async function runCounted<T>(work: (unsent: () => void) => Promise<T>, tries: boolean): Promise<T> {
  const turn = { sent: true };
  const begin = async () => work(() => (turn.sent = false));
  const [end] = await Promise.allSettled([begin()]);
  // Any other error means that the caller cancelled.
  if (!turn.sent || (end.status === 'rejected' && !isPerennialError(end.reason)))
    throw new UncountedOutcome(end, tries);
  return unwrap(end);
}

function unwrap<T>(end: PromiseSettledResult<T>): T {
  if (end.status === 'rejected') throw end.reason;
  return end.value;
}

function isFailed(result: unknown): result is { readonly error: unknown } {
  return typeof result === 'object' && result !== null && 'error' in result;
}
