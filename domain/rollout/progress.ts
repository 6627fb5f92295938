/**
 * The state, events and effects of the rollout workflow. Plain JSON, because progress survives
 * continue-as-new.
 */
import type { Command } from '../command';
import type { PredictionId, RolloutId } from '../ids';
import type { CanarySpec } from './canary';
import type { ModelVersionRef } from '../model/model';
import type { DecisionRef } from '../verdict';
import type { JudgingEnd } from './judging/evidence';
import type { EndedRollout, OpeningRefusal, RolloutOutcome, RolloutVersions } from './outcome';
import type { OpenRolloutStatus, RolloutStatus } from './rollout';

export interface RolloutSettings extends RolloutVersions {
  /** Percent of entities by step; 0 is shadow. */
  readonly steps: CanarySpec['steps'];
  /** Absent: a canary. */
  readonly method?: CanarySpec['method'];
  readonly requireShadow?: CanarySpec['requireShadow'];
  /** Whether the challenger gets no traffic while people decide on its promotion. */
  readonly parkWhenPassed: boolean;
}

export interface RolloutProgress {
  /** Null before it is open. */
  readonly rollout: RolloutId | null;
  readonly status: RolloutStatus | 'opening';
  /** Index into the steps. */
  readonly step: number;
  /** Actor and reason of the step, for the audit log. */
  readonly stepBy: Command;
  /** Whether the routing table contains the step. */
  readonly stepEntered: boolean;
  readonly heldBy: Command | null;
  /** Actor of a status that is not recorded yet; null for the platform. */
  readonly statusBy: Command | null;
  /** The last recorded text of what the rollout waits for. */
  readonly waitingFor: string | null;
  /** Event time that people added to `maxDuration`. */
  readonly extendedSeconds: number;
  /** The test of the spec with this attempt's share of alpha; null before the rollout is open. */
  readonly test: CanarySpec['test'] | null;
  /** The decision if the canary has passed. */
  readonly decision: DecisionRef | null;
  /** The challenger that an A/B rollout promotes, if it is given. */
  readonly winner?: ModelVersionRef;
  readonly promotion: PromotionEnd | null;
  /** Why judging has ended; null while it continues. */
  readonly noMoreLabels: JudgingEnd | null;
  /** Cursor of the last turn of judging. */
  readonly judgedSince: string | null;
  /** Pairs whose verdict was lost and must be requested again. */
  readonly lostPairs: LostPairs;
  /** Ids of executed commands, because Temporal only knows those of the current execution. */
  readonly handledCommands: readonly string[];
  readonly end: EndedRollout | null;
  /** Null until the workflow may return. */
  readonly outcome: RolloutOutcome | null;
}

/** Predictions, each with the Unix milliseconds at which its verdict was lost. */
export type LostPairs = readonly (readonly [PredictionId, number])[];

/** The result of a promotion, which the run sends to its rollout. */
export type PromotionEnd =
  { readonly kind: 'promoted' } | { readonly kind: 'refused'; readonly reason: string };

export type RolloutCommand =
  | ({ readonly verb: 'hold' | 'resume' | 'skip' | 'abort' } & Command)
  | ({ readonly verb: 'extend'; readonly key: string; readonly seconds: number } & Command);

/** An open rollout as its run sees it. */
export interface OpenRolloutState {
  readonly rollout: RolloutId;
  readonly status: OpenRolloutStatus;
  readonly waitingFor: string;
  /** The decision if the canary has passed. */
  readonly decision: DecisionRef | null;
  /** The challenger that an A/B rollout promotes; absent: the run's own version. */
  readonly winner?: ModelVersionRef;
}

export type RolloutOpeningEvent =
  | {
      readonly kind: 'opened';
      readonly rollout: RolloutId;
      readonly status: RolloutStatus;
      readonly step: number;
      readonly extendedSeconds: number;
      readonly decision: DecisionRef | null;
      readonly winner?: ModelVersionRef;
      /** With this attempt's share of alpha. */
      readonly test: CanarySpec['test'];
    }
  | OpeningRefusal;

export type WatchResult =
  /** By harm, by time, or by a person. All traffic goes to the champion. */
  | { readonly kind: 'ended'; readonly end: EndedRollout }
  | { readonly kind: 'advance'; readonly toStep: number; readonly because: string }
  | {
      readonly kind: 'passed';
      readonly decision: DecisionRef;
      /** In an A/B rollout, the challenger that is promoted. */
      readonly winner?: ModelVersionRef;
    }
  /** `maxDuration` has passed, and `onInconclusive` is `hold`. */
  | { readonly kind: 'expired'; readonly because: string }
  | { readonly kind: 'still' };

export type RolloutEvent =
  /** An execution started, possibly after continue-as-new. */
  | { readonly kind: 'started' }
  /** No command is queued, and no effect is in progress. */
  | { readonly kind: 'ready' }
  | RolloutOpeningEvent
  | WatchResult
  | { readonly kind: 'stepEntered' }
  | { readonly kind: 'statusRecorded'; readonly state: OpenRolloutState }
  | { readonly kind: 'extended'; readonly extendedSeconds: number; readonly by: Command }
  /** `id`: the id of the update. */
  | {
      readonly kind: 'commandReceived';
      readonly command: RolloutCommand;
      readonly id: string | null;
    }
  | { readonly kind: 'promotionEnded'; readonly promotion: PromotionEnd }
  /** A turn of judging has ended; there may be more to judge. */
  | { readonly kind: 'judged'; readonly since: string; readonly lost: LostPairs }
  | { readonly kind: 'judgingEnded'; readonly noMoreLabels: JudgingEnd }
  /** An activity failed permanently, or the run was cancelled. */
  | { readonly kind: 'failed'; readonly cause: string };

export type RolloutEffect =
  | { readonly kind: 'openRollout' }
  | {
      readonly kind: 'enterStep';
      readonly step: number;
      readonly weight: number;
      readonly actor: string;
      readonly cause: string;
    }
  | {
      readonly kind: 'recordStatus';
      readonly state: OpenRolloutState;
      readonly weight: 'keep' | 'park';
      readonly actor: string;
      readonly cause: string;
    }
  /** Sends the state to the run, which shows what its rollout waits for. */
  | { readonly kind: 'tellRun'; readonly state: OpenRolloutState }
  | {
      readonly kind: 'extendRollout';
      readonly seconds: number;
      readonly key: string;
      readonly by: Command;
    }
  | { readonly kind: 'endRollout'; readonly actor: string; readonly cause: string }
  | { readonly kind: 'watch'; readonly mode: OpenRolloutStatus }
  | { readonly kind: 'interruptWatch' }
  | { readonly kind: 'acceptCommand' }
  | { readonly kind: 'refuseCommand'; readonly why: string }
  | { readonly kind: 'announceEnd'; readonly outcome: RolloutOutcome }
  /** Measures how long the traffic takes to return to the champion. */
  | { readonly kind: 'confirmRollback' };

export const initialProgress: RolloutProgress = {
  rollout: null,
  status: 'opening',
  step: 0,
  stepBy: { actor: 'perennial', reason: 'the first step' },
  stepEntered: false,
  heldBy: null,
  statusBy: null,
  waitingFor: null,
  extendedSeconds: 0,
  test: null,
  decision: null,
  promotion: null,
  noMoreLabels: null,
  judgedSince: null,
  lostPairs: [],
  handledCommands: [],
  end: null,
  outcome: null,
};
