import { scaledDays } from '../statistics/days-sequence';
import { scaledMean, wealthAgainst } from '../statistics/mean-sequence';
import type { QualityEvidence, RolloutEvidence, ShownMark } from './evidence';
import { observedLimit } from './judge-error';
import { pairRange, requestLoss } from './loss';
import { alphaBudget, type RolloutPolicy } from './policy';
import { dayBounds, errorIn, labelledOf, trafficBounds } from './readings';
import type { Remaining } from './verdict';

/** More than that is as good as never. */
const mostTimes = 10_000;

/**
 * How much more it needs if everything goes on as so far: the same means, the same spreads, the same traffic. A forecast, and no part of any rule. Counts what
 * quality and the step's requests need; null where the same again would never be enough, or where nothing was seen to go by.
 */
export function remainingOf(policy: RolloutPolicy, evidence: RolloutEvidence, shown: ShownMark | null): Remaining {
  const requests = secondsForRequests(policy, evidence);
  if (shown !== null) return { observations: 0, seconds: requests === null ? null : Math.ceil(requests) };
  const { quality } = evidence;
  const n = labelledOf(quality);
  const elapsed = secondsBetween(evidence.startedAt, evidence.asOf);
  const traffic = n === 0 || elapsed <= 0 ? null : timesUntil((times) => isShownOnTraffic(policy, scaled(quality, times)));
  if (traffic === null) return { observations: null, seconds: null };
  const observations = Math.max(0, policy.test.minSamples - n, Math.ceil(n * (traffic - 1)));
  const days = policy.quality.acrossDays ? timesUntil((times) => isShownAcrossDays(policy, scaled(quality, times))) : 1;
  if (days === null || requests === null) return { observations, seconds: null };
  const untilDuration = policy.test.minDurationSeconds - elapsed;
  return { observations, seconds: Math.ceil(Math.max(requests, untilDuration, (observations * elapsed) / n, elapsed * (days - 1))) };
}

function secondsForRequests({ test }: RolloutPolicy, { requestsInStep, stepStartedAt, asOf }: RolloutEvidence): number | null {
  const lacking = test.minSamples - requestsInStep;
  if (lacking <= 0) return 0;
  return requestsInStep === 0 ? null : (lacking * secondsBetween(stepStartedAt, asOf)) / requestsInStep;
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

function isShownOnTraffic(policy: RolloutPolicy, quality: QualityEvidence): boolean {
  if (quality.kind === 'arms') return trafficBounds(policy, quality).upper < limitOf(policy);
  // The same without searching for the bound: this is asked some thirty times for one forecast.
  const error = errorIn(policy, quality);
  const limit = error === null ? limitOf(policy) : observedLimit(limitOf(policy), error);
  const { atLeast } = wealthAgainst(quality.traffic, pairRange(requestLoss(policy.quality)), limit);
  return atLeast > -Math.log(alphaBudget(policy).qualityPerSide);
}

function isShownAcrossDays(policy: RolloutPolicy, quality: QualityEvidence): boolean {
  const bounds = dayBounds(policy, quality);
  return bounds !== null && bounds.upper < limitOf(policy);
}

function limitOf({ quality }: RolloutPolicy): number {
  return quality.rule === 'nonInferiority' ? quality.margin : -quality.margin;
}

function scaled(quality: QualityEvidence, times: number): QualityEvidence {
  const days = scaledDays(quality.days, times);
  if (quality.kind === 'pairs')
    return { ...quality, days, traffic: scaledMean(quality.traffic, times), unscored: quality.unscored * times };
  return { ...quality, days, champion: scaledMean(quality.champion, times), challenger: scaledMean(quality.challenger, times) };
}

/** The least multiple of what was seen, from 1 on, that is enough; by doubling and halving, as more of the same never says less. */
function timesUntil(enough: (times: number) => boolean): number | null {
  if (enough(1)) return 1;
  let [low, high] = [1, 2];
  while (!enough(high)) {
    if (high > mostTimes) return null;
    [low, high] = [high, high * 2];
  }
  while (high - low > 0.002 * high) {
    const middle = (low + high) / 2;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
