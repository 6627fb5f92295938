import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  CountBreaker,
  DelegateBackoff,
  handleWhen,
} from 'cockatiel';
import { failure, isPerennialError, type FailureType } from '../../../domain/failure';

export interface Breaker {
  /**
   * Throws ProviderUnavailable, with the time to come again, while the provider is left alone. Work
   * that says `unsent`, and work whose caller went away, is neither a success nor a failure of the
   * provider's: if it was the one that tries whether it is back, the next one tries. `waits`:
   * whether it waits for what comes of another's try, which takes as long as a provider that hangs;
   * otherwise the provider is left alone meanwhile.
   */
  run<T>(work: (unsent: () => void) => Promise<T>, waits?: boolean): Promise<T>;
  /** Throws what `run` would while the provider is left alone: for who would prepare in vain. */
  refuse(): void;
}

/**
 * Nothing was sent: of a provider that is left alone, waiting is all that asking again would be.
 */
export function isLeftAlone(error: Error): boolean {
  return error.cause instanceof BrokenCircuitError;
}

/** What says that the provider is ill; a limit that was reached says that it is well. */
const symptoms: readonly FailureType[] = ['ProviderUnavailable', 'ProviderTimeout', 'AnswerLost'];

const firstPauseMs = 1000;
const mostPauseMs = 60_000;

/**
 * An end that says nothing of the provider, thrown through the policy, which counts no error that
 * it does not handle.
 */
class NothingLearned<T> extends Error {
  readonly end: PromiseSettledResult<T>;
  readonly tried: boolean;

  constructor(end: PromiseSettledResult<T>, tried: boolean) {
    super('nothing was learned of the provider');
    [this.end, this.tried] = [end, tried];
  }
}

/**
 * Leaves a provider alone once half of the last 20 requests failed, at least five: asking on would
 * make every caller wait for a timeout, and the provider slower to recover. After a pause one
 * request tries whether it is back; each time that it is not doubles the pause.
 */
export function openBreaker(provider: string): Breaker {
  let openUntilMs = 0;
  const pause = new DelegateBackoff<{ readonly result: unknown }, number>(
    ({ result }, last = firstPauseMs / 2) => {
      const learned = !(isFailed(result) && result.error instanceof NothingLearned);
      const delay = learned ? Math.min(mostPauseMs, last * 2) : 0;
      openUntilMs = Date.now() + delay;
      return { delay, state: learned ? delay : last };
    },
  );
  // What tried in vain opens the circuit again, without a pause: any other end of it would close
  // the circuit.
  const opens = (error: unknown) =>
    error instanceof NothingLearned
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
        // The policy calls whoever tries before it leaves the open state.
        return await policy.execute(() => learning(work, policy.state !== CircuitState.Closed));
      } catch (error) {
        if (error instanceof NothingLearned) return ended((error as NothingLearned<T>).end);
        if (!(error instanceof BrokenCircuitError)) throw error;
        throw leftAlone(error);
      }
    },
    refuse() {
      if (policy.state === CircuitState.Open && openUntilMs > Date.now())
        throw leftAlone(new BrokenCircuitError());
    },
  };

  function leftAlone(cause: BrokenCircuitError): Error {
    const retryAfterMs = Math.max(1, openUntilMs - Date.now());
    const seconds = Math.ceil(retryAfterMs / 1000);
    return failure(
      'ProviderUnavailable',
      `${provider} is left alone for ${seconds} s: too many of its last answers failed`,
      {
        cause,
        retryAfterMs,
      },
    );
  }
}

async function learning<T>(work: (unsent: () => void) => Promise<T>, tries: boolean): Promise<T> {
  const turn = { sent: true };
  const begun = async () => work(() => (turn.sent = false));
  const [end] = await Promise.allSettled([begun()]);
  // Another error than the provider's is whoever asked going away.
  if (!turn.sent || (end.status === 'rejected' && !isPerennialError(end.reason)))
    throw new NothingLearned(end, tries);
  return ended(end);
}

function ended<T>(end: PromiseSettledResult<T>): T {
  if (end.status === 'rejected') throw end.reason;
  return end.value;
}

function isFailed(result: unknown): result is { readonly error: unknown } {
  return typeof result === 'object' && result !== null && 'error' in result;
}
