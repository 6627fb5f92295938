import type {
  DecisionId,
  IdempotencyKey,
  PredictionId,
  RolloutId,
  RunId,
  Tenant,
} from '../../domain/ids';
import type { CanarySpec } from '../../domain/rollout/canary';
import type { EntityChange } from '../../domain/rollout/judging/entity-losses';
import type { LabelledVerdictPair } from '../../domain/rollout/judging/judge-labels';
import type {
  OpenRolloutStatus,
  RolloutRollback,
  RolloutStatus,
} from '../../domain/rollout/rollout';
import type {
  AbObservations,
  AnswerCounts,
  ControlCounts,
  CountsByArm,
  PossibleLosses,
  RolloutState,
} from '../../domain/rollout/state';
import type { Verdict } from '../../domain/verdict';
import type { Page, PageRequest } from '../page';
import type { TrafficPoint } from './traffic-history';

export interface Cause {
  readonly actor: string;
  readonly cause: string;
}

export interface RolloutRecord {
  readonly tenant: Tenant;
  /** `roll_…`. It also salts the assignment of entities, so that each rollout assigns anew. */
  readonly id: RolloutId;
  readonly model: string;
  readonly runId: RunId;
  readonly champion: number;
  readonly challenger: number;
  readonly status: RolloutStatus;
  readonly spec: CanarySpec;
  /** Both arms score every request. */
  readonly paired: boolean;
  /** Event time after which a label is due. */
  readonly availableAfterSeconds: number;
  /** Index into `spec.steps`. */
  readonly step: number;
  /** The challenger's share of entities, 0–1. */
  readonly weight: number;
  /** The routing epoch of its last change. Gateways at this epoch apply it. */
  readonly epoch: number;
  readonly state: RolloutState;
  /** Event time that people added to the spec's `maxDuration`. */
  readonly extendedSeconds: number;
  /** Event time, once there was traffic. */
  readonly eventStartedAt: string | null;
  readonly eventNow: string | null;
  /** The challenger that an A/B rollout promotes; null: `challenger`. */
  readonly winner: number | null;
  readonly verdict: Verdict | null;
  readonly decisionId: DecisionId | null;
  readonly waitingFor: string | null;
  /** How fast a rollback was, once measured. */
  readonly rollback: RolloutRollback | null;
  readonly startedAt: string;
  readonly stepStartedAt: string;
  readonly endedAt: string | null;
}

/**
 * A request whose label is due. A score is null if the version gave none, for example after an
 * error. For a language application it is the quality of the answer by its feedback.
 */
export interface DuePair {
  readonly predictionId: PredictionId;
  /** Time of receipt if the request has no event time. */
  readonly eventTime: string;
  /** True is 1 and false is 0. For an answer it is always 1, the score of a right one. */
  readonly label: number;
  readonly champion: number | null;
  readonly challenger: number | null;
  readonly servedBy: 'champion' | 'challenger';
  /** The arm of the entity, also if the challenger failed and the champion answered. */
  readonly assigned: 'champion' | 'challenger';
  /** Version of the entity in an A/B rollout, also if the champion answered. */
  readonly assignedVersion?: number;
  /** Index of the step in which it was served. */
  readonly step: number;
  /** How long its label was due and missing, in event time; absent: it came in time. */
  readonly lateSeconds?: number;
  /** How the label changes the losses of its entity, for arms. */
  readonly change?: EntityChange;
  /** Whether both versions gave the same text, for a language application. */
  readonly sameAnswer?: boolean;
  /**
   * For a multiclass model: the label is 1, and the scores are the probabilities of the true class.
   */
  readonly possible?: PossibleLosses;
}

export interface RolloutTraffic {
  /**
   * Event time reached so far. It never goes back, and is null before three requests were stored.
   */
  readonly eventNow: string | null;
  /** Labels of requests up to here are due and had time to arrive. */
  readonly ripeUntil: string | null;
  /** Counts of the current step, of its phase (shadow or serving), and of all steps. */
  readonly step: CountsByArm;
  readonly phase?: CountsByArm;
  readonly total: CountsByArm;
  /** Counts of the current step. */
  readonly answers: AnswerCounts;
  /** Of the current step. Absent in an A/B rollout. */
  readonly control?: ControlCounts;
  /** Given in an A/B rollout. */
  readonly ab?: AbObservations;
}

/**
 * `ripeUntil`: every label up to here was handed out. It may go back while a queue is processed.
 */
export interface DueBatch extends RolloutTraffic {
  /** All labels of people, if a judge scores the answers and there are new ones. */
  readonly checked?: readonly LabelledVerdictPair[];
  /** By event time, then id. Late labels come in a later batch, whatever their event time. */
  readonly pairs: readonly DuePair[];
  /** More due labels wait for the next batch. */
  readonly isBehind?: true;
}

export interface Consumption {
  readonly rollout: RolloutRecord;
  /** Labels counted by this call. */
  readonly consumed: number;
  /** False: call again at once. */
  readonly isDrained: boolean;
  /** Wall-clock seconds since a request was last stored, or since the rollout began. */
  readonly idleSeconds: number;
  readonly traffic: RolloutTraffic;
}

export interface RolloutName {
  readonly tenant: Tenant;
  readonly id: RolloutId;
}

export type RolloutOpening =
  /** It may have ended since: a run has one rollout. */
  | { readonly kind: 'opened'; readonly rollout: RolloutRecord }
  | { readonly kind: 'busy'; readonly rollout: RolloutRecord }
  /**
   * An earlier rollout of the same artifacts under the same policy showed harm, which stays valid.
   */
  | { readonly kind: 'harmShown'; readonly rollout: RolloutRecord }
  | { readonly kind: 'conflict'; readonly champion: number | null };

export type RolloutChange =
  /** Gateways that confirmed this epoch apply the change. */
  | { readonly kind: 'set'; readonly epoch: number }
  | { readonly kind: 'ended'; readonly rollout: RolloutRecord };

/**
 * Canary rollouts. Each change is one transaction under the rollout's row lock: the row, an audit
 * row and a run event. A change of routing also raises the routing epoch and notifies the gateways.
 * A repetition changes nothing. Every change but an end throws FencedOff when the run has ended or
 * is being undone. A move of the champion ends the model's open rollout in the same transaction: as
 * `promoted` if it promotes the challenger, else as `superseded`.
 */
export interface RolloutRepository {
  /**
   * Opens a shadow rollout; `setStep` sends traffic. A second call for the run returns its rollout,
   * ended or not. Throws FencedOff when the run has ended or is being undone, Conflict when the
   * challenger was rejected or withdrawn. The stored spec has this attempt's share of alpha.
   * Rollouts of the same two manifests that saw labels count as attempts, whatever their policies.
   */
  open(
    input: Cause & {
      readonly tenant: Tenant;
      readonly runId: RunId;
      readonly model: string;
      readonly champion: { readonly version: number; readonly fencing: number };
      readonly challenger: number;
      readonly spec: CanarySpec;
      readonly paired: boolean;
      readonly availableAfterSeconds: number;
      readonly state: RolloutState;
    },
  ): Promise<RolloutOpening>;
  /**
   * The current step and weight change nothing, and so does the current step of a bandit, whose
   * evidence moves the weight. Throws Conflict for an earlier step, so that a late
   * attempt cannot move the rollout back.
   */
  setStep(
    input: RolloutName & Cause & { readonly step: number; readonly weight: number },
  ): Promise<RolloutChange>;
  /** Omitted fields stay. A rollout that has passed no longer scores requests beside the answer. */
  setStatus(
    input: RolloutName &
      Cause & {
        readonly status: OpenRolloutStatus;
        /**
         * Changes nothing in another status, because it may have changed since the caller read it.
         */
        readonly only?: OpenRolloutStatus;
        readonly waitingFor: string | null;
        /** 0 stops the challenger's traffic while people decide. */
        readonly weight?: number | undefined;
        readonly verdict?: Verdict | undefined;
        readonly decisionId?: DecisionId | undefined;
        readonly winner?: number | undefined;
      },
  ): Promise<RolloutChange>;
  /**
   * Takes the traffic of one challenger of an A/B rollout. The champion answers its entities, and
   * the other arms keep theirs. A repetition changes nothing.
   */
  stopArm(input: RolloutName & Cause & { readonly version: number }): Promise<RolloutChange>;
  /** Applies once for each key. */
  extend(
    input: RolloutName & Cause & { readonly seconds: number; readonly key: IdempotencyKey },
  ): Promise<
    | { readonly kind: 'extended'; readonly extendedSeconds: number }
    | { readonly kind: 'ended'; readonly rollout: RolloutRecord }
  >;
  /** Sends all traffic to the champion. The first end wins, and later calls return it. */
  end(
    input: RolloutName &
      Cause & {
        readonly status: 'rolledBack' | 'aborted';
        readonly verdict: Verdict | null;
        readonly decisionId: DecisionId | null;
      },
  ): Promise<{
    readonly rollout: RolloutRecord;
    readonly epoch: number;
    readonly changed: boolean;
  }>;
  /** Stores a measured rollback; the last one stays. */
  confirmRollback(input: RolloutName & { readonly rollback: RolloutRollback }): Promise<void>;
  /**
   * Hands out at most `limit` due labels and folds them into the state, in one transaction. `fold`
   * runs under a lock, also without labels, but not for an ended rollout. If it moves the share of
   * a bandit, the same transaction changes the traffic.
   */
  consume(
    input: RolloutName & {
      readonly limit: number;
      /** Wall-clock time that labels get to arrive once they are due in event time. */
      readonly settleMs: number;
      /** `at` is the locked row, because the caller may not know of a change yet. */
      readonly fold: (
        state: RolloutState,
        batch: DueBatch,
        at: Pick<RolloutRecord, 'step' | 'extendedSeconds' | 'status' | 'weight'>,
      ) => RolloutState;
    },
  ): Promise<Consumption>;
  traffic(input: RolloutName): Promise<RolloutTraffic>;
  /** The requests over event time, oldest first, in at most `points` parts. */
  trafficHistory(
    input: RolloutName & { readonly points: number },
  ): Promise<readonly TrafficPoint[]>;
  get(input: RolloutName): Promise<RolloutRecord | null>;
  ofRun(input: { readonly tenant: Tenant; readonly runId: RunId }): Promise<RolloutRecord | null>;
  /** The open one, else the newest. */
  current(input: {
    readonly tenant: Tenant;
    readonly model: string;
  }): Promise<RolloutRecord | null>;
  /**
   * The open rollout that a command addresses. A repeated key returns the same one. Null if none is
   * open, and the key stays unused.
   */
  addressee(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly key: string;
    readonly request: unknown;
  }): Promise<RolloutId | null>;
  /** Newest first. */
  list(
    input: { readonly tenant: Tenant; readonly model: string } & PageRequest,
  ): Promise<Page<RolloutRecord>>;
}
