import type { GuardrailSpec } from './canary';
import type { ShareState } from '../statistics/share-sequence';
import { decideRollout } from './judging/decide-rollout';
import type { EventClock } from './event-clock';
import type { JudgingEnd, QualityEvidence, RolloutEvidence } from './judging/evidence';
import type { HistoryPoint } from './history';
import { addPoint } from './history';
import type { ControlCount, ControlledGuardrail } from './judging/guardrail-control';
import { summarizeLabels, type LabelledVerdictPair } from './judging/judge-labels';
import type { LossRange } from '../evaluation/metrics/loss-range';
import type { ArmObservation, PairObservation } from './judging/observation';
import { enterStep, observe, startEvidence } from './judging/observe';
import type { EntityChange } from './judging/entity-losses';
import { toArmEvidence, armPolicy, splitArms, isStopped } from './judging/ab-arms';
import { findQuality, readMetrics } from './judging/readings';
import { withShare } from './judging/bandit/bandit-share';
import { alphaBudget, type RolloutPolicy } from './policy';
import type { RolloutStatus } from './rollout';
import type { RolloutVerdict } from './judging/verdict';

/** The stored evaluation state of a rollout: a few kilobytes of JSON, whatever the traffic. */
export interface RolloutState {
  /** Null before any traffic, because event time is unknown until then. */
  readonly evidence: RolloutEvidence | null;
  /** Points of the chart. */
  readonly history: readonly HistoryPoint[];
  /** Maintained by the registry, which has both event time and wall-clock time. */
  readonly clock?: EventClock;
}

export const emptyRolloutState: RolloutState = { evidence: null, history: [] };

/** The position of the rollout when new observations arrive. */
export interface RolloutPosition {
  /** `name@version`. */
  readonly champion: string;
  readonly challenger: string;
  readonly step: number;
  readonly extendedSeconds: number;
  readonly noMoreLabels?: JudgingEnd | undefined;
  /** Status of a bandit, and the challenger's share of entities, 0–1. */
  readonly status?: RolloutStatus;
  readonly weight?: number;
}

/** New observations from the registry: due labels, and request counts of the arms. */
export interface RolloutObservations {
  /** RFC 3339; null before any traffic. */
  readonly eventNow: string | null;
  /** Event time up to which all labelled requests are delivered. */
  readonly ripeUntil: string | null;
  readonly step: CountsByArm;
  readonly total: CountsByArm;
  /** Of the phase of the current step: all shadow steps, or all serving steps. Absent: `total`. */
  readonly phase?: CountsByArm;
  readonly answers: AnswerCounts;
  /** The champion's requests of the current step. Absent in an A/B rollout. */
  readonly control?: ControlCounts;
  readonly pairs: readonly ObservedPair[];
  /** More due labels wait for the next batch. */
  readonly isBehind?: true;
  /** Given in an A/B rollout. */
  readonly ab?: AbObservations;
  /** All labels of judged answers in order of arrival, if there are new ones. */
  readonly checked?: readonly LabelledVerdictPair[];
}

export interface AbObservations {
  readonly champion: ArmObservations;
  /** The run's own first. */
  readonly challengers: readonly ArmObservations[];
  /** `name@version`, once the rollout has passed. */
  readonly winner?: string;
}

/** Totals of one version of an A/B rollout. */
export interface ArmObservations {
  readonly version: number;
  /** `name@version`. */
  readonly arm: string;
  /** The planned share of entities, 0–1. */
  readonly share: number;
  readonly entities: number;
  readonly isStopped: boolean;
  readonly counts: ArmCounts;
  /** Champion's requests to compare a challenger with. */
  readonly control?: ControlCounts;
}

export interface ObservedPair {
  readonly eventTime: string;
  readonly label: number;
  readonly champion: number | null;
  readonly challenger: number | null;
  /**
   * The version of the entity, even if it failed and the other version answered. Otherwise its hard
   * cases would count against the other version.
   */
  readonly assigned: 'champion' | 'challenger';
  /** Version to which the entity is assigned, in an A/B rollout. */
  readonly assignedVersion?: number;
  readonly step: number;
  /** How long its label was due and missing, in event time; absent: it came in time. */
  readonly lateSeconds?: number;
  /** How the label changes the totals of its entity, for arms. */
  readonly change?: EntityChange;
  /** Whether both versions gave the same text, for language applications. */
  readonly sameAnswer?: boolean;
  /** Losses that were possible before the label was known, for multiclass models. */
  readonly possible?: PossibleLosses;
}

export interface PossibleLosses {
  /** Challenger minus champion; null if one of them has no score. */
  readonly differences: LossRange | null;
  readonly champion: LossRange | null;
  readonly challenger: LossRange | null;
}

export interface CountsByArm {
  readonly champion: ArmCounts;
  readonly challenger: ArmCounts;
}

export type ControlCounts = Readonly<Record<ControlledGuardrail, ControlCount>>;

/** Request counts of one arm. Each request is counted once, when it is stored. */
export interface ArmCounts {
  /** Requests that it scored or failed, including those it did not answer. */
  readonly requests: number;
  /** Requests with errors, timeouts or scores that are not numbers, part of `requests`. */
  readonly errors: number;
  /** Requests of its entities. */
  readonly assigned: number;
  /** Of `assigned`: failed by the challenger and answered by the champion. 0 for the champion. */
  readonly fallbacks: number;
  /** Of `assigned`: slower than the latency guardrail allows, or failed by the challenger. */
  readonly slow: number;
  /** Assigned requests of whole hours of event time whose labels are due. */
  readonly ripe: number;
  /** Requests with due labels (`ripe`) whose label arrived. */
  readonly labelled: number;
  /** Of a rollout by arms: entities of the current step, each counted with its first request. */
  readonly entities?: number;
}

/**
 * The challenger's answers in the current step, for language applications. In shadow these are the
 * answers that were not returned. Zeros for other models.
 */
export interface AnswerCounts {
  /** Assigned requests that were to be streamed, including failed ones. */
  readonly streamed: number;
  /** Streamed answers whose first token came later than the guardrail allows, or never. */
  readonly late: number;
  /** Answers with more tokens than the guardrail allows. */
  readonly costly: number;
  readonly blocked: number;
  readonly malformed: number;
}

/**
 * Adds observations to the state. Evidence that shows harm is never extended, so that a later
 * reader, for example after a crash of the worker, finds the same verdict under the same digest.
 */
export function addObservations(
  policy: RolloutPolicy,
  state: RolloutState,
  position: RolloutPosition,
  seen: RolloutObservations,
): RolloutState {
  if (seen.eventNow === null) return state;
  const { champion, challenger } = position;
  const before =
    state.evidence ?? startEvidence(policy, { champion, challenger, at: seen.eventNow });
  if (decideRollout(policy, before).kind === 'harm') return state;
  const grown =
    seen.ab === undefined
      ? countRequests(policy, observeLabels(policy, before, position, seen), seen)
      : withArms(policy, before, position, { ...seen, ab: seen.ab });
  const verdict = decideRollout(policy, grown);
  // The chart shows the deciding pairs, so it starts again when serving begins.
  const history = grown.servingSince === before.servingSince ? state.history : [];
  return {
    evidence: shareRequests(policy, grown, position, { ...seen, eventNow: seen.eventNow, verdict }),
    history: withPoint(history, grown, verdict),
  };
}

/** A bandit moves its share once all labels that are due are counted. */
function shareRequests(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  { status, weight: share = 0 }: RolloutPosition,
  seen: Pick<RolloutObservations, 'isBehind'> & {
    readonly eventNow: string;
    readonly verdict: RolloutVerdict;
  },
): RolloutEvidence {
  const { eventNow, isBehind = false, verdict } = seen;
  const mayMove = status === 'running' && verdict.kind === 'continue';
  return isBehind ? evidence : withShare(policy, evidence, { eventNow, share, mayMove });
}

function observeLabels(
  policy: RolloutPolicy,
  before: RolloutEvidence,
  { step, extendedSeconds, noMoreLabels }: RolloutPosition,
  seen: RolloutObservations,
): RolloutEvidence {
  // While a backlog is processed, its event time may lie before the evidence.
  const asOf =
    seen.ripeUntil !== null && Date.parse(seen.ripeUntil) > Date.parse(before.asOf)
      ? seen.ripeUntil
      : before.asOf;
  // Only the current value counts, because judging may have resumed.
  const { noMoreLabels: previous, ...measured } = before;
  const inStep = enterStep(
    policy,
    { ...measured, extendedSeconds, ...(noMoreLabels && { noMoreLabels }) },
    { step, at: before.asOf },
  );
  const isPaired = policy.quality.comparison === 'pairs';
  return observe(policy, withLabels(inStep, seen.checked), {
    asOf,
    pairs: isPaired ? seen.pairs.map(toPair) : [],
    answers: isPaired ? [] : seen.pairs.map(toArmObservation),
    requests: [],
  });
}

/**
 * Each challenger is measured like that of a rollout of its own, against the same champion. What a
 * stopped challenger has measured stays, and also what shows its harm before it is stopped.
 */
function withArms(
  policy: RolloutPolicy,
  before: RolloutEvidence,
  position: RolloutPosition,
  seen: RolloutObservations & { readonly ab: AbObservations },
): RolloutEvidence {
  const { champion, challengers, winner } = seen.ab;
  const { champion: championName } = position;
  const measured = splitArms(before);
  const own = armPolicy(policy);
  const grown = challengers.map((arm) => {
    const known =
      measured.find(({ challenger }) => challenger === arm.arm) ??
      startEvidence(own, { champion: championName, challenger: arm.arm, at: before.startedAt });
    const counts = { champion: champion.counts, challenger: arm.counts };
    const { ab: _, control: __, ...common } = before;
    const merged = { ...common, ...toArmEvidence(known) };
    const pairs =
      arm.isStopped || isStopped(before, arm.arm) || showsHarm(own, merged)
        ? null
        : seen.pairs.filter(
            ({ assignedVersion }) =>
              assignedVersion === champion.version || assignedVersion === arm.version,
          );
    if (pairs === null) {
      // Only the clock goes on.
      const { asOf, extendedSeconds } = observeLabels(own, merged, position, {
        ...seen,
        pairs: [],
      });
      return { ...merged, asOf, extendedSeconds };
    }
    const batch = {
      ...seen,
      step: counts,
      total: counts,
      phase: counts,
      pairs,
      ...(arm.control && { control: arm.control }),
    };
    return countRequests(own, observeLabels(own, merged, position, batch), batch);
  });
  const [first = before, ...others] = grown;
  return {
    ...first,
    ab: {
      entities: [...challengers, champion].map(({ arm, share, entities: n }) => ({
        arm,
        share,
        n,
      })),
      others: others.map(toArmEvidence),
      stopped: challengers.filter((arm) => arm.isStopped).map(({ arm }) => arm),
      ...(winner !== undefined && { winner }),
    },
  };
}

function showsHarm(policy: RolloutPolicy, arm: RolloutEvidence): boolean {
  return readMetrics(policy, arm).some(({ outcome }) => outcome === 'failed');
}

function withLabels(
  evidence: RolloutEvidence,
  checked: RolloutObservations['checked'],
): RolloutEvidence {
  const { quality } = evidence;
  if (checked === undefined || quality.kind === 'arms') return evidence;
  return { ...evidence, quality: { ...quality, judge: summarizeLabels(checked) } };
}

function toPair({
  eventTime,
  label,
  champion,
  challenger,
  step,
  sameAnswer = false,
  lateSeconds = 0,
  possible,
}: ObservedPair): PairObservation {
  const differences = possible?.differences;
  return {
    eventTimeMs: Date.parse(eventTime),
    label,
    champion,
    challenger,
    step,
    sameAnswer,
    lateSeconds,
    ...(differences && { differences }),
  };
}

function toArmObservation({
  eventTime,
  label,
  assigned,
  step,
  change,
  lateSeconds = 0,
  ...scores
}: ObservedPair): ArmObservation {
  return {
    eventTimeMs: Date.parse(eventTime),
    arm: assigned,
    label,
    score: scores[assigned],
    step,
    lateSeconds,
    ...(change && { change }),
  };
}

/**
 * Takes over the request counts of the registry. While the challenger answers requests, only
 * assigned ones count. With pairs it also scores all other requests, and these would end a small
 * step too early and hide errors of assigned requests.
 */
function countRequests(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  { step, total, phase = total, answers, control }: RolloutObservations,
): RolloutEvidence {
  const { guardrails, steps } = policy;
  const { requests, errors, assigned, fallbacks, slow } = step.challenger;
  const own =
    steps[evidence.step] === 0
      ? { n: requests, events: errors }
      : { n: assigned, events: fallbacks };
  const shares: Record<GuardrailSpec['name'], ShareState> = {
    errors: own,
    latency_ms: { n: assigned, events: slow },
    first_token_ms: { n: answers.streamed, events: answers.late },
    tokens: { n: own.n, events: answers.costly },
    blocked: { n: own.n, events: answers.blocked },
    format: { n: own.n, events: answers.malformed },
  };
  return {
    ...evidence,
    requestsInStep: own.n,
    guardrails: Object.fromEntries(guardrails.map(({ name }) => [name, shares[name]])),
    ...(control && { control }),
    quality: withMissing(evidence.quality, { step, phase }),
    ...entitiesIn(policy, evidence, step),
  };
}

function entitiesIn(
  policy: RolloutPolicy,
  { champion, challenger, step }: RolloutEvidence,
  counts: CountsByArm,
): Pick<RolloutEvidence, 'entities'> {
  const share = (policy.steps[step] ?? 0) / 100;
  if (alphaBudget(policy).perShares === 0 || share <= 0 || share >= 1) return {};
  return {
    entities: [
      { arm: challenger, share, n: counts.challenger.entities ?? 0 },
      { arm: champion, share: 1 - share, n: counts.champion.entities ?? 0 },
    ],
  };
}

function withMissing(
  quality: QualityEvidence,
  { step, phase }: { readonly step: CountsByArm; readonly phase: CountsByArm },
): QualityEvidence {
  const missing = ({ ripe, labelled }: ArmCounts) => Math.max(0, ripe - labelled);
  if (quality.kind === 'pairs')
    return { ...quality, unlabelled: missing(phase.champion) + missing(phase.challenger) };
  return {
    ...quality,
    unlabelled: { champion: missing(step.champion), challenger: missing(step.challenger) },
  };
}

function withPoint(
  history: readonly HistoryPoint[],
  { asOf }: RolloutEvidence,
  { readings }: RolloutVerdict,
): readonly HistoryPoint[] {
  const quality = findQuality(readings);
  if (quality === undefined || quality.estimate === null || quality.n === history.at(-1)?.n)
    return history;
  const { n, estimate, lower, upper } = quality;
  return addPoint(history, { n, eventTime: asOf, estimate, lower, upper });
}
