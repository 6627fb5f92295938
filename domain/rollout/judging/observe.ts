import type { GuardrailSpec } from '../canary';
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
import { clusteredDifference, noClusters, replaceTotal } from '../../statistics/cluster-sequence';
import { addLoss, stepWeight, type EntityChange } from './entity-losses';
import type {
  ArmLosses,
  ArmsEvidence,
  PairsEvidence,
  QualityEvidence,
  RolloutEvidence,
} from './evidence';
import { pairRange, requestLoss, type RequestLoss } from './loss';
import type {
  ArmObservation,
  ObservationBatch,
  PairObservation,
  RequestObservation,
} from './observation';
import { addLabel, noArmLabels, noLabelSums } from './labels/label-sums';
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
function firstWholeDay({ findDay, findStart }: Calendar, ms: number): number {
  const day = findDay(ms);
  return findStart(day) === ms ? day : day + 1;
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
 * Begins another step with new counts for guardrails and for the step itself. Pairs get new counts
 * when serving begins, because a good shadow does not exclude harm while serving. Arms only count
 * while serving. Entering the current step changes nothing.
 */
export function enterStep(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  entered: { readonly step: number; readonly at: string },
): RolloutEvidence {
  const { step, at } = entered;
  if (step === evidence.step) return evidence;
  const { entities: _, control: __, ...measured } = evidence;
  const { quality, servingSince } = measured;
  const begins = servingSince === null && isServing(policy, step);
  return {
    ...measured,
    step,
    stepStartedAt: at,
    servingSince: begins ? at : servingSince,
    guardrails: {},
    requestsInStep: 0,
    quality:
      quality.kind === 'arms'
        ? { ...withoutLabels(quality), ...newStep, ...(begins && { days: emptyDays }) }
        : {
            ...(begins ? withoutLabels(quality) : quality),
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

function withoutLabels<Quality extends QualityEvidence>({
  labels: _,
  ...quality
}: Quality): Omit<Quality, 'labels'> {
  return quality;
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

const noLosses: ArmLosses = { ...noClusters, n: 0 };
const none = { champion: 0, challenger: 0 };
const newStep = {
  step: { champion: noLosses, challenger: noLosses },
  unlabelled: none,
  overdue: 0,
  unscored: none,
} satisfies Partial<ArmsEvidence>;

function noArms(days: DaysState): ArmsEvidence {
  return {
    kind: 'arms',
    champion: noLosses,
    challenger: noLosses,
    days,
    atWeek: null,
    ...newStep,
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
      : withArms(policy, { quality, step: evidence.step, answers: seen.answers, calendar });
  const days = closeDaysBefore(grown.days, calendar.findDay(Date.parse(seen.asOf)));
  if (grown.kind === 'arms' && days.weeks > quality.days.weeks)
    return { ...grown, days, atWeek: computeVariance(grown) };
  return { ...grown, days };
}

function computeVariance({ challenger, champion }: ArmsEvidence): ArmsEvidence['atWeek'] {
  const found = clusteredDifference(challenger, champion);
  return found && { variance: found.variance, degrees: found.degrees };
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
  let { days, unlabelled, overdue, unscored, labels } = quality;
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
    if (isOfPhase) labels = addLabel(labels ?? noLabelSums, label);
    if (!isScore(champion) || !isScore(challenger)) {
      unscored += Number(isOfPhase);
      continue;
    }
    const losses = { challenger: loss.of(label, challenger), champion: loss.of(label, champion) };
    const range = possible ?? loss.computeDifferences({ champion, challenger, sameAnswer });
    const difference = { value: losses.challenger - losses.champion, ...range };
    differences[of].push(difference);
    if (of === 'serving' && step === present) differences.step.push(difference);
    if (!isOfPhase) continue;
    days = beginDays(days, calendar, eventTimeMs);
    const day = calendar.findDay(eventTimeMs);
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
    ...(labels && { labels }),
  };
}

/** Starts the days with the first complete one. */
function beginDays(days: DaysState, calendar: Calendar, eventTimeMs: number): DaysState {
  return days.weekFrom === null
    ? { ...startDaysAt(firstWholeDay(calendar, eventTimeMs)), late: days.late }
    : days;
}

function withArms(
  policy: RolloutPolicy,
  seen: {
    readonly quality: ArmsEvidence;
    readonly step: number;
    readonly answers: readonly ArmObservation[];
    readonly calendar: Calendar;
  },
): ArmsEvidence {
  const { quality, step: present, calendar } = seen;
  const loss = requestLoss(policy.quality);
  const unlabelled = { ...quality.unlabelled };
  const unscored = { ...quality.unscored };
  const serving = { champion: quality.champion, challenger: quality.challenger };
  const inStep = { ...quality.step };
  const lateAfter = lateAfterSeconds(policy.maxDurationSeconds);
  let { days, overdue, labels } = quality;
  for (const answer of seen.answers) {
    const { eventTimeMs, arm, step = present, lateSeconds = 0 } = answer;
    const isPresent = step === present;
    if (isPresent && lateSeconds > 0) {
      unlabelled[arm] = Math.max(0, unlabelled[arm] - 1);
      overdue += Number(lateSeconds > lateAfter);
    }
    const value = answerLoss(loss, answer);
    if (isPresent && value !== 'unlabelled')
      labels = withLabel(labels ?? noLabelsOfArms, { ...answer, label: answer.label ?? 0 });
    if (value === 'unlabelled') unlabelled[arm] += Number(isPresent);
    else if (value === 'unscored') unscored[arm] += Number(isPresent);
    else {
      const day = calendar.findDay(eventTimeMs);
      const weightOf = stepWeight(policy, arm);
      const { change = addLoss([], { step, day, loss: value }, weightOf).change } = answer;
      // Without a control, as in shadow, an answer compares nothing.
      if (weightOf(step) === 0) continue;
      serving[arm] = withChange(serving[arm], change.serving);
      if (isPresent) inStep[arm] = withChange(inStep[arm], change.step);
      days = addToDays(beginDays(days, calendar, eventTimeMs), {
        day,
        arm,
        loss: change.ofDay.sum,
        n: change.ofDay.weight,
      });
    }
  }
  const counts = { days, unlabelled, overdue, unscored, ...(labels && { labels }) };
  return { ...quality, ...serving, step: inStep, ...counts };
}

const noLabelsOfArms: NonNullable<ArmsEvidence['labels']> = {
  champion: noArmLabels,
  challenger: noArmLabels,
};

function withLabel(
  labels: NonNullable<ArmsEvidence['labels']>,
  { arm, label, lateSeconds = 0 }: ArmObservation & { readonly label: number },
): NonNullable<ArmsEvidence['labels']> {
  const grown = addLabel(labels[arm], label);
  return { ...labels, [arm]: { ...grown, late: grown.late + Number(lateSeconds > 0) } };
}

function withChange(
  { n, ...losses }: ArmLosses,
  { before, after }: EntityChange['serving'],
): ArmLosses {
  return { ...replaceTotal(losses, before, after), n: n + 1 };
}

/** The loss of an arm's answer, or why it has none. */
export function answerLoss(
  loss: Pick<RequestLoss, 'takes' | 'of'>,
  { label, score }: Pick<ArmObservation, 'label' | 'score'>,
): number | 'unlabelled' | 'unscored' {
  if (label === null || !loss.takes(label)) return 'unlabelled';
  return isScore(score) ? loss.of(label, score) : 'unscored';
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
