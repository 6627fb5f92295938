import {
  failure,
  isPerennialError,
  type FailureType,
  type PerennialError,
} from '../../domain/failure';

/** A provider that does not answer. Its jobs are assumed to continue. */
export interface UnavailableProvider {
  readonly kind: 'away';
  /** RFC 3339. */
  readonly since: string;
  readonly reason: string;
}

export interface AbsenceOptions {
  /** RFC 3339: since when, as an earlier attempt or turn recorded it. */
  readonly since: string | null;
  /** Seconds that the provider may be unavailable. */
  readonly patienceSeconds: number;
  /** Milliseconds between two events that report the absence. */
  readonly tellMs: number;
  readonly tell: (
    kind: 'provider.away' | 'provider.back',
    data: Readonly<Record<string, unknown>>,
  ) => void;
  readonly givenUp: (away: UnavailableProvider) => PerennialError;
}

export interface UnavailabilityTracker {
  /** Records that a request `at` this time failed. @throws `error` if waiting does not help */
  seen(
    error: unknown,
    at: string,
  ): { readonly state: UnavailableProvider; readonly retryAfterMs: number };
  /** Waits on. @throws the error of `givenUp` when the provider was unavailable for too long */
  endure(state: UnavailableProvider): void;
  over(): void;
}

/** Failures that say nothing about the job, so waiting is enough. */
const passing: readonly FailureType[] = [
  'ProviderUnavailable',
  'ProviderRateLimited',
  'ProviderTimeout',
  'AnswerLost',
];

/**
 * Tracks an unavailable provider. It becomes a failure only after `patienceSeconds`; until then
 * events report since when.
 */
export function trackUnavailability({
  since: known,
  patienceSeconds,
  tellMs,
  tell,
  givenUp,
}: AbsenceOptions): UnavailabilityTracker {
  let since = known;
  let toldAt = -Infinity;
  return {
    seen(error, at) {
      if (!isPerennialError(error) || !passing.includes(error.type)) throw error;
      return {
        state: { kind: 'away', since: since ?? at, reason: error.message },
        retryAfterMs: error.retryAfterMs ?? 0,
      };
    },
    endure(state) {
      if (Date.now() - Date.parse(state.since) > patienceSeconds * 1_000) throw givenUp(state);
      since = state.since;
      if (Date.now() - toldAt < tellMs) return;
      toldAt = Date.now();
      tell('provider.away', { since, reason: state.reason, patienceSeconds });
    },
    over() {
      if (since !== null) tell('provider.back', { since });
      [since, toldAt] = [null, -Infinity];
    },
  };
}

export function unavailableTooLong(message: string, next: string): PerennialError {
  return failure('JobTimeout', message, { next });
}
