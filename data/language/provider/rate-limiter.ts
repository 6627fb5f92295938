import { bulkhead } from 'cockatiel';
import { failure } from '../../../domain/failure';
import type { RateLimits } from '../../../domain/provider/settings';
import { admitRequest, correctRate, type RateState } from '../../../domain/provider/rate-limit';
import { raceAbort, sleepMs } from './pause';

/** The limits of a provider, or of one tenant there. Counts the requests of this process only. */
export interface RateLimiter {
  /**
   * Run the work when concurrency, requests and tokens permit. Throws ProviderRateLimited when the
   * wait would exceed `patienceMs`.
   */
  run<T>(waiting: TurnRequest, work: (turn: Turn) => Promise<T>): Promise<T>;
  /** Send nothing for that time. A provider's rate limit applies to all requests. */
  hold(forMs: number): void;
}

/** Reports what a turn used. */
export interface Turn {
  /** Correct the estimate with the number of tokens used. */
  readonly used: (tokens: number) => void;
  /** Give the turn back, because nothing was sent. */
  readonly unsent: () => void;
}

export interface TurnRequest {
  /** The owner of the limits, for messages. */
  readonly whose: string;
  readonly tokens: number;
  readonly patienceMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A longer pause is an outage rather than a queue: the caller gets an error instead of waiting. */
const maxHeldMs = 120_000;

/** Monotonic, because a wall clock that is set back would make all requests wait. */
const nowMs = (): number => performance.now();

export function openRateLimiter({
  requestsPerMinute,
  tokensPerMinute,
  concurrency,
}: RateLimits): RateLimiter {
  const places = bulkhead(concurrency, Number.POSITIVE_INFINITY);
  let requests: RateState = { freeAtMs: 0 };
  let tokens: RateState = { freeAtMs: 0 };
  let heldUntilMs = 0;

  const requirePatience = (whose: string, waitMs: number, patienceMs: number): void => {
    if (waitMs <= Math.max(0, patienceMs) && heldUntilMs - nowMs() <= maxHeldMs) return;
    throw failure(
      'ProviderRateLimited',
      `the rate limits of ${whose} permit the next request in ${Math.ceil(waitMs / 1000)} s`,
      { retryAfterMs: waitMs },
    );
  };

  /** Reserve a turn and return the wait in milliseconds. Throws when the wait is too long. */
  const turn = ({ whose, tokens: cost, patienceMs }: TurnRequest): number => {
    const now = nowMs();
    const byRequests =
      requestsPerMinute === null
        ? null
        : admitRequest(requests, { perMinute: requestsPerMinute }, 1, now);
    const byTokens =
      tokensPerMinute === null
        ? null
        : admitRequest(tokens, { perMinute: tokensPerMinute }, cost, now);
    const waitMs = Math.max(byRequests?.waitMs ?? 0, byTokens?.waitMs ?? 0, heldUntilMs - now);
    requirePatience(whose, waitMs, patienceMs);
    requests = byRequests?.state ?? requests;
    tokens = byTokens?.state ?? tokens;
    return waitMs;
  };

  return {
    run: (waiting, work) =>
      raceAbort(
        places.execute(async () => {
          // A request that was cancelled while it waited must not use up a turn.
          waiting.signal?.throwIfAborted();
          const until = nowMs() + waiting.patienceMs;
          const waitMs = turn(waiting);
          const settle = (real: number): void => {
            if (tokensPerMinute !== null)
              tokens = correctRate(tokens, { perMinute: tokensPerMinute }, real - waiting.tokens);
          };
          let isBack = false;
          const refund = (): void => {
            if (isBack) return;
            isBack = true;
            settle(0);
            if (requestsPerMinute !== null)
              requests = correctRate(requests, { perMinute: requestsPerMinute }, -1);
          };
          try {
            await sleepMs(waitMs, waiting.signal);
            // Meanwhile another request may have met a rate limit that lasts longer.
            for (let now = nowMs(); now < heldUntilMs; now = nowMs()) {
              requirePatience(waiting.whose, heldUntilMs - now, until - now);
              await sleepMs(heldUntilMs - now, waiting.signal);
            }
          } catch (error) {
            // Otherwise callers that give up while they wait would use up all turns.
            refund();
            throw error;
          }
          return work({ used: settle, unsent: refund });
        }),
        waiting.signal,
      ),
    hold: (forMs) => {
      heldUntilMs = Math.max(heldUntilMs, nowMs() + forMs);
    },
  };
}
