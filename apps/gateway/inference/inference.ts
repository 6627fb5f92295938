import type { PredictionRow } from '../../../db/serving/prediction-records';
import type { RoutedRollout } from '../../../db/serving/routing-repository';
import { newId } from '../../../db/ids';
import type { PredictionId, Tenant } from '../../../domain/ids';
import type { PredictionArm } from '../../../domain/serving/prediction';
import type { RequestRefusal } from '../../../domain/serving/refusal';
import type { AnswerBody } from './answer-codec';
import type { AnsweringModel } from './answer-headers';
import { challengerShare, findLimit, type LimitPerModel } from '../config';
import type { FailureInRollout } from '../failure-counts';
import { assignArm, assignmentUnit } from '../routing/assignment';
import type { RequestedModel } from '../model/model-name';
import type { PredictionLog } from '../prediction-log/prediction-log';
import { addOtherScores, predictionIds, predictionRows } from '../prediction-log/prediction-rows';
import type { InferRequest } from './request-codec';
import { listRefusals } from './request-issue';
import type { Arm, Route } from '../routing/route';
import { failureCode, isCallersMistake, scoreRequest } from './score-of';
import { requireGraph, type ServedVersion } from '../model/served-version';
import type { Shadow } from '../routing/shadow';
import type { VersionPicker } from '../routing/version-picker';

export interface InferenceCall {
  readonly tenant: Tenant;
  readonly name: RequestedModel;
  /** The parsed body. */
  readonly body: unknown;
  /** `performance.now()` when the request arrived. */
  readonly arrivedAt: number;
  /** A test request of the platform, logged under the arm `probe`. */
  readonly isProbe: boolean;
}

/** `predictionId` belongs to the first row; the body has all. */
export interface InferenceAnswer extends AnsweringModel, AnswerBody {
  readonly arm: PredictionArm;
}

export interface InferenceOptions {
  readonly picker: VersionPicker;
  readonly shadow: Pick<Shadow, 'add'>;
  readonly timeoutMs: LimitPerModel;
  readonly leaseHolds: () => boolean;
  /** Whether the wanted champion cannot be loaded here. */
  readonly isBlocked: (tenant: string, model: string) => boolean;
  readonly log: Pick<PredictionLog, 'add' | 'hold'>;
  /** Whether the champion answered in place of the challenger. */
  readonly onChallengerFailure: (served: ServedVersion, error: unknown) => void;
  /** The champion failed rows of a request that fits its signature. */
  readonly onChampionFailure: (
    tenant: Tenant,
    served: ServedVersion,
    rows: number,
    inRollout?: FailureInRollout,
  ) => void;
  /** A request for the champion that does not fit its signature. */
  readonly onRefused: (
    tenant: Tenant,
    served: ServedVersion,
    refusals: readonly RequestRefusal[],
  ) => void;
}

/** The arm in the log for test requests of the platform. */
const probeArm = 'probe' satisfies PredictionArm;

interface AnsweredRows extends InferenceAnswer {
  /** Rows for the prediction log. */
  readonly rows: readonly PredictionRow[];
}

/** The arm that answers, and its deadline (a `performance.now()`). */
interface Terms {
  readonly arm: PredictionArm;
  readonly served: ServedVersion;
  readonly request: InferRequest;
  readonly rollout: RoutedRollout | null;
  /** Version to which the rollout assigned the request; absent: the version that answers. */
  readonly assigned?: number;
  readonly stale: InferenceAnswer['stale'];
  readonly deadline: number;
}

/**
 * Answer one request, from the parsed body to the text of the response, and log the predictions.
 */
export function createInference(
  options: InferenceOptions,
): (call: InferenceCall) => Promise<InferenceAnswer> {
  const { picker, shadow, timeoutMs, leaseHolds, isBlocked, log } = options;
  const { onChallengerFailure, onChampionFailure, onRefused } = options;

  return async (call) => {
    const picking = picker.pick(call.tenant, call.name);
    const picked = picking instanceof Promise ? await picking : picking;
    try {
      if (picked.kind === 'routed') return await byRoute(call, picked.route);
      const { served } = picked;
      const arm = call.isProbe ? probeArm : picked.arm;
      const request = decodeCounted(call, served, () => arm === 'champion');
      return logAnswer(
        await answer(call, {
          arm,
          served,
          request,
          rollout: null,
          stale: null,
          deadline: computeDeadline(call),
        }),
      );
    } finally {
      picked.release();
    }
  };

  /** The deadline after a share of the request's time. */
  function computeDeadline({ arrivedAt, name }: InferenceCall, share = 1): number {
    return arrivedAt + findLimit(timeoutMs, name.model) * share;
  }

  async function byRoute(call: InferenceCall, route: Route): Promise<InferenceAnswer> {
    const { champion, rollout } = route;
    // Read by the columns of the champion: what it cannot read is an error of the caller, not of
    // the challenger.
    const request = decodeCounted(call, champion.served, () => isForChampion(route));
    const fresh = leaseHolds();
    // A gateway with an outdated table asks no challenger.
    if (rollout !== null && fresh) return divideTraffic(call, route, { request, rollout });
    const stale = !fresh ? 'lease' : isBlocked(route.tenant, route.model) ? 'not-loaded' : null;
    return logAnswer(await answerByChampion(call, champion, { request, rollout: null, stale }));
  }

  function decodeCounted(
    call: InferenceCall,
    served: ServedVersion,
    isChampions: () => boolean,
  ): InferRequest {
    try {
      return decode(call, served);
    } catch (error) {
      const refusals = listRefusals(error);
      if (refusals.length > 0 && !call.isProbe && isChampions())
        onRefused(call.tenant, served, refusals);
      throw error;
    }
  }

  async function divideTraffic(
    call: InferenceCall,
    { arms, champion }: Route,
    {
      request,
      rollout: routed,
    }: { readonly request: InferRequest; readonly rollout: RoutedRollout },
  ): Promise<InferenceAnswer> {
    const challenger = arms.find(({ alias }) => alias === 'challenger');
    const entity = findEntity(request);
    const arm = assignArm(arms, routed.id, entity) ?? champion;
    const rollout = { ...routed, unit: assignmentUnit(routed.id, entity) };
    if (arm.isStopped === true) {
      const { version } = arm.served;
      const answered = await answerByChampion(call, champion, {
        request,
        rollout,
        assigned: version,
        stale: null,
      });
      const { classes } = requireGraph(arm.served).signature;
      const unasked = { scores: null, error: null, latencyMs: 0 };
      const rows = addOtherScores(answered.rows, { version, role: 'stopped', classes, ...unasked });
      return logAnswer({ ...answered, rows });
    }
    if (arm === champion || challenger === undefined) {
      const answered = await answerByChampion(call, champion, { request, rollout, stale: null });
      return rollout.besides && challenger !== undefined
        ? askedBeside(call, answered, challenger)
        : logAnswer(answered);
    }
    const startedAt = performance.now();
    let failed: unknown;
    try {
      const answered = await answerByChallenger(call, arm, rollout);
      return rollout.besides ? askedBeside(call, answered, champion) : logAnswer(answered);
    } catch (error) {
      failed = error;
    }
    const latencyMs = performance.now() - startedAt;
    const { version } = arm.served;
    const answered = await answerByChampion(call, champion, {
      request,
      rollout,
      assigned: version,
      stale: null,
    });
    onChallengerFailure(arm.served, failed);
    const { classes } = requireGraph(arm.served).signature;
    const rows = addOtherScores(answered.rows, {
      version,
      role: 'fallback',
      scores: null,
      classes,
      error: failureCode(failed),
      latencyMs,
    });
    return logAnswer({ ...answered, rows });
  }

  async function answerByChampion(
    call: InferenceCall,
    { alias, served }: Arm,
    terms: Pick<Terms, 'request' | 'rollout' | 'assigned' | 'stale'>,
  ): Promise<AnsweredRows> {
    const deadline = computeDeadline(call);
    return answer(call, { ...terms, arm: alias, served, deadline });
  }

  async function answerByChallenger(
    call: InferenceCall,
    { alias, served }: Arm,
    rollout: RoutedRollout,
  ): Promise<AnsweredRows> {
    const deadline = computeDeadline(call, challengerShare);
    return answer(call, {
      arm: alias,
      served,
      request: decode(call, served),
      rollout,
      stale: null,
      deadline,
    });
  }

  async function answer(call: InferenceCall, terms: Terms): Promise<AnsweredRows> {
    try {
      return await answerRows(call, terms);
    } catch (error) {
      // The monitor compares these with the rows of the same arm in the log.
      if (terms.arm === 'champion' && !call.isProbe && !isCallersMistake(error))
        onChampionFailure(
          call.tenant,
          terms.served,
          terms.request.rows.length,
          failureInRollout(terms),
        );
      throw error;
    }
  }

  async function answerRows(
    { tenant, arrivedAt }: InferenceCall,
    terms: Terms,
  ): Promise<AnsweredRows> {
    const { arm, served, request, rollout, stale, deadline } = terms;
    const scores = await scoreRequest(served, request, deadline);
    const ids = predictionIds(request);
    const rows = predictionRows({ tenant, served, arm, request, scores, ids, arrivedAt, rollout });
    const encoded = served.encode({
      id: request.id,
      ids,
      scores,
      outputs: request.outputs,
      binaryOutputs: request.binaryOutputs,
    });
    // Not spread, because copying an object of unknown keys takes longer than encoding the answer.
    const { body, jsonBytes } = encoded;
    return { body, jsonBytes, served, arm, predictionId: ids[0] as PredictionId, stale, rows };
  }

  /**
   * The answer is sent now. Its rows are on disk; they are logged when the other arm has completed
   * or was cancelled.
   */
  function askedBeside(
    { body }: InferenceCall,
    answered: AnsweredRows,
    { served }: Arm,
  ): InferenceAnswer {
    const { rows } = answered;
    const complete = log.hold(rows);
    shadow.add({
      served,
      body,
      rows: rows.length,
      done(shadowed) {
        complete(
          shadowed === null
            ? rows
            : addOtherScores(rows, {
                version: served.version,
                role: 'shadow',
                classes: requireGraph(served).signature.classes,
                ...shadowed,
              }),
        );
      },
    });
    return answered;
  }

  function logAnswer(answered: AnsweredRows): InferenceAnswer {
    for (const row of answered.rows) log.add(row);
    return answered;
  }
}

function failureInRollout({
  rollout,
  served,
  assigned = served.version,
  request,
}: Terms): FailureInRollout | undefined {
  const [eventTime = null] = request.eventTimes;
  return rollout === null ? undefined : { rollout, version: assigned, eventTime };
}

function decode({ body }: InferenceCall, served: ServedVersion): InferRequest {
  return requireGraph(served).codec.decode(body);
}

/** The entity of a refused request cannot be read, so it counts as one without an entity. */
function isForChampion({ arms, champion, rollout }: Route): boolean {
  if (rollout === null) return true;
  const arm = assignArm(arms, rollout.id, newId('pred')) ?? champion;
  return arm === champion || arm.isStopped === true;
}

/**
 * One arm answers the whole request, because the protocol has one version per answer. A request
 * without an entity is assigned by its id.
 */
function findEntity({ entities }: InferRequest): string {
  return entities.find((each) => each !== null) ?? newId('pred');
}
