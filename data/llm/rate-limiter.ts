import { bulkhead } from 'cockatiel';
import type { RateLimits } from '../../domain/llm/provider-settings';
import { admit, correct, type RateState } from '../../domain/llm/rate';
import { orAborted, pauseMs } from './pause';

/** One set of limits: a provider's, or a tenant's share of it. Counts what this process sends. */
export interface RateLimiter {
  /** Waits for a free place and for the turn by requests and tokens; `used` then says how many tokens it really took. */
  run<T>(tokens: number, signal: AbortSignal | undefined, work: (used: (tokens: number) => void) => Promise<T>): Promise<T>;
  /** Nobody is sent before then: the provider said so to one, and means all. */
  holdUntil(timeMs: number): void;
}

export function openRateLimiter({ requestsPerMinute, tokensPerMinute, concurrency }: RateLimits): RateLimiter {
  const places = bulkhead(concurrency, Number.POSITIVE_INFINITY);
  let requests: RateState = { freeAtMs: 0 };
  let tokens: RateState = { freeAtMs: 0 };
  let heldUntilMs = 0;

  const turn = (cost: number): number => {
    const now = Date.now();
    let waitMs = 0;
    if (requestsPerMinute !== null) {
      const admitted = admit(requests, { perMinute: requestsPerMinute }, 1, now);
      requests = admitted.state;
      waitMs = admitted.waitMs;
    }
    if (tokensPerMinute !== null) {
      const admitted = admit(tokens, { perMinute: tokensPerMinute }, cost, now);
      tokens = admitted.state;
      waitMs = Math.max(waitMs, admitted.waitMs);
    }
    return waitMs;
  };

  return {
    run: (cost, signal, work) =>
      orAborted(
        places.execute(async () => {
          await pauseMs(turn(cost), signal);
          // Somebody may have been told to wait while this one did.
          while (heldUntilMs > Date.now()) await pauseMs(heldUntilMs - Date.now(), signal);
          return work((used) => {
            if (tokensPerMinute !== null) tokens = correct(tokens, { perMinute: tokensPerMinute }, used - cost);
          });
        }),
        signal,
      ),
    holdUntil: (timeMs) => {
      heldUntilMs = Math.max(heldUntilMs, timeMs);
    },
  };
}
