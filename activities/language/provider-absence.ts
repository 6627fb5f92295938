import {
  failure,
  isPerennialError,
  type FailureType,
  type PerennialError,
} from '../../domain/failure';

/** A provider that does not answer; what it was ordered goes on, as far as anybody knows. */
export interface AwayProvider {
  readonly kind: 'away';
  /** RFC 3339. */
  readonly since: string;
  readonly reason: string;
}

export interface AbsenceOptions {
  /** RFC 3339: what an earlier attempt or turn knows. */
  readonly since: string | null;
  /** For how long it may be away. */
  readonly patienceSeconds: number;
  /** How often people are told that it still is. */
  readonly tellMs: number;
  readonly tell: (
    kind: 'provider.away' | 'provider.back',
    data: Readonly<Record<string, unknown>>,
  ) => void;
  readonly givenUp: (away: AwayProvider) => PerennialError;
}

export interface Absence {
  /** It was asked `at` this moment and did not answer. @throws the error where no waiting helps */
  seen(error: unknown, at: string): { readonly state: AwayProvider; readonly retryAfterMs: number };
  /** @throws what `givenUp` makes, once it has been away for too long */
  endure(state: AwayProvider): void;
  over(): void;
}

/** Say nothing of what it was ordered: waiting is all that it takes. */
const passing: readonly FailureType[] = [
  'ProviderUnavailable',
  'ProviderRateLimited',
  'ProviderTimeout',
  'AnswerLost',
];

/**
 * A provider that is away ends nothing until it has been for longer than the stage may take; people
 * are told since when.
 */
export function watchAbsence({
  since: known,
  patienceSeconds,
  tellMs,
  tell,
  givenUp,
}: AbsenceOptions): Absence {
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

export function awayTooLong(message: string, next: string): PerennialError {
  return failure('JobTimeout', message, { next });
}
