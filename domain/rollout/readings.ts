import type { GuardrailSpec } from '../lifecycle';
import { boundsAcrossDays } from '../statistics/days-sequence';
import { meanBounds, meanOf, type MeanState, type SequenceBounds } from '../statistics/mean-sequence';
import { shareBounds } from '../statistics/share-sequence';
import type { ArmsEvidence, QualityEvidence, RolloutEvidence } from './evidence';
import { judgeErrorOf, trueBounds, trueDifference, type JudgeError } from './judge-error';
import { armRange, pairRange, requestLoss } from './loss';
import { alphaBudget, type RolloutPolicy } from './policy';
import type { MetricReading } from './verdict';

/** Every metric with its bounds, quality first. */
export function readingsOf(policy: RolloutPolicy, evidence: RolloutEvidence): readonly MetricReading[] {
  return [qualityReading(policy, evidence), ...policy.guardrails.map((guardrail) => guardrailReading(policy, guardrail, evidence))];
}

/**
 * Non-inferiority is shown when the upper bound of the difference is below the margin and refuted when the lower bound is above it; superiority is shown below −margin and refuted from
 * −margin on: the rules of the offline gates, with bounds that may be watched. Where the policy asks for it, what is said of days to come must hold across days
 * too: that quality is good enough, always; that it is not, in shadow. Once the challenger answers people, harm to this traffic is reason enough.
 */
function qualityReading(policy: RolloutPolicy, { quality, step }: RolloutEvidence): MetricReading {
  const { rule, margin, metric, acrossDays } = policy.quality;
  const limit = rule === 'nonInferiority' ? margin : -margin;
  const n = labelledOf(quality);
  const bounds = trafficBounds(policy, quality);
  const days = acrossDays ? daysReading(policy, quality) : null;
  const isRefuted = (lower: number) => (rule === 'nonInferiority' ? lower > limit : lower >= limit);
  const refuted = isRefuted(bounds.lower) && (days === null || policy.steps[step] !== 0 || isRefuted(days.lower ?? -Infinity));
  const shown = bounds.upper < limit && (days === null || (days.upper ?? Infinity) < limit);
  return {
    metric,
    role: 'quality',
    outcome: n > 0 && refuted ? 'failed' : n > 0 && shown ? 'passed' : 'inconclusive',
    n,
    estimate: differenceOf(policy, quality),
    ...bounds,
    limit,
    days,
  };
}

/** Labelled and scored: pairs, or answers of the arm that has fewer. */
export function labelledOf(quality: QualityEvidence): number {
  return quality.kind === 'pairs' ? quality.traffic.n : Math.min(quality.champion.n, quality.challenger.n);
}

/** Of the difference in mean loss over the traffic so far; each bound fails, ever, with the probability that the budget grants its side. */
export function trafficBounds(policy: RolloutPolicy, quality: QualityEvidence): SequenceBounds {
  const loss = requestLoss(policy.quality);
  const { qualityPerSide } = alphaBudget(policy);
  if (quality.kind === 'pairs') {
    const bounds = meanBounds(quality.traffic, pairRange(loss), qualityPerSide);
    const error = errorIn(policy, quality);
    return error === null ? bounds : trueBounds(bounds, error);
  }
  // Two sequences must hold for one bound of their difference, and each step begins new ones.
  const trafficSteps = policy.steps.filter((percent) => percent > 0).length;
  const alpha = qualityPerSide / (2 * Math.max(1, trafficSteps));
  const of = (state: MeanState) => meanBounds(state, armRange(loss), alpha);
  const [challenger, champion] = [of(quality.challenger), of(quality.champion)];
  return { lower: challenger.lower - champion.upper, upper: challenger.upper - champion.lower };
}

function differenceOf(policy: RolloutPolicy, quality: QualityEvidence): number | null {
  if (quality.kind === 'arms') return armsDifference(quality);
  return behind(errorIn(policy, quality), meanOf(quality.traffic));
}

/** Of the judge between the answers and the figures; null where there is none. */
export function errorIn(policy: RolloutPolicy, quality: QualityEvidence): JudgeError | null {
  return quality.kind === 'arms' ? null : judgeErrorOf(policy, { n: quality.traffic.n, unscored: quality.unscored });
}

function behind(error: JudgeError | null, difference: number | null): number | null {
  return error === null || difference === null ? difference : trueDifference(difference, error);
}

function armsDifference({ challenger, champion }: ArmsEvidence): number | null {
  const [of, against] = [meanOf(challenger), meanOf(champion)];
  return of === null || against === null ? null : of - against;
}

/** Null while there are too few days. */
export function dayBounds(policy: RolloutPolicy, quality: QualityEvidence): SequenceBounds | null {
  const bounds = boundsAcrossDays(quality.days, alphaBudget(policy).acrossDays);
  const error = errorIn(policy, quality);
  return error === null || bounds === null ? bounds : trueBounds(bounds, error);
}

function daysReading(policy: RolloutPolicy, quality: QualityEvidence): NonNullable<MetricReading['days']> {
  const { days } = quality;
  const bounds = dayBounds(policy, quality);
  const estimate = behind(errorIn(policy, quality), days.days === 0 ? null : days.sum / days.days);
  return { n: days.days, estimate, lower: bounds?.lower ?? null, upper: bounds?.upper ?? null };
}

/** Either the share of requests itself, or the share above `max`, which may not exceed 1 − quantile: then the quantile lies above `max`. */
function guardrailReading(policy: RolloutPolicy, guardrail: GuardrailSpec, evidence: RolloutEvidence): MetricReading {
  const counted = evidence.guardrails[guardrail.name] ?? { n: 0, events: 0 };
  const limit = 'quantile' in guardrail ? Number((1 - guardrail.quantile).toPrecision(12)) : guardrail.max;
  const bounds = shareBounds(counted, alphaBudget(policy).perGuardrail);
  return {
    metric: guardrail.name,
    role: 'guardrail',
    outcome: bounds.lower > limit ? 'failed' : bounds.upper <= limit ? 'passed' : 'inconclusive',
    n: counted.n,
    estimate: counted.n === 0 ? null : counted.events / counted.n,
    ...bounds,
    limit,
    days: null,
  };
}
