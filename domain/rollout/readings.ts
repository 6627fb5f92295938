import type { GuardrailSpec } from '../lifecycle';
import { daysBounds } from '../statistics/days-sequence';
import { meanBounds, meanOf, type MeanState, type SequenceBounds } from '../statistics/mean-sequence';
import { shareBounds } from '../statistics/share-sequence';
import type { ArmsEvidence, QualityEvidence, RolloutEvidence } from './evidence';
import { armRange, pairRange, requestLoss } from './loss';
import { alphaBudget, type RolloutPolicy } from './policy';
import type { MetricReading } from './verdict';

/** Every metric with its bounds, quality first. */
export function readingsOf(policy: RolloutPolicy, evidence: RolloutEvidence): readonly MetricReading[] {
  return [qualityReading(policy, evidence.quality), ...policy.guardrails.map((guardrail) => guardrailReading(policy, guardrail, evidence))];
}

/**
 * Non-inferiority passes when the upper bound of the difference is below the margin and is refuted when the lower bound is above it; superiority passes below −margin and is
 * refuted from −margin on: the rules of the offline gates, with bounds that may be watched. Across days the upper bound must hold too, where the policy asks for it.
 */
export function qualityReading(policy: RolloutPolicy, quality: QualityEvidence): MetricReading {
  const { rule, margin, metric, acrossDays } = policy.quality;
  const limit = rule === 'nonInferiority' ? margin : -margin;
  const n = labelledOf(quality);
  const bounds = trafficBounds(policy, quality);
  const days = acrossDays ? daysReading(policy, quality) : null;
  const refuted = rule === 'nonInferiority' ? bounds.lower > limit : bounds.lower >= limit;
  const shown = bounds.upper < limit && (days === null || (days.upper !== null && days.upper < limit));
  return {
    metric,
    role: 'quality',
    outcome: n > 0 && refuted ? 'failed' : n > 0 && shown ? 'passed' : 'inconclusive',
    n,
    estimate: differenceOf(quality),
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
  if (quality.kind === 'pairs') return meanBounds(quality.traffic, pairRange(loss), qualityPerSide);
  // Two sequences must hold for one bound of their difference, and each step begins new ones.
  const trafficSteps = policy.steps.filter((percent) => percent > 0).length;
  const alpha = qualityPerSide / (2 * Math.max(1, trafficSteps));
  const of = (state: MeanState) => meanBounds(state, armRange(loss), alpha);
  const [challenger, champion] = [of(quality.challenger), of(quality.champion)];
  return { lower: challenger.lower - champion.upper, upper: challenger.upper - champion.lower };
}

function differenceOf(quality: QualityEvidence): number | null {
  return quality.kind === 'pairs' ? meanOf(quality.traffic) : armsDifference(quality);
}

function armsDifference({ challenger, champion }: ArmsEvidence): number | null {
  const [of, against] = [meanOf(challenger), meanOf(champion)];
  return of === null || against === null ? null : of - against;
}

function daysReading(policy: RolloutPolicy, { days }: QualityEvidence): NonNullable<MetricReading['days']> {
  const bounds = daysBounds(days, alphaBudget(policy).acrossDays);
  return { n: days.days, estimate: days.days === 0 ? null : days.sum / days.days, upper: bounds?.upper ?? null };
}

/** `errors`: the share that failed. `latency_ms`: the share above `max`, which may not exceed 1 − quantile: then the quantile lies above `max`. */
function guardrailReading(policy: RolloutPolicy, guardrail: GuardrailSpec, evidence: RolloutEvidence): MetricReading {
  const counted = evidence.guardrails[guardrail.name] ?? { n: 0, events: 0 };
  const limit = guardrail.name === 'errors' ? guardrail.max : Number((1 - guardrail.quantile).toPrecision(12));
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
