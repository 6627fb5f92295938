import { classPrediction } from '../../../domain/evaluation/class-prediction';
import type { PredictionArm } from '../../../domain/serving/prediction';
import { newId } from '../../../db/ids';
import type {
  LoggedRollout,
  OtherScore,
  PredictionRow,
} from '../../../db/serving/prediction-records';
import type { RoutedRollout } from '../../../db/serving/routing-repository';
import type { PredictionId, Tenant } from '../../../domain/ids';
import type { InferRequest } from '../inference/request-codec';
import { requireGraph, type ServedVersion } from '../model/served-version';

/** The answer to a request and what the log needs. */
export interface PredictedRequest {
  readonly tenant: Tenant;
  readonly served: ServedVersion;
  readonly arm: PredictionArm;
  readonly request: InferRequest;
  readonly scores: Float64Array;
  /** One result per row. */
  readonly ids: readonly PredictionId[];
  /** A `performance.now()`. */
  readonly arrivedAt: number;
  readonly rollout: RoutedRollout | null;
}

export function predictionIds({ rows }: InferRequest): readonly PredictionId[] {
  return rows.map(() => newId('pred') as PredictionId);
}

export function loggedRollout({ id, step, unit }: RoutedRollout): LoggedRollout {
  return { id, step, ...(unit !== undefined && { unit }) };
}

/** The rows of the prediction log, at the time of the answer. */
export function predictionRows({
  tenant,
  served,
  arm,
  request,
  scores,
  ids,
  arrivedAt,
  rollout,
}: PredictedRequest): readonly PredictionRow[] {
  const latencyMs = performance.now() - arrivedAt;
  const { classes } = requireGraph(served).signature;
  // Computed from the current wall clock, because the origin of the monotonic clock is off by all
  // sleep and clock changes since the start.
  const receivedAt = new Date(Date.now() - latencyMs).toISOString();
  return ids.map((id, index) => ({
    tenant,
    id,
    receivedAt,
    model: served.model,
    version: served.version,
    arm,
    entity: request.entities[index] ?? null,
    eventTime: request.eventTimes[index] ?? null,
    input: request.rows[index],
    output: toOutput(classes, scores, index),
    latencyMs,
    rollout: rollout && loggedRollout(rollout),
    other: null,
  }));
}

/**
 * Add the results of the other arm to each row. A row is written once, because its counts are
 * computed on insertion.
 */
export function addOtherScores(
  rows: readonly PredictionRow[],
  { scores, classes, ...other }: OtherScores,
): readonly PredictionRow[] {
  if (classes === undefined)
    return rows.map((row, index) => ({
      ...row,
      other: { ...other, score: scores?.[index] ?? null },
    }));
  const outputs = rows.map((_, index) =>
    scores === null ? null : classPrediction(classes, scores, index * classes.length),
  );
  return rows.map((row, index) => ({
    ...row,
    other: { ...other, score: null, output: outputs[index] ?? null },
  }));
}

interface OtherScores extends Omit<OtherScore, 'score' | 'output'> {
  readonly scores: Float64Array | null;
  /** The classes of a multiclass version. */
  readonly classes: readonly string[] | undefined;
}

function toOutput(
  classes: readonly string[] | undefined,
  scores: Float64Array,
  index: number,
): unknown {
  return classes === undefined
    ? { score: scores[index] }
    : classPrediction(classes, scores, index * classes.length);
}
