import type { EntityChange } from './entity-losses';
import type { LossRange } from '../../evaluation/metrics/loss-range';

/**
 * Requests whose label is due (event time + `availableAfter` has passed), each exactly once in a
 * rollout. `observe` cannot detect duplicates, so the caller stores its cursor in one transaction
 * with the evidence.
 *
 * The order is event time, then prediction id. In order of arrival, the bounds would be wrong,
 * because late labels are often the bad ones.
 */
export interface ObservationBatch {
  /** Observations for `comparison: pairs`. */
  readonly pairs: readonly PairObservation[];
  /** Observations for `comparison: arms`. */
  readonly answers: readonly ArmObservation[];
  /**
   * Requests of the current step, with or without labels: in shadow those that the challenger
   * scored, otherwise those that were assigned to it.
   */
  readonly requests: readonly RequestObservation[];
}

export interface PairObservation {
  readonly eventTimeMs: number;
  /** Null: due but missing. In classification 0 or 1; other numbers count as missing. */
  readonly label: number | null;
  /** Null: no score, for example after an error or a timeout. */
  readonly champion: number | null;
  readonly challenger: number | null;
  /** How long its label was due and missing; 0 by default. */
  readonly lateSeconds?: number;
  /** Index of the step of the request; the current step by default. */
  readonly step?: number;
  /** Whether both versions gave the same text, for language applications. */
  readonly sameAnswer?: boolean;
  /**
   * For multiclass models: the differences in loss, challenger minus champion, that were possible
   * before the label was known.
   */
  readonly differences?: LossRange;
}

export interface ArmObservation {
  readonly eventTimeMs: number;
  readonly arm: 'champion' | 'challenger';
  readonly label: number | null;
  readonly score: number | null;
  /** How long its label was due and missing; 0 by default. */
  readonly lateSeconds?: number;
  /** Index of the step of the request; the current step by default. */
  readonly step?: number;
  /** How it changes the totals of its entity. Absent: the request is one of a new entity. */
  readonly change?: EntityChange;
}

export interface RequestObservation {
  /** The challenger returned an error or timed out. */
  readonly failed: boolean;
  /** Latency of the challenger; null if it did not answer, which counts as too slow. */
  readonly latencyMs: number | null;
  /** Answer of a language application; null without an answer. */
  readonly answer?: AnswerObservation | null;
}

export interface AnswerObservation {
  /** Null if the answer was not streamed. */
  readonly firstTokenMs: number | null;
  readonly tokens: number;
  readonly blocked: boolean;
  readonly malformed: boolean;
}
