import type { GuardrailSpec } from '../canary';
import type { ControlCount, ControlledGuardrail } from './guardrail-control';
import type { JudgeLabels } from './judge-labels';
import type { ArmLabels, LabelSums } from './labels/label-sums';
import type { DaysState } from '../../statistics/days-sequence';
import type { RangedState } from '../../statistics/ranged-sequence';
import type { ClusteredDifference, ClusterState } from '../../statistics/cluster-sequence';
import type { ShareCount } from '../../statistics/multinomial-sequence';
import type { ShareState } from '../../statistics/share-sequence';

/**
 * What a rollout has measured so far: sums instead of rows, so it stays a few kilobytes. Plain JSON
 * without wall-clock time, stored by digest: the same policy always gives the same verdict. Created
 * by `startEvidence` and changed only by `observe` and `enterStep`.
 */
export interface RolloutEvidence {
  readonly kind: 'rollout';
  /**
   * Version 2 counts pairs of the shadow and of serving separately, bounds each pair by the range
   * that its scores allow, and counts days in whole weeks.
   */
  readonly version: 2;
  /** `name@version`, for display. */
  readonly champion: string;
  readonly challenger: string;
  /** Index into the policy's steps. */
  readonly step: number;
  /** Event times, RFC 3339 UTC. */
  readonly startedAt: string;
  readonly stepStartedAt: string;
  /** When the challenger began to answer requests; null in shadow. */
  readonly servingSince: string | null;
  /** Event time up to which all requests with due labels are counted. */
  readonly asOf: string;
  /** Event time that people added to `maxDuration`. */
  readonly extendedSeconds: number;
  readonly quality: QualityEvidence;
  /** Counts of the current step only, because the load differs from step to step. */
  readonly guardrails: Readonly<Partial<Record<GuardrailSpec['name'], ShareState>>>;
  /** The champion's requests in the current step. Absent: guardrails have no control. */
  readonly control?: Readonly<Partial<Record<ControlledGuardrail, ControlCount>>>;
  /**
   * Requests since the step began: in shadow those that the challenger scored, in other steps those
   * that were assigned to it.
   */
  readonly requestsInStep: number;
  /**
   * Entities of the current step by arm with the planned shares. Given if arms are compared, except
   * in an A/B rollout, which has its own.
   */
  readonly entities?: readonly EntityCount[];
  /** Given in an A/B rollout. The other members are those of the run's own challenger. */
  readonly ab?: AbEvidence;
  /** Given in a bandit. */
  readonly bandit?: BanditEvidence;
  /** Given if a judge scores the answers and judging has ended. */
  readonly noMoreLabels?: JudgingEnd;
}

/** What an A/B rollout has measured beside its run's own challenger. */
interface AbEvidence {
  /** Entities by arm with the planned shares: the challengers, then the champion. */
  readonly entities: readonly EntityCount[];
  readonly others: readonly ArmEvidence[];
  /** Challengers whose traffic was taken, by name. Their measurements do not grow any more. */
  readonly stopped: readonly string[];
  /** The challenger that is to be promoted, by name, once the rollout has passed. */
  readonly winner?: string;
}

export interface EntityCount extends ShareCount {
  readonly arm: string;
}

/** How a bandit has moved the challenger's share of entities. */
export interface BanditEvidence {
  /** Day of event time of the last look, as in `Calendar`. A later day permits one move. */
  readonly day: number;
  /** The lowest and the highest share so far, 0–1: entities between them changed version. */
  readonly lowest: number;
  readonly highest: number;
  readonly moves: number;
  /** The newest moves, the latest last. */
  readonly recent: readonly ShareMove[];
}

export interface ShareMove {
  /** Event time, RFC 3339 UTC. */
  readonly at: string;
  /** The challenger's share of entities, 0–1. */
  readonly from: number;
  readonly to: number;
  /** The posterior probability that the challenger has the smaller loss. */
  readonly probability: number;
  /** Days with labels, and the mean of their differences in loss; positive is worse. */
  readonly days: number;
  readonly difference: number;
}

/** The measurements of one challenger. */
export type ArmEvidence = Pick<
  RolloutEvidence,
  'challenger' | 'quality' | 'guardrails' | 'control' | 'requestsInStep'
>;

export interface JudgingEnd {
  /** Event time up to which judged requests may still become due. Null before any traffic. */
  readonly after: string | null;
  /** Why judging has ended, for display. */
  readonly why: string;
}

export type QualityEvidence = PairsEvidence | ArmsEvidence;

export interface PairsEvidence {
  readonly kind: 'pairs';
  /** The phase that decides. In `serving`, the challenger answers requests. */
  readonly phase: 'shadow' | 'serving';
  /**
   * Loss of the challenger minus loss of the champion on the same request, in shadow steps.
   * Positive is worse.
   */
  readonly shadow: RangedState;
  /** The same in all serving steps. Separate, so that a good shadow cannot hide later harm. */
  readonly serving: RangedState;
  /** The same in the current serving step, so that good earlier steps cannot hide harm. */
  readonly step: RangedState;
  /** The same as a mean per day of event time, for days of the current phase. */
  readonly days: DaysState;
  /** Requests of the current phase whose label is due and missing. */
  readonly unlabelled: number;
  /** Labels of the current phase that came too late (`lateAfterSeconds`). */
  readonly overdue: number;
  /** Labelled requests of the current phase without a score of one version. */
  readonly unscored: number;
  /** Of the current phase. Absent in earlier evidence, and before the first label. */
  readonly labels?: LabelSums;
  /** Labels of judged answers, if a judge scores them. */
  readonly judge?: JudgeLabels;
}

export interface ArmsEvidence {
  readonly kind: 'arms';
  /**
   * Losses of each arm in all serving steps, by entity and day. Answers are weighted by the shares of
   * their step, so that both arms have equal parts of each day.
   */
  readonly champion: ArmLosses;
  readonly challenger: ArmLosses;
  /** The same in the current step. */
  readonly step: { readonly champion: ArmLosses; readonly challenger: ArmLosses };
  /** Difference of the arms' means per day, while the challenger answers requests. */
  readonly days: DaysState;
  /**
   * The variance over entities at the end of the last whole week; null with too few of them. An
   * entity is in the same arm on each day, so the spread of the days does not show it.
   */
  readonly atWeek: Pick<ClusteredDifference, 'variance' | 'degrees'> | null;
  /** Unlabelled requests of the current step. */
  readonly unlabelled: { readonly champion: number; readonly challenger: number };
  readonly overdue: number;
  readonly unscored: { readonly champion: number; readonly challenger: number };
  /** Absent in earlier evidence, and before the first label of the step. */
  readonly labels?: { readonly champion: ArmLabels; readonly challenger: ArmLabels };
}

/** Sums over entities, whose weight is their days with labels. */
export interface ArmLosses extends ClusterState {
  /** Labelled answers. */
  readonly n: number;
}
