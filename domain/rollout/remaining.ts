import { scaledMean } from '../statistics/mean-sequence';
import { daysOfWeek } from '../calendar';
import { daysAfterWeeks, closedDaysOfWeek } from '../statistics/days-sequence';
import { rangedWealth, scaledRanged, type RangedState } from '../statistics/ranged-sequence';
import { clusterBounds, scaledClusters } from '../statistics/cluster-sequence';
import type {
  ArmLosses,
  PairsEvidence,
  QualityEvidence,
  RolloutEvidence,
} from './judging/evidence';
import { observedLimit } from './judging/judge-error';
import { pairRange, requestLoss } from './judging/loss';
import { alphaBudget, isLastOfSteps, isSwitched, type RolloutPolicy } from './policy';
import { secondsToMinimum } from './judging/hold-reasons';
import {
  dayBounds,
  decidingPairs,
  judgeErrorIn,
  countLabelled,
  computeLimit,
  isPromotionStep,
  trafficBounds,
} from './judging/readings';
import type { MetricReading, Remaining } from './judging/verdict';

/** Limits of the forecast; beyond them the answer is "never at this rate". */
const maxTimes = 10_000;
const maxWeeks = 100;
const daySeconds = 86_400;

/**
 * Forecasts how much more the current step needs at the current rate: the same means, spreads and
 * traffic. No rule uses it. A field is null if more of the same would never be enough, or if there
 * is no observation yet.
 */
export function forecastRemaining(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  readings: readonly MetricReading[],
): Remaining {
  const requests = secondsForRequests(policy, evidence);
  // After a blue/green switch, quality need not be shown.
  const isShown =
    isSwitched(policy, evidence.step) ||
    readings.some(({ role, outcome }) => role === 'quality' && outcome === 'passed');
  const inLastStep = forecastLastStep(policy, evidence);
  if (inLastStep === null) return { observations: null, seconds: null };
  const { quality, servingSince, startedAt, asOf } = evidence;
  const n = countLabelled(quality);
  const elapsed = secondsBetween(servingSince ?? startedAt, asOf);
  const isSeen = n > 0 && elapsed > 0;
  const traffic = isShown
    ? 1
    : isSeen
      ? timesUntil((times) => isShownOnTraffic(policy, scaleQuality(quality, times)))
      : null;
  if (traffic === null) return { observations: null, seconds: null };
  // Quality may be shown before there are `minSamples` labels.
  const observations = isSwitched(policy, evidence.step)
    ? 0
    : Math.max(
        0,
        policy.test.minSamples - n,
        Math.ceil(n * (traffic - 1)),
        inLastStep.observations,
      );
  const labels = observations === 0 ? 0 : isSeen ? (observations * elapsed) / n : null;
  const days = isShown ? 0 : secondsForDays(policy, evidence);
  if (labels === null || days === null || requests === null) return { observations, seconds: null };
  return {
    observations,
    seconds: Math.ceil(
      Math.max(requests, secondsToMinimum(policy, evidence), labels, days, inLastStep.seconds),
    ),
  };
}

/** Until the last of several steps shows quality on its own traffic; null: never at this rate. */
function forecastLastStep(
  policy: RolloutPolicy,
  { quality, step, stepStartedAt, asOf }: RolloutEvidence,
): { readonly observations: number; readonly seconds: number } | null {
  if (!isLastOfSteps(policy, step)) return { observations: 0, seconds: 0 };
  const { champion, challenger } =
    quality.kind === 'arms' ? quality.step : { champion: quality.step, challenger: quality.step };
  const n = Math.min(champion.n, challenger.n);
  const elapsed = secondsBetween(stepStartedAt, asOf);
  if (n === 0 || elapsed <= 0) return null;
  const alpha = alphaBudget(policy).perStep.shown;
  const times = timesUntil((times) => {
    if (quality.kind === 'pairs')
      return showsDemand(policy, quality, { pairs: scaledRanged(quality.step, times), alpha });
    const arm = (name: 'champion' | 'challenger') => scaledClusters(quality.step[name], times);
    const bounds = clusterBounds(arm('challenger'), arm('champion'), alpha);
    return bounds !== null && bounds.upper < computeLimit(policy);
  });
  if (times === null) return null;
  return { observations: Math.ceil(n * (times - 1)), seconds: elapsed * (times - 1) };
}

/** Seconds to the end of the first week that would show quality across days. */
function secondsForDays(policy: RolloutPolicy, { step, quality }: RolloutEvidence): number | null {
  if (!policy.quality.acrossDays || !isPromotionStep(policy, step)) return 0;
  const { days } = quality;
  for (let weeks = Math.max(1, days.weeks + 1); weeks <= maxWeeks; weeks += 1) {
    const later = daysAfterWeeks(days, weeks);
    if (later === null) return null;
    const bounds = dayBounds(policy, quality, later);
    if (bounds !== null && bounds.upper < computeLimit(policy))
      return ((weeks - days.weeks) * daysOfWeek - closedDaysOfWeek(days)) * daySeconds;
  }
  return null;
}

function secondsForRequests(
  { test }: RolloutPolicy,
  { requestsInStep, stepStartedAt, asOf }: RolloutEvidence,
): number | null {
  const lacking = test.minSamples - requestsInStep;
  if (lacking <= 0) return 0;
  return requestsInStep === 0
    ? null
    : (lacking * secondsBetween(stepStartedAt, asOf)) / requestsInStep;
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

function isShownOnTraffic(policy: RolloutPolicy, quality: QualityEvidence): boolean {
  if (quality.kind === 'arms' || policy.quality.missingLabels === 'worstCase')
    return trafficBounds(policy, quality).upper < computeLimit(policy);
  const alpha = alphaBudget(policy).qualityPerSide;
  return showsDemand(policy, quality, { pairs: decidingPairs(quality), alpha });
}

/** Compares wealth instead of searching for the bound: a forecast calls this about thirty times. */
function showsDemand(
  policy: RolloutPolicy,
  quality: PairsEvidence,
  { pairs, alpha }: { readonly pairs: RangedState; readonly alpha: number },
): boolean {
  const error = judgeErrorIn(policy, quality);
  const limit = error === null ? computeLimit(policy) : observedLimit(computeLimit(policy), error);
  return (
    rangedWealth(pairs, pairRange(requestLoss(policy.quality)), limit).atLeast > -Math.log(alpha)
  );
}

function scaleQuality(quality: QualityEvidence, times: number): QualityEvidence {
  if (quality.kind === 'pairs')
    return {
      ...quality,
      [quality.phase]: scaledRanged(decidingPairs(quality), times),
      unscored: quality.unscored * times,
      unlabelled: quality.unlabelled * times,
      // Labels grow at the same rate.
      ...(quality.judge && {
        judge: { ...quality.judge, errors: scaledMean(quality.judge.errors, times) },
      }),
    };
  return {
    ...quality,
    champion: scaledLosses(quality.champion, times),
    challenger: scaledLosses(quality.challenger, times),
  };
}

/** As many entities more as labels, each like those so far. */
function scaledLosses({ n, ...losses }: ArmLosses, times: number): ArmLosses {
  return { ...scaledClusters(losses, times), n: n * times };
}

/** The smallest factor ≥ 1 that is enough, by bisection: more of the same never shows less. */
function timesUntil(enough: (times: number) => boolean): number | null {
  if (enough(1)) return 1;
  let [low, high] = [1, 2];
  while (!enough(high)) {
    if (high > maxTimes) return null;
    [low, high] = [high, high * 2];
  }
  while (high - low > 0.002 * high) {
    const middle = (low + high) / 2;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
