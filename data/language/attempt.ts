import type { ArtifactRef } from '../../domain/artifact';
import type { FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { ChatAnswer, ChatRequest } from '../../domain/chat/chat';
import type { Price } from '../../domain/provider/price';
import type { StandbyModel } from '../../domain/bundle/standby';
import type { OnText } from './provider/provider';

/**
 * One model of a route. The first is the bundle's own model; the rest are its standbys, in this
 * order, which were evaluated with it.
 */
export interface ModelTarget {
  readonly provider: string;
  readonly model: string;
  readonly adapter?: ArtifactRef | null;
}

export type Question = Omit<ChatRequest, 'model' | 'adapter' | 'thinks'>;

export interface PlannedAttempt {
  readonly target: ModelTarget;
  readonly request: ChatRequest;
  readonly price: Price;
  /** The attempt ends after this time at the latest. */
  readonly totalMs: number;
  /** The longest time between recording and sending, in addition to `totalMs`. */
  readonly aheadMs?: number;
}

/**
 * Records every request before it is sent and after it has ended; the call ledger is one. An error
 * that it throws ends the call.
 */
export interface Journal<Asked, JournalDecision> {
  /**
   * Record before the request waits for its turn, so that a refused request uses no turn. Otherwise
   * it is recorded right before it is sent, or before it waits for the caller's `place`.
   */
  readonly beforeTurn?: boolean;
  /**
   * For a request that is recorded in its turn: throw before the wait what `begin` would throw, as
   * far as that is known. Reserves nothing.
   */
  afford?(asked: Asked): Promise<void>;
  begin(asked: Asked): Promise<JournalDecision>;
}

export type AttemptStart<Answer, Kept> =
  /** The answer is already recorded; nothing is sent. */
  | { readonly kind: 'answered'; readonly answered: Kept }
  /**
   * Another caller asks the same question or has reserved the budget. Nothing is recorded; the
   * request takes another turn after `waitMs`.
   */
  | { readonly kind: 'held'; readonly waitMs: number }
  | OpenAttempt<Answer, Kept>;

export interface OpenAttempt<Answer, Kept> {
  readonly kind: 'send';
  readonly requestId: string;
  /** Record the answer, after the turn. Returns another caller's answer if that came first. */
  answered(answer: Answer): Promise<Kept>;
  /** Record the failure, after the turn. Null when the caller cancelled or the cause is unknown. */
  failed(failure: FailureType | null): Promise<void>;
  /** Record that nothing was sent, because its turn or place did not come. */
  unsent(): void | Promise<void>;
}

export type AttemptJournal = Journal<PlannedAttempt, AttemptStart<ChatAnswer, RoutedAnswer>>;

export interface RoutedAnswer {
  readonly answer: ChatAnswer;
  readonly provider: string;
  /** The standby that answered; absent when the first model of the route did. */
  readonly standby?: StandbyModel;
}

export interface AccessOptions {
  readonly tenant: Tenant;
  readonly signal?: AbortSignal | undefined;
  readonly onText?: OnText | undefined;
  readonly journal?: AttemptJournal | undefined;
  /**
   * The longest single wait, for the rate limits or before a retry. If the wait would be longer,
   * the next standby is tried or the call fails. Without it, the wait for the limits is unbounded.
   */
  readonly patienceMs?: number | undefined;
  readonly place?: ConcurrencySlot | undefined;
}

/**
 * Limits the requests that a caller has at providers at once. A request holds a place while it
 * waits for its turn and its answer, not while the journal records it.
 */
export type ConcurrencySlot = <T>(work: () => Promise<T>) => Promise<T>;
