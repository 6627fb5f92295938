import type { PredictionId, RolloutId, Tenant } from '../../domain/ids';
import type { ClassPrediction } from '../../domain/evaluation/class-prediction';
import type { LoggedAnswer } from '../../domain/bundle/logged-answer';
import type { PredictionArm } from '../../domain/serving/prediction';
import type { ReceivedValue } from './feedback-schema';

export interface PredictionRow {
  readonly tenant: Tenant;
  /** `pred_…` of `newId`, which sorts by time. */
  readonly id: PredictionId;
  readonly receivedAt: string;
  readonly model: string;
  readonly version: number;
  readonly arm: PredictionArm;
  readonly entity: string | null;
  readonly eventTime: string | null;
  readonly input: unknown;
  readonly output: unknown;
  /** Time from the request's arrival to its answer, including a challenger's failure before it. */
  readonly latencyMs: number;
  /** The rollout that split the request, and its step as the gateway knew it. */
  readonly rollout: LoggedRollout | null;
  /**
   * Result of the version that did not answer. Null if it was not used or was dropped for lack of
   * room.
   */
  readonly other: OtherScore | null;
}

export interface LoggedRollout {
  readonly id: RolloutId;
  readonly step: number;
  /**
   * A signed 64-bit hash of the rollout and of what it assigned, as decimal text. Absent: what was
   * assigned is the entity, or the request if it has none.
   */
  readonly unit?: string;
}

export interface OtherScore {
  readonly version: number;
  /**
   * `shadow` scored beside the answer; `fallback` was assigned to answer and failed; `stopped` was
   * assigned to answer, but an A/B rollout had taken its traffic.
   */
  readonly role: 'shadow' | 'fallback' | 'stopped';
  readonly score: number | null;
  /** Answer of a language application or a multiclass model; null with an error. */
  readonly output?: LoggedAnswer | ClassPrediction | null;
  /** An error code, never a value of the request. */
  readonly error: string | null;
  readonly latencyMs: number;
}

export interface PredictionRecord extends PredictionRow {
  readonly label: unknown;
  readonly labelledAt: string | null;
  /** The values that contradicted, in the order of arrival; null if none did. */
  readonly receivedValues: readonly ReceivedValue[] | null;
}
