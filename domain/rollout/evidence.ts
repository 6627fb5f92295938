import type { GuardrailSpec } from '../lifecycle';
import type { DaysState } from '../statistics/days-sequence';
import type { MeanState } from '../statistics/mean-sequence';
import type { ShareState } from '../statistics/share-sequence';

/**
 * What a rollout has measured so far: sums, never rows, so it stays a few kilobytes for weeks of traffic. Plain JSON without a clock in it: stored by digest,
 * and the same policy over it gives the same verdict for ever. Made by `startEvidence`, grown by `observe`, `enterStep` and `asOf` alone.
 */
export interface RolloutEvidence {
  readonly kind: 'rollout';
  readonly version: 1;
  /** `name@version`, for people. */
  readonly champion: string;
  readonly challenger: string;
  /** Index into the policy's steps. */
  readonly step: number;
  /** Event times, RFC 3339 UTC. */
  readonly startedAt: string;
  readonly stepStartedAt: string;
  /** How far event time has come: every request before it whose label is ripe has had its turn. */
  readonly asOf: string;
  /** Added to `maxDuration` by people. */
  readonly extendedSeconds: number;
  readonly quality: QualityEvidence;
  /** Of the present step alone: what a version bears as a shadow says little of what it bears under half the traffic, and should not dilute it. */
  readonly guardrails: Readonly<Partial<Record<GuardrailSpec['name'], ShareState>>>;
  /** Since the step began: in shadow, requests that the challenger scored beside the answers; in other steps those that it was to answer. */
  readonly requestsInStep: number;
  /** Given where quality is a judge's and nothing more will be judged. */
  readonly noMoreLabels?: NoMoreLabels;
  /** When quality was first shown, carried over from the verdict that said so: a statement that holds at all times at once does not lapse. */
  readonly shown: ShownMark | null;
}

export interface NoMoreLabels {
  /** Event time: labels of requests up to here may still become due. Null before there was traffic. */
  readonly after: string | null;
  /** For people. */
  readonly why: string;
}

export interface ShownMark {
  readonly eventTime: string;
  readonly n: number;
}

export type QualityEvidence = PairsEvidence | ArmsEvidence;

export interface PairsEvidence {
  readonly kind: 'pairs';
  /** Loss of the challenger minus loss of the champion on the same request; positive is worse. */
  readonly traffic: MeanState;
  /** The same, a mean a day of event time. */
  readonly days: DaysState;
  /** Had their turn without a label. */
  readonly unlabelled: number;
  /** Were labelled, and one of the versions had given no score. */
  readonly unscored: number;
}

export interface ArmsEvidence {
  readonly kind: 'arms';
  /** Loss of what each arm answered, of the present step alone: over several steps the arms would hold different shares of different days. */
  readonly champion: MeanState;
  readonly challenger: MeanState;
  /** Difference of the arms' means, a day each, of all steps. */
  readonly days: DaysState;
  /** Of the present step. */
  readonly unlabelled: { readonly champion: number; readonly challenger: number };
  readonly unscored: { readonly champion: number; readonly challenger: number };
}
