import { boundsAcrossDays, scaledDays } from '../statistics/days-sequence';
import { scaledMean } from '../statistics/mean-sequence';
import type { QualityEvidence, RolloutEvidence, ShownMark } from './evidence';
import { alphaBudget, type RolloutPolicy } from './policy';
import { labelledOf, trafficBounds } from './readings';
import type { Remaining } from './verdict';

/** More than that is as good as never. */
const mostTimes = 10_000;

/** How much more the quality verdict needs if everything goes on as so far: the same means, the same spreads, the same traffic. A forecast, and no part of any rule. */
export function remainingOf(policy: RolloutPolicy, evidence: RolloutEvidence, shown: ShownMark | null): Remaining {
  const { quality } = evidence;
  const elapsed = (Date.parse(evidence.asOf) - Date.parse(evidence.startedAt)) / 1000;
  const untilDuration = Math.max(0, policy.test.minDurationSeconds - elapsed);
  const n = labelledOf(quality);
  if (n === 0 || elapsed <= 0) return { observations: null, seconds: null };
  const traffic = shown === null ? timesUntil((times) => isShownOnTraffic(policy, scaled(quality, times))) : 1;
  const days = shown === null && policy.quality.acrossDays ? timesUntil((times) => isShownAcrossDays(policy, scaled(quality, times))) : 1;
  if (traffic === null) return { observations: null, seconds: null };
  const observations = Math.max(0, policy.test.minSamples - n, Math.ceil(n * (traffic - 1)));
  if (days === null) return { observations, seconds: null };
  const seconds = Math.max(untilDuration, (observations * elapsed) / n, elapsed * (days - 1));
  return { observations, seconds: Math.ceil(seconds) };
}

function isShownOnTraffic(policy: RolloutPolicy, quality: QualityEvidence): boolean {
  return trafficBounds(policy, quality).upper < limitOf(policy);
}

function isShownAcrossDays(policy: RolloutPolicy, { days }: QualityEvidence): boolean {
  const bounds = boundsAcrossDays(days, alphaBudget(policy).acrossDays);
  return bounds !== null && bounds.upper < limitOf(policy);
}

function limitOf({ quality }: RolloutPolicy): number {
  return quality.rule === 'nonInferiority' ? quality.margin : -quality.margin;
}

function scaled(quality: QualityEvidence, times: number): QualityEvidence {
  const days = scaledDays(quality.days, times);
  if (quality.kind === 'pairs') return { ...quality, days, traffic: scaledMean(quality.traffic, times) };
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
