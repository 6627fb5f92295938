import type { GuardrailSpec } from '../../lifecycle/lifecycle';
import { openCalendar, type Calendar } from '../../calendar';
import {
  addToDays,
  closeDaysBefore,
  startDaysAt,
  emptyDays,
  type DaysState,
} from '../../statistics/days-sequence';
import { emptyRanged, extendRanged, type RangedValue } from '../../statistics/ranged-sequence';
import { addShare, type ShareState } from '../../statistics/share-sequence';
import type { ArmsEvidence, PairsEvidence, QualityEvidence, RolloutEvidence } from './evidence';
import { armRange, pairRange, requestLoss } from './loss';
import type {
  ArmObservation,
  ObservationBatch,
  PairObservation,
  RequestObservation,
} from './observation';
import { lateAfterSeconds } from '../missing-labels';
import { isServing, type RolloutPolicy } from '../policy';

export function startEvidence(
  policy: RolloutPolicy,
  started: { readonly champion: string; readonly challenger: string; readonly at: string },
): RolloutEvidence {
  const { champion, challenger, at } = started;
  const days = startDaysAt(firstWholeDay(openCalendar(policy.timezone), Date.parse(at)));
  return {
    kind: 'rollout',
    version: 2,
    champion,
    challenger,
    step: 0,
    startedAt: at,
    stepStartedAt: at,
    servingSince: isServing(policy, 0) ? at : null,
    asOf: at,
    extendedSeconds: 0,
    quality:
      policy.quality.comparison === 'pairs'
        ? { ...noPairs, phase: isServing(policy, 0) ? 'serving' : 'shadow', days }
        : noArms(days),
    guardrails: {},
    requestsInStep: 0,
  };
}

/** The first day that is covered completely: a part of a day has only some of its hours. */
function firstWholeDay({ dayOf, startOf }: Calendar, ms: number): number {
  const day = dayOf(ms);
  return startOf(day) === ms ? day : day + 1;
}

/**
 * Adds a batch to the evidence. Not idempotent: the same batch twice counts twice, so the caller
 * stores the new evidence together with its cursor.
 * @throws RangeError for a batch of the other comparison, or if event time runs backwards
 */
export function observe(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  seen: ObservationBatch & { readonly asOf: string },
): RolloutEvidence {
  if (Date.parse(seen.asOf) < Date.parse(evidence.asOf)) {
    throw new RangeError(
      `cannot add a batch as of ${seen.asOf}: the evidence is as of ${evidence.asOf}, which is later`,
    );
  }
  return {
    ...evidence,
    asOf: seen.asOf,
    quality: withQuality(policy, evidence, seen),
    guardrails: Object.fromEntries(
      policy.guardrails.map((guardrail) => [
        guardrail.name,
        addShare(
          evidence.guardrails[guardrail.name] ?? { n: 0, events: 0 },
          countEvents(guardrail, seen.requests),
        ),
      ]),
    ),
    requestsInStep: evidence.requestsInStep + seen.requests.length,
  };
}

/**
 * Begins another step with new counts for arms and guardrails. Pairs get new counts when serving
 * begins, because a good shadow does not exclude harm while serving. Entering the current step
 * changes nothing.
 */
export function enterStep(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  entered: { readonly step: number; readonly at: string },
): RolloutEvidence {
  const { step, at } = entered;
  if (step === evidence.step) return evidence;
  const { quality, servingSince } = evidence;
  const begins = servingSince === null && isServing(policy, step);
  return {
    ...evidence,
    step,
    stepStartedAt: at,
    servingSince: begins ? at : servingSince,
    guardrails: {},
    requestsInStep: 0,
    // The arms of two steps would contain different shares of each day.
    quality:
      quality.kind === 'arms'
        ? noArms(emptyDays)
        : {
            ...quality,
            step: emptyRanged(),
            ...(begins && {
              phase: 'serving',
              days: emptyDays,
              unscored: 0,
              unlabelled: 0,
              overdue: 0,
            }),
          },
  };
}

const noPairs: PairsEvidence = {
  kind: 'pairs',
  phase: 'shadow',
  shadow: emptyRanged(),
  serving: emptyRanged(),
  step: emptyRanged(),
  days: emptyDays,
  unlabelled: 0,
  overdue: 0,
  unscored: 0,
};

function noArms(days: DaysState): ArmsEvidence {
  const none = { champion: 0, challenger: 0 };
  return {
    kind: 'arms',
    champion: emptyRanged(),
    challenger: emptyRanged(),
    days,
    unlabelled: none,
    overdue: 0,
    unscored: none,
  };
}

function withQuality(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  seen: ObservationBatch & { readonly asOf: string },
): QualityEvidence {
  const { quality } = evidence;
  if ((quality.kind === 'pairs' ? seen.answers : seen.pairs).length > 0) {
    throw new RangeError(
      `cannot add this batch: the rollout compares ${quality.kind}, but the batch has the other kind`,
    );
  }
  const calendar = openCalendar(policy.timezone);
  const grown =
    quality.kind === 'pairs'
      ? withPairs(policy, { quality, step: evidence.step, pairs: seen.pairs, calendar })
      : withArms(policy, { quality, answers: seen.answers, calendar });
  return { ...grown, days: closeDaysBefore(grown.days, calendar.dayOf(Date.parse(seen.asOf))) };
}

function withPairs(
  policy: RolloutPolicy,
  seen: {
    readonly quality: PairsEvidence;
    readonly step: number;
    readonly pairs: readonly PairObservation[];
    readonly calendar: Calendar;
  },
): PairsEvidence {
  const { quality, step: present, calendar } = seen;
  const loss = requestLoss(policy.quality);
  const lateAfter = lateAfterSeconds(policy.maxDurationSeconds);
  let { days, unlabelled, overdue, unscored } = quality;
  const differences = {
    shadow: [] as RangedValue[],
    serving: [] as RangedValue[],
    step: [] as RangedValue[],
  };
  for (const {
    eventTimeMs,
    label,
    champion,
    challenger,
    step = present,
    sameAnswer = false,
    lateSeconds = 0,
    differences: possible,
  } of seen.pairs) {
    // Labels of the shadow may still become due while the challenger answers requests.
    const of = isServing(policy, step) ? 'serving' : 'shadow';
    const isOfPhase = of === quality.phase;
    if (label === null || !loss.takes(label)) {
      unlabelled += Number(isOfPhase);
      continue;
    }
    if (isOfPhase && lateSeconds > 0) {
      // It counted as missing until now.
      unlabelled = Math.max(0, unlabelled - 1);
      overdue += Number(lateSeconds > lateAfter);
    }
    if (!isScore(champion) || !isScore(challenger)) {
      unscored += Number(isOfPhase);
      continue;
    }
    const losses = { challenger: loss.of(label, challenger), champion: loss.of(label, champion) };
    const range = possible ?? loss.differencesOf({ champion, challenger, sameAnswer });
    const difference = { value: losses.challenger - losses.champion, ...range };
    differences[of].push(difference);
    if (of === 'serving' && step === present) differences.step.push(difference);
    if (!isOfPhase) continue;
    days = begun(days, calendar, eventTimeMs);
    const day = calendar.dayOf(eventTimeMs);
    for (const arm of ['challenger', 'champion'] as const)
      days = addToDays(days, { day, arm, loss: losses[arm] });
  }
  const range = pairRange(loss);
  return {
    ...quality,
    shadow: extendRanged(quality.shadow, range, differences.shadow),
    serving: extendRanged(quality.serving, range, differences.serving),
    step: extendRanged(quality.step, range, differences.step),
    days,
    unlabelled,
    overdue,
    unscored,
  };
}

/** Starts the days with the first complete one. */
function begun(days: DaysState, calendar: Calendar, eventTimeMs: number): DaysState {
  return days.weekFrom === null
    ? { ...startDaysAt(firstWholeDay(calendar, eventTimeMs)), late: days.late }
    : days;
}

function withArms(
  policy: RolloutPolicy,
  seen: {
    readonly quality: ArmsEvidence;
    readonly answers: readonly ArmObservation[];
    readonly calendar: Calendar;
  },
): ArmsEvidence {
  const { quality, calendar } = seen;
  const loss = requestLoss(policy.quality);
  const unlabelled = { ...quality.unlabelled };
  const unscored = { ...quality.unscored };
  const lateAfter = lateAfterSeconds(policy.maxDurationSeconds);
  let { days, overdue } = quality;
  const losses = { champion: [] as RangedValue[], challenger: [] as RangedValue[] };
  for (const answer of seen.answers) {
    const { eventTimeMs, arm, label, score, lateSeconds = 0, losses: possible } = answer;
    if (lateSeconds > 0) {
      unlabelled[arm] = Math.max(0, unlabelled[arm] - 1);
      overdue += Number(lateSeconds > lateAfter);
    }
    if (label === null || !loss.takes(label)) unlabelled[arm] += 1;
    else if (!isScore(score)) unscored[arm] += 1;
    else {
      const value = loss.of(label, score);
      losses[arm].push({ value, ...(possible ?? loss.rangeOf(score)) });
      days = addToDays(begun(days, calendar, eventTimeMs), {
        day: calendar.dayOf(eventTimeMs),
        arm,
        loss: value,
      });
    }
  }
  const range = armRange(loss);
  return {
    kind: 'arms',
    champion: extendRanged(quality.champion, range, losses.champion),
    challenger: extendRanged(quality.challenger, range, losses.challenger),
    days,
    unlabelled,
    overdue,
    unscored,
  };
}

/** NaN counts as no score. */
function isScore(score: number | null): score is number {
  return score !== null && !Number.isNaN(score);
}

function countEvents(
  guardrail: GuardrailSpec,
  requests: readonly RequestObservation[],
): ShareState {
  const { name, max } = guardrail;
  const share = (
    of: readonly RequestObservation[],
    isEvent: (request: RequestObservation) => boolean,
  ): ShareState => ({
    n: of.length,
    events: of.filter(isEvent).length,
  });
  switch (name) {
    case 'errors':
      return share(requests, ({ failed }) => failed);
    case 'latency_ms':
      return share(requests, ({ latencyMs }) => latencyMs === null || latencyMs > max);
    case 'first_token_ms': {
      const streamed = requests.filter(
        ({ answer }) => answer == null || answer.firstTokenMs !== null,
      );
      return share(streamed, ({ answer }) => (answer?.firstTokenMs ?? Infinity) > max);
    }
    case 'tokens':
      return share(requests, ({ answer }) => (answer?.tokens ?? 0) > max);
    case 'blocked':
      return share(requests, ({ answer }) => answer?.blocked ?? false);
    case 'format':
      return share(requests, ({ answer }) => answer?.malformed ?? false);
  }
}
