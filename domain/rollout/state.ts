import type { GuardrailSpec } from '../lifecycle/lifecycle';
import type { ShareState } from '../statistics/share-sequence';
import { decideRollout } from './judging/decide-rollout';
import type { EventClock } from './event-clock';
import type { NoMoreLabels, QualityEvidence, RolloutEvidence } from './judging/evidence';
import type { HistoryPoint } from './history';
import { addPoint } from './history';
import { foldLabels, type CheckedPair } from './judging/judge-labels';
import type { LossRange } from './judging/loss';
import type { ArmObservation, PairObservation } from './judging/observation';
import { enterStep, observe, startEvidence } from './judging/observe';
import type { RolloutPolicy } from './policy';
import type { MetricReading, RolloutVerdict } from './judging/verdict';

/**
 * What a rollout's row remembers of its watching. JSON of a few kilobytes, whatever the traffic.
 */
export interface RolloutState {
  /**
   * Null before there was traffic: until then event time is not known, which may be that of a
   * replayed past.
   */
  readonly evidence: RolloutEvidence | null;
  /** Points of its drawing. */
  readonly history: readonly HistoryPoint[];
  /** Kept by the registry, which knows both times. */
  readonly clock?: EventClock;
}

export const nothingSeen: RolloutState = { evidence: null, history: [] };

/** Where the rollout stands when something is seen. */
export interface Standing {
  /** `name@version`. */
  readonly champion: string;
  readonly challenger: string;
  readonly step: number;
  readonly extendedSeconds: number;
  readonly noMoreLabels?: NoMoreLabels | undefined;
}

/** What the registry hands out: labels that are due, and how often the arms were asked. */
export interface Seen {
  /** RFC 3339; null before there was traffic. */
  readonly eventNow: string | null;
  /** Every labelled request up to here has had its turn. */
  readonly ripeUntil: string | null;
  readonly step: ArmsCounted;
  readonly total: ArmsCounted;
  readonly answers: AnswersCounted;
  readonly pairs: readonly SeenPair[];
  /**
   * Where a judge scores the answers and people have labelled more of them: all their labels, in
   * the order in which they came.
   */
  readonly checked?: readonly CheckedPair[];
}

export interface SeenPair {
  readonly eventTime: string;
  readonly label: number;
  readonly champion: number | null;
  readonly challenger: number | null;
  /**
   * Whom the entity belonged to, also where it failed and the other one answered: else its hard
   * cases would count against the other.
   */
  readonly assigned: 'champion' | 'challenger';
  readonly step: number;
  /** Of a language application, where both versions gave the same text. */
  readonly sameAnswer?: boolean;
  /** Of a multiclass model: what was possible before the label was known. */
  readonly possible?: PossibleLosses;
}

export interface PossibleLosses {
  /** Challenger minus champion; null where one of them gave no score. */
  readonly differences: LossRange | null;
  readonly champion: LossRange | null;
  readonly challenger: LossRange | null;
}

export interface ArmsCounted {
  readonly champion: ArmCounted;
  readonly challenger: ArmCounted;
}

/** Requests of one arm; each is counted once, when it is stored. */
export interface ArmCounted {
  /** It was asked for a score, beside the answer included. */
  readonly requests: number;
  /** Of `requests`, those it failed: an error, a timeout, a score that is no number. */
  readonly errors: number;
  /** Requests of its entities: it was to answer them. */
  readonly assigned: number;
  /**
   * Of `assigned`, those that it failed, so that the champion answered; the champion itself has
   * none.
   */
  readonly fallbacks: number;
  /**
   * Of `assigned`, those answered later than the latency guardrail allows, and those that the
   * challenger failed.
   */
  readonly slow: number;
  /**
   * Of `assigned`, those of whole hours of event time whose labels are due, and how many of these
   * came.
   */
  readonly ripe: number;
  readonly labelled: number;
}

/**
 * The challenger's answers in the present step, where it is a language application: in shadow those
 * beside the answers, later its own. Nothing but zeros of others.
 */
export interface AnswersCounted {
  /**
   * Of its own, those that were to be streamed, also where it failed; and of these the ones whose
   * first piece came later than the guardrail allows, or never.
   */
  readonly streamed: number;
  readonly late: number;
  /** With more tokens than the guardrail allows. */
  readonly costly: number;
  readonly blocked: number;
  readonly malformed: number;
}

/**
 * Folds what was seen into the state. Harm is latched here: evidence that shows it is never added
 * to again, so that whoever asks later, also after the death of the worker that found it, is told
 * the same by the same digest.
 */
export function growState(
  policy: RolloutPolicy,
  state: RolloutState,
  standing: Standing,
  seen: Seen,
): RolloutState {
  if (seen.eventNow === null) return state;
  const { champion, challenger } = standing;
  const before =
    state.evidence ?? startEvidence(policy, { champion, challenger, at: seen.eventNow });
  if (decideRollout(policy, before).kind === 'harm') return state;
  const grown = counted(policy, observed(policy, before, standing, seen), seen);
  const verdict = decideRollout(policy, grown);
  // The drawing is of what decides: once people are answered, of that alone.
  const history = grown.servingSince === before.servingSince ? state.history : [];
  return { evidence: grown, history: withPoint(history, grown, verdict) };
}

function observed(
  policy: RolloutPolicy,
  before: RolloutEvidence,
  { step, extendedSeconds, noMoreLabels }: Standing,
  seen: Seen,
): RolloutEvidence {
  // While a queue is worked off, what it has handed out may lie before what is known already.
  const asOf =
    seen.ripeUntil !== null && Date.parse(seen.ripeUntil) > Date.parse(before.asOf)
      ? seen.ripeUntil
      : before.asOf;
  // As whoever watches says it now, not as it was said before: judging may have begun again.
  const { noMoreLabels: saidBefore, ...measured } = before;
  const inStep = enterStep(
    policy,
    { ...measured, extendedSeconds, ...(noMoreLabels && { noMoreLabels }) },
    { step, at: before.asOf },
  );
  const isPaired = policy.quality.comparison === 'pairs';
  return observe(policy, withLabels(inStep, seen.checked), {
    asOf,
    pairs: isPaired ? seen.pairs.map(pairOf) : [],
    // Of an earlier step: its arms are no longer compared.
    answers: isPaired ? [] : seen.pairs.filter((pair) => pair.step === step).map(answerOf),
    requests: [],
  });
}

function withLabels(evidence: RolloutEvidence, checked: Seen['checked']): RolloutEvidence {
  const { quality } = evidence;
  if (checked === undefined || quality.kind === 'arms') return evidence;
  return { ...evidence, quality: { ...quality, judge: foldLabels(checked) } };
}

function pairOf({
  eventTime,
  label,
  champion,
  challenger,
  step,
  sameAnswer = false,
  possible,
}: SeenPair): PairObservation {
  const differences = possible?.differences;
  return {
    eventTimeMs: Date.parse(eventTime),
    label,
    champion,
    challenger,
    step,
    sameAnswer,
    ...(differences && { differences }),
  };
}

function answerOf({ eventTime, label, assigned, possible, ...scores }: SeenPair): ArmObservation {
  const losses = possible?.[assigned];
  return {
    eventTimeMs: Date.parse(eventTime),
    arm: assigned,
    label,
    score: scores[assigned],
    ...(losses && { losses }),
  };
}

/**
 * The registry counts requests, so they are taken over as they stand instead of being added up
 * again. Where the challenger answers people, those count alone: in pairs it goes on scoring all
 * the others beside the champion, which would end a step of few entities before these were seen,
 * and hide what they met.
 */
function counted(
  { guardrails, steps }: RolloutPolicy,
  evidence: RolloutEvidence,
  { step, total, answers }: Seen,
): RolloutEvidence {
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
    quality: withMissing(evidence.quality, { step, total }),
  };
}

function withMissing(
  quality: QualityEvidence,
  { step, total }: { readonly step: ArmsCounted; readonly total: ArmsCounted },
): QualityEvidence {
  const missing = ({ ripe, labelled }: ArmCounted) => Math.max(0, ripe - labelled);
  if (quality.kind === 'pairs')
    return { ...quality, unlabelled: missing(total.champion) + missing(total.challenger) };
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
  const quality = qualityIn(readings);
  if (quality === undefined || quality.estimate === null || quality.n === history.at(-1)?.n)
    return history;
  const { n, estimate, lower, upper } = quality;
  return addPoint(history, { n, eventTime: asOf, estimate, lower, upper });
}

export function qualityIn(readings: readonly MetricReading[]): MetricReading | undefined {
  return readings.find(({ role }) => role === 'quality');
}
