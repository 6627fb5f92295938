import type { GuardrailSpec } from '../lifecycle';
import { addToDays, closeDaysBefore, noDays, type DaysState } from '../statistics/days-sequence';
import { emptyMean, extendMean } from '../statistics/mean-sequence';
import { addShare, type ShareState } from '../statistics/share-sequence';
import type { ArmsEvidence, PairsEvidence, QualityEvidence, RolloutEvidence } from './evidence';
import { armRange, pairRange, requestLoss } from './loss';
import type { ArmObservation, ObservationBatch, PairObservation, RequestObservation } from './observation';
import type { RolloutPolicy } from './policy';

export function startEvidence(
  policy: RolloutPolicy,
  started: { readonly champion: string; readonly challenger: string; readonly at: string },
): RolloutEvidence {
  const { champion, challenger, at } = started;
  return {
    kind: 'rollout',
    version: 1,
    champion,
    challenger,
    step: 0,
    startedAt: at,
    stepStartedAt: at,
    asOf: at,
    extendedSeconds: 0,
    quality: policy.quality.comparison === 'pairs' ? noPairs : noArms(noDays),
    guardrails: {},
    requestsInStep: 0,
    shown: null,
  };
}

/**
 * Folds a batch into the evidence. Pure, and not idempotent: the same batch twice counts twice, so the caller stores the new evidence and its own cursor
 * together. Throws a RangeError on a batch of the other comparison, and when event time runs backwards.
 */
export function observe(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  seen: ObservationBatch & { readonly asOf: string },
): RolloutEvidence {
  if (Date.parse(seen.asOf) < Date.parse(evidence.asOf)) {
    throw new RangeError(`the evidence is of ${evidence.asOf} already: ${seen.asOf} lies before it`);
  }
  return {
    ...evidence,
    asOf: seen.asOf,
    quality: withQuality(policy, evidence, seen),
    guardrails: Object.fromEntries(
      policy.guardrails.map((guardrail) => [
        guardrail.name,
        addShare(evidence.guardrails[guardrail.name] ?? { n: 0, events: 0 }, countEvents(guardrail, seen.requests)),
      ]),
    ),
    requestsInStep: evidence.requestsInStep + seen.requests.length,
  };
}

/** Begins another step. Arms and guardrails are counted anew; pairs go on, as they do not depend on who answered. Entering the step that one is in changes nothing. */
export function enterStep(evidence: RolloutEvidence, entered: { readonly step: number; readonly at: string }): RolloutEvidence {
  if (entered.step === evidence.step) return evidence;
  const { quality } = evidence;
  return {
    ...evidence,
    step: entered.step,
    stepStartedAt: entered.at,
    guardrails: {},
    requestsInStep: 0,
    // A day in which the weights changed would hold different hours in either arm.
    quality: quality.kind === 'pairs' ? quality : noArms({ ...quality.days, open: null, late: 0 }),
  };
}

const noPairs: PairsEvidence = { kind: 'pairs', traffic: emptyMean(), days: noDays, unlabelled: 0, unscored: 0 };

function noArms(days: DaysState): ArmsEvidence {
  const none = { champion: 0, challenger: 0 };
  return { kind: 'arms', champion: emptyMean(), challenger: emptyMean(), days, unlabelled: none, unscored: none };
}

function withQuality(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  seen: ObservationBatch & { readonly asOf: string },
): QualityEvidence {
  const { quality } = evidence;
  if ((quality.kind === 'pairs' ? seen.answers : seen.pairs).length > 0) {
    throw new RangeError(`this rollout compares ${quality.kind}, and the batch holds the other kind`);
  }
  const startedMs = Date.parse(evidence.startedAt);
  // Requests may be older than the rollout's clock, which begins when it is first read: they belong to the first day.
  const dayOf = (eventTimeMs: number) => Math.max(0, Math.floor((eventTimeMs - startedMs) / 86_400_000));
  const grown =
    quality.kind === 'pairs'
      ? withPairs(policy, quality, { pairs: seen.pairs, dayOf })
      : withArms(policy, quality, { answers: seen.answers, dayOf });
  return { ...grown, days: closeDaysBefore(grown.days, dayOf(Date.parse(seen.asOf))) };
}

function withPairs(
  { quality }: RolloutPolicy,
  evidence: PairsEvidence,
  { pairs, dayOf }: { readonly pairs: readonly PairObservation[]; readonly dayOf: (eventTimeMs: number) => number },
): PairsEvidence {
  const loss = requestLoss(quality);
  let { days, unlabelled, unscored } = evidence;
  const differences: number[] = [];
  for (const { eventTimeMs, label, champion, challenger } of pairs) {
    if (label === null || !loss.takes(label)) unlabelled += 1;
    else if (!isScore(champion) || !isScore(challenger)) unscored += 1;
    else {
      const of = { challenger: loss.of(label, challenger), champion: loss.of(label, champion) };
      differences.push(of.challenger - of.champion);
      const day = dayOf(eventTimeMs);
      for (const arm of ['challenger', 'champion'] as const) days = addToDays(days, { day, arm, loss: of[arm] });
    }
  }
  return { kind: 'pairs', traffic: extendMean(evidence.traffic, pairRange(loss), differences), days, unlabelled, unscored };
}

function withArms(
  { quality }: RolloutPolicy,
  evidence: ArmsEvidence,
  { answers, dayOf }: { readonly answers: readonly ArmObservation[]; readonly dayOf: (eventTimeMs: number) => number },
): ArmsEvidence {
  const loss = requestLoss(quality);
  const unlabelled = { ...evidence.unlabelled };
  const unscored = { ...evidence.unscored };
  let { days } = evidence;
  const losses = { champion: [] as number[], challenger: [] as number[] };
  for (const { eventTimeMs, arm, label, score } of answers) {
    if (label === null || !loss.takes(label)) unlabelled[arm] += 1;
    else if (!isScore(score)) unscored[arm] += 1;
    else {
      const value = loss.of(label, score);
      losses[arm].push(value);
      days = addToDays(days, { day: dayOf(eventTimeMs), arm, loss: value });
    }
  }
  const range = armRange(loss);
  return {
    kind: 'arms',
    champion: extendMean(evidence.champion, range, losses.champion),
    challenger: extendMean(evidence.challenger, range, losses.challenger),
    days,
    unlabelled,
    unscored,
  };
}

/** A model that answers NaN has given no score. */
function isScore(score: number | null): score is number {
  return score !== null && !Number.isNaN(score);
}

function countEvents(guardrail: GuardrailSpec, requests: readonly RequestObservation[]): ShareState {
  const { name, max } = guardrail;
  const share = (of: readonly RequestObservation[], isEvent: (request: RequestObservation) => boolean): ShareState => ({
    n: of.length,
    events: of.filter(isEvent).length,
  });
  switch (name) {
    case 'errors':
      return share(requests, ({ failed }) => failed);
    case 'latency_ms':
      return share(requests, ({ latencyMs }) => latencyMs === null || latencyMs > max);
    case 'first_token_ms': {
      const streamed = requests.filter(({ answer }) => answer == null || answer.firstTokenMs !== null);
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
