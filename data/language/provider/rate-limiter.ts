import { bulkhead } from 'cockatiel';
import { failure } from '../../../domain/failure';
import type { RateLimits } from '../../../domain/language/provider/settings';
import { admit, correct, type RateState } from '../../../domain/language/provider/rate';
import { orAborted, pauseMs } from './pause';

/** One set of limits: a provider's, or a tenant's share of it. Counts what this process sends. */
export interface RateLimiter {
  /**
   * Waits for a free place and for the turn by requests and tokens. ProviderRateLimited when the
   * turn is further away than the caller's patience.
   */
  run<T>(waiting: Waiting, work: (turn: Turn) => Promise<T>): Promise<T>;
  /** Nobody is sent before that time is over: the provider said so to one, and means all. */
  hold(forMs: number): void;
}

/** What came of a turn. */
export interface Turn {
  /** How many tokens it really took. */
  readonly used: (tokens: number) => void;
  /** Nothing was sent in it after all: it is somebody else's. */
  readonly unsent: () => void;
}

export interface Waiting {
  /** Of whom the limits are, for the message. */
  readonly whose: string;
  readonly tokens: number;
  readonly patienceMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * A provider that asks for longer is no queue but an outage: whoever waits for it should be able to
 * say so.
 */
const mostHeldMs = 120_000;

/** Not the time of day: one that is put back would keep everybody waiting for as long. */
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
    if (waitMs <= Math.max(0, patienceMs) && heldUntilMs - nowMs() <= mostHeldMs) return;
    throw failure(
      'ProviderRateLimited',
      `the limits of ${whose} let the next request through in ${Math.ceil(waitMs / 1000)} s`,
      {
        retryAfterMs: waitMs,
      },
    );
  };

  /** When this one may be sent; its turn is taken unless it is too far away. */
  const turn = ({ whose, tokens: cost, patienceMs }: Waiting): number => {
    const now = nowMs();
    const byRequests =
      requestsPerMinute === null ? null : admit(requests, { perMinute: requestsPerMinute }, 1, now);
    const byTokens =
      tokensPerMinute === null ? null : admit(tokens, { perMinute: tokensPerMinute }, cost, now);
    const waitMs = Math.max(byRequests?.waitMs ?? 0, byTokens?.waitMs ?? 0, heldUntilMs - now);
    requirePatience(whose, waitMs, patienceMs);
    requests = byRequests?.state ?? requests;
    tokens = byTokens?.state ?? tokens;
    return waitMs;
  };

  return {
    run: (waiting, work) =>
      orAborted(
        places.execute(async () => {
          // Who hung up while waiting for a place takes no turn from who still waits.
          waiting.signal?.throwIfAborted();
          const until = nowMs() + waiting.patienceMs;
          const waitMs = turn(waiting);
          const used = (real: number): void => {
            if (tokensPerMinute !== null)
              tokens = correct(tokens, { perMinute: tokensPerMinute }, real - waiting.tokens);
          };
          let isBack = false;
          const unsent = (): void => {
            if (isBack) return;
            isBack = true;
            used(0);
            if (requestsPerMinute !== null)
              requests = correct(requests, { perMinute: requestsPerMinute }, -1);
          };
          try {
            await pauseMs(waitMs, waiting.signal);
            // Somebody may have been told to wait while this one did, and for longer than this one
            // does.
            for (let now = nowMs(); now < heldUntilMs; now = nowMs()) {
              requirePatience(waiting.whose, heldUntilMs - now, until - now);
              await pauseMs(heldUntilMs - now, waiting.signal);
            }
          } catch (error) {
            // Else callers that wait no longer than a turn is away take all turns, and none is
            // used.
            unsent();
            throw error;
          }
          return work({ used, unsent });
        }),
        waiting.signal,
      ),
    hold: (forMs) => {
      heldUntilMs = Math.max(heldUntilMs, nowMs() + forMs);
    },
  };
}
