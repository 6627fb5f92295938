import type { LossRange } from './loss';

/**
 * Requests whose label is ripe (event time + `availableAfter` has passed), each exactly once over
 * the life of a rollout: whoever reads them keeps a cursor and stores it in one transaction with
 * the evidence; `observe` cannot tell a second delivery. In order of event time (ties by prediction
 * id), never of the labels' arrival: whatever arrives late is often bad news, and whoever counts by
 * arrival counts the good news first.
 */
export interface ObservationBatch {
  /** For `comparison: pairs`. */
  readonly pairs: readonly PairObservation[];
  /** For `comparison: arms`. */
  readonly answers: readonly ArmObservation[];
  /**
   * The step's own, which need no label: in shadow those that the challenger scored beside the
   * answers, else those that it was to answer.
   */
  readonly requests: readonly RequestObservation[];
}

export interface PairObservation {
  readonly eventTimeMs: number;
  /**
   * Null: ripe, and no label came. 0 or 1 in classification, where another number counts as none.
   */
  readonly label: number | null;
  /** Null: no score, as after an error or a timeout. */
  readonly champion: number | null;
  readonly challenger: number | null;
  /** Index of the step that it was served in; the present one where it is not given. */
  readonly step?: number;
  /** Of a language application, where both versions gave the same text. */
  readonly sameAnswer?: boolean;
  /**
   * Of a multiclass model: the differences of loss, challenger minus champion, that were possible
   * before the label was known.
   */
  readonly differences?: LossRange;
}

export interface ArmObservation {
  readonly eventTimeMs: number;
  readonly arm: 'champion' | 'challenger';
  readonly label: number | null;
  readonly score: number | null;
  /** Of a multiclass model: the losses that were possible before the label was known. */
  readonly losses?: LossRange;
}

export interface RequestObservation {
  /** An error or a timeout, whoever answered instead. */
  readonly failed: boolean;
  /** Of the challenger itself; null when it never answered, which counts as too slow. */
  readonly latencyMs: number | null;
  /** Of a language application; null when it gave no answer. */
  readonly answer?: AnswerObservation | null;
}

export interface AnswerObservation {
  /** Null when the answer was to come whole. */
  readonly firstTokenMs: number | null;
  readonly tokens: number;
  readonly blocked: boolean;
  readonly malformed: boolean;
}
