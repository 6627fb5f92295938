import type { GuardrailSpec } from '../../lifecycle/lifecycle';
import type { JudgeLabels } from './judge-labels';
import type { DaysState } from '../../statistics/days-sequence';
import type { RangedState } from '../../statistics/ranged-sequence';
import type { ShareState } from '../../statistics/share-sequence';

/**
 * What a rollout has measured so far: sums, never rows, so it stays a few kilobytes for weeks of
 * traffic. Plain JSON without a clock in it: stored by digest, and the same policy over it gives
 * the same verdict for ever. Made by `startEvidence`, grown by `observe` and `enterStep` alone.
 */
export interface RolloutEvidence {
  readonly kind: 'rollout';
  /**
   * 2: pairs are counted apart while people are answered, by the range that their scores leave;
   * days come in whole weeks.
   */
  readonly version: 2;
  /** `name@version`, for people. */
  readonly champion: string;
  readonly challenger: string;
  /** Index into the policy's steps. */
  readonly step: number;
  /** Event times, RFC 3339 UTC. */
  readonly startedAt: string;
  readonly stepStartedAt: string;
  /** Since when people are answered by the challenger; null in shadow. */
  readonly servingSince: string | null;
  /** How far event time has come: every request before it whose label is ripe has had its turn. */
  readonly asOf: string;
  /** Added to `maxDuration` by people. */
  readonly extendedSeconds: number;
  readonly quality: QualityEvidence;
  /**
   * Of the present step alone: what a version bears as a shadow says little of what it bears under
   * half the traffic, and should not dilute it.
   */
  readonly guardrails: Readonly<Partial<Record<GuardrailSpec['name'], ShareState>>>;
  /**
   * Since the step began: in shadow, requests that the challenger scored beside the answers; in
   * other steps those that it was to answer.
   */
  readonly requestsInStep: number;
  /** Given where quality is a judge's and nothing more will be judged. */
  readonly noMoreLabels?: NoMoreLabels;
}

export interface NoMoreLabels {
  /**
   * Event time: labels of requests up to here may still become due. Null before there was traffic.
   */
  readonly after: string | null;
  /** For people. */
  readonly why: string;
}

export type QualityEvidence = PairsEvidence | ArmsEvidence;

export interface PairsEvidence {
  readonly kind: 'pairs';
  /** What decides now: in `serving` the challenger answers people. */
  readonly phase: 'shadow' | 'serving';
  /**
   * Loss of the challenger minus loss of the champion on the same request; positive is worse. Of
   * shadow steps.
   */
  readonly shadow: RangedState;
  /**
   * Of all steps in which the challenger answers people. Apart from the shadow, so that a good
   * shadow cannot hide what goes wrong while serving.
   */
  readonly serving: RangedState;
  /** Of the present step, where it answers people: a good step cannot hide the next one. */
  readonly step: RangedState;
  /**
   * The same, a mean a day of event time: of shadow days, and once people are answered of days
   * since then.
   */
  readonly days: DaysState;
  /** Had their turn without a label. */
  readonly unlabelled: number;
  /** Of the present phase: were labelled, and one of the versions had given no score. */
  readonly unscored: number;
  /** Where a judge scores the answers: what people said of some of them. */
  readonly judge?: JudgeLabels;
}

export interface ArmsEvidence {
  readonly kind: 'arms';
  /**
   * Loss of what each arm answered, of the present step alone: over several steps the arms would
   * hold different shares of different days.
   */
  readonly champion: RangedState;
  readonly challenger: RangedState;
  /** Difference of the arms' means, a day each, of the present step. */
  readonly days: DaysState;
  /** Of the present step. */
  readonly unlabelled: { readonly champion: number; readonly challenger: number };
  readonly unscored: { readonly champion: number; readonly challenger: number };
}
