import type { PredictionId } from '../../ids';
import type { UnansweredReason } from '../../serving/refusal';

/** A prediction of the champion that the monitor has not counted yet. */
export interface ObservedRow {
  readonly id: PredictionId;
  /** Event time, or the time of receipt if the request has none. */
  readonly at: string;
  readonly receivedAt: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly latencyMs: number;
}

/** Failed requests in one hour of wall-clock time. */
export interface FailedHour {
  readonly hour: string;
  /** All of the hour, not only new ones. */
  readonly failed: number;
}

/** Requests that were in progress in gateways that were killed in one hour of wall-clock time. */
export interface InterruptedHour {
  readonly hour: string;
  /** All of the hour, not only new ones. */
  readonly interrupted: number;
}

/** Requests of one hour that were refused for one reason. */
export interface RefusedRows {
  readonly reason: Exclude<UnansweredReason, 'failed' | 'interrupted'>;
  readonly column: string | null;
  /** Each request counts as one row. */
  readonly rows: number;
}

/** Requests that do not fit the signature, in one hour of wall-clock time. */
export interface RefusedHour {
  readonly hour: string;
  /** All of the hour, not only new ones. */
  readonly causes: readonly RefusedRows[];
}

/** A due label. `input` and `output` are null if the prediction was dropped. */
export interface ObservedLabel {
  readonly id: PredictionId;
  readonly at: string;
  readonly label: unknown;
  readonly input: unknown;
  readonly output: unknown;
}
