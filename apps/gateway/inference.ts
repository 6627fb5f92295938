import type { PredictionRow } from '../../db/repositories/predictions';
import { newId } from '../../db/ids';
import type { PredictionId, Tenant } from '../../domain/ids';
import { HttpProblem } from '../http/problem';
import { assignArm } from './assignment';
import type { ModelName } from './model-name';
import type { InferRequest } from './request-codec';
import type { Arm, Route } from './routing-table';
import type { ServedVersion } from './served-version';
import type { Picked, VersionPicker } from './version-picker';

export interface InferenceCall {
  readonly tenant: Tenant;
  readonly name: ModelName;
  /** The parsed body. */
  readonly body: unknown;
  /** `performance.now()` when the request arrived. */
  readonly arrivedAt: number;
}

export interface InferenceAnswer {
  readonly body: string;
  readonly served: ServedVersion;
  readonly arm: string;
  /** Of the first row; the body has all. */
  readonly predictionId: PredictionId;
  /** Why this may not be what should answer; null when it is. */
  readonly stale: 'lease' | 'not-loaded' | null;
}

interface Terms {
  readonly stale: InferenceAnswer['stale'];
  /** A `performance.now()`. */
  readonly deadline: number;
}

export interface InferenceOptions {
  readonly picker: VersionPicker;
  readonly timeoutMs: number;
  readonly leaseHolds: () => boolean;
  readonly isBlocked: (tenant: string, model: string) => boolean;
  readonly log: (row: PredictionRow) => void;
  readonly onChallengerFailure: (served: ServedVersion, error: unknown) => void;
}

/** Of the time that a request has, for its challenger: after that the champion still has to answer. */
const challengerShare = 0.5;

/** One request, from the parsed body to the text of its answer; what it predicted goes to the log. */
export function createInference(options: InferenceOptions): (call: InferenceCall) => Promise<InferenceAnswer> {
  const { picker, timeoutMs, leaseHolds, isBlocked, log, onChallengerFailure } = options;

  return async (call) => {
    const picking = picker.pick(call.tenant, call.name);
    const picked: Picked = picking instanceof Promise ? await picking : picking;
    if (picked.kind === 'routed') return routed(call, picked.route);
    try {
      return await answer(call, picked.served, picked.arm, { stale: null, deadline: call.arrivedAt + timeoutMs });
    } finally {
      picked.release();
    }
  };

  async function routed(call: InferenceCall, route: Route): Promise<InferenceAnswer> {
    const { champion } = route;
    const fresh = leaseHolds();
    const stale = !fresh ? 'lease' : isBlocked(route.tenant, route.model) ? 'not-loaded' : null;
    // A gateway that may not know the current table sends nobody to a canary.
    const arm = fresh && route.arms.length > 1 ? assigned(call, route) : champion;
    if (arm !== champion) {
      try {
        return await held(call, arm, { stale: null, deadline: call.arrivedAt + timeoutMs * challengerShare });
      } catch (error) {
        onChallengerFailure(arm.served, error);
      }
    }
    return held(call, champion, { stale, deadline: call.arrivedAt + timeoutMs });
  }

  async function held(call: InferenceCall, arm: Arm, terms: Terms): Promise<InferenceAnswer> {
    const hold = arm.served.hold.hold();
    try {
      return await answer(call, arm.served, arm.alias, terms);
    } finally {
      hold.release();
    }
  }

  async function answer(
    { tenant, body, arrivedAt }: InferenceCall,
    served: ServedVersion,
    arm: string,
    { stale, deadline }: Terms,
  ): Promise<InferenceAnswer> {
    const { codec, scorer } = served.hold.model;
    const request = codec.decode(body);
    const scores = await scorer.score(request.rows, deadline);
    refuseUnspeakable(scores, served.name);
    const ids = request.rows.map(() => newId('pred') as PredictionId);
    record({ tenant, served, arm, request, scores, ids, arrivedAt });
    const text = served.encode({ id: request.id, ids, scores, outputs: request.outputs });
    return { body: text, served, arm, predictionId: ids[0] as PredictionId, stale };
  }

  function record(made: {
    readonly tenant: Tenant;
    readonly served: ServedVersion;
    readonly arm: string;
    readonly request: InferRequest;
    readonly scores: Float64Array;
    readonly ids: readonly PredictionId[];
    readonly arrivedAt: number;
  }): void {
    const { tenant, served, arm, request, scores, ids, arrivedAt } = made;
    const latencyMs = performance.now() - arrivedAt;
    // From the wall clock of now: the monotonic clock's origin is off by all sleep and clock steps since the start.
    const receivedAt = new Date(Date.now() - latencyMs).toISOString();
    for (const [index, id] of ids.entries()) {
      log({
        tenant,
        id,
        receivedAt,
        model: served.model,
        version: served.version,
        arm,
        entity: request.entities[index] ?? null,
        eventTime: request.eventTimes[index] ?? null,
        input: request.rows[index],
        output: { score: scores[index] },
        latencyMs,
        rollout: null,
        other: null,
      });
    }
  }
}

/** By the entity, so that one keeps its arm; a request without any is its own. One arm answers a whole request: the protocol has one version an answer. */
function assigned(call: InferenceCall, route: Route): Arm {
  const { entities } = route.champion.served.hold.model.codec.decode(call.body);
  const entity = entities.find((each) => each !== null) ?? newId('pred');
  return assignArm(route.arms, route.model, entity) ?? route.champion;
}

/** JSON has no NaN and no infinity, and a caller can do nothing with one. */
function refuseUnspeakable(scores: Float64Array, name: string): void {
  for (let row = 0; row < scores.length; row += 1) {
    if (Number.isFinite(scores[row])) continue;
    throw new HttpProblem(500, 'ScoreNotFinite', `${name} gave no finite score for row ${row}`);
  }
}
