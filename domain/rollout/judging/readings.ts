import type { GuardrailSpec } from '../canary';
import { boundsAcrossDays } from '../../statistics/days-sequence';
import type { SequenceBounds } from '../../statistics/mean-sequence';
import {
  clusterBounds,
  clusterMean,
  effectiveClusters,
  studentRadius,
} from '../../statistics/cluster-sequence';
import { rangedBounds, type RangedState } from '../../statistics/ranged-sequence';
import { shareBounds } from '../../statistics/share-sequence';
import { countDueLabels } from './labels/due-labels';
import { absoluteLimit, controlIn, isWorseThanControl } from './guardrail-control';
import type { ArmLosses, PairsEvidence, QualityEvidence, RolloutEvidence } from './evidence';
import {
  estimateJudgeError,
  correctedBounds,
  correctedDifference,
  type JudgeError,
} from './judge-error';
import { pairRange, requestLoss } from './loss';
import {
  alphaBudget,
  dayCorrelationIn,
  hasOwnSteps,
  isLastOfSteps,
  isServing,
  type RolloutPolicy,
} from '../policy';
import type { MetricReading } from './verdict';

/** All metrics with their bounds, quality first. */
export function readMetrics(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
): readonly MetricReading[] {
  return [
    qualityReading(policy, evidence),
    ...shadowReading(policy, evidence),
    ...stepReading(policy, evidence),
    ...policy.guardrails.map((guardrail) => guardrailReading(policy, guardrail, evidence)),
  ];
}

export function findQuality(readings: readonly MetricReading[]): MetricReading | undefined {
  return readings.find(({ role }) => role === 'quality');
}

/**
 * Applies the rules of the offline gates, with bounds that hold at all times. Non-inferiority is
 * shown when the upper bound is below the margin, and refuted when the lower bound is above it.
 * Superiority is shown below −margin, and refuted when the lower bound is −margin or more.
 *
 * In shadow, the shadow's pairs count. Once the challenger answers requests, only later pairs do.
 * Arms count only then.
 * If the policy tests days:
 * - "shown" also needs the bounds across days, except in a shadow before serving;
 * - "refuted" also needs the bounds across days, or `largeHarm` on the traffic while serving.
 */
function qualityReading(policy: RolloutPolicy, { quality, step }: RolloutEvidence): MetricReading {
  const { metric, acrossDays, largeHarm } = policy.quality;
  const limit = computeLimit(policy);
  const serves = isServing(policy, step);
  const n = countLabelled(quality);
  const bounds = trafficBounds(policy, quality);
  const days = acrossDays ? daysReading(policy, quality) : null;
  const refuted =
    (isRefuted(policy, bounds.lower) &&
      (days === null || isRefuted(policy, days.lower ?? -Infinity))) ||
    (serves && days !== null && bounds.lower > largeHarm);
  const shown =
    bounds.upper < limit &&
    (days === null || !isPromotionStep(policy, step) || (days.upper ?? Infinity) < limit);
  return {
    metric,
    role: 'quality',
    outcome: n > 0 && refuted ? 'failed' : n > 0 && shown ? 'passed' : 'inconclusive',
    n,
    estimate: estimateDifference(policy, quality),
    ...bounds,
    limit,
    days,
    ...effectiveIn(quality),
  };
}

function effectiveIn(quality: QualityEvidence): Pick<MetricReading, 'effectiveEntities'> {
  return quality.kind === 'arms' ? { effectiveEntities: effectiveEntities(quality) } : {};
}

/** Effective entities of the smaller arm. */
export function effectiveEntities({ champion, challenger }: Arms): number {
  return Math.min(effectiveClusters(champion), effectiveClusters(challenger));
}

/** What the shadow showed, for information once the challenger answers requests. */
function shadowReading(
  policy: RolloutPolicy,
  { quality }: RolloutEvidence,
): readonly MetricReading[] {
  if (quality.kind === 'arms' || quality.phase === 'shadow' || quality.shadow.n === 0) return [];
  const pairs = quality.shadow;
  const error = estimateJudgeError(policy, quality, pairs.n);
  const bounds = rangedBounds(
    pairs,
    pairRange(requestLoss(policy.quality)),
    alphaBudget(policy).qualityPerSide,
  );
  return [
    {
      metric: policy.quality.metric,
      role: 'shadow',
      outcome: 'inconclusive',
      n: pairs.n,
      estimate: behind(error, computeMean(pairs)),
      ...(error === null ? bounds : correctedBounds(bounds, error)),
      limit: computeLimit(policy),
      days: null,
    },
  ];
}

/**
 * The current step alone, so that good earlier steps cannot hide a bad one. Any step can end or hold
 * the rollout. The last one must meet the demand on its own traffic too.
 */
function stepReading(
  policy: RolloutPolicy,
  { quality, step }: RolloutEvidence,
): readonly MetricReading[] {
  if (!isServing(policy, step) || !hasOwnSteps(policy)) return [];
  const { metric, acrossDays, largeHarm } = policy.quality;
  const { harm, shown } = alphaBudget(policy).perStep;
  const isPaired = quality.kind === 'pairs';
  const at = (alpha: number) =>
    isPaired
      ? pairBounds(policy, quality, { pairs: quality.step, alpha })
      : armBounds(policy, quality.step, alpha);
  const bounds = withMissing(policy, quality, { lower: at(harm).lower, upper: at(shown).upper });
  const n = isPaired ? quality.step.n : labelledArms(quality.step);
  const isShown = isLastOfSteps(policy, step) && bounds.upper < computeLimit(policy);
  const failed = acrossDays ? bounds.lower > largeHarm : isRefuted(policy, bounds.lower);
  return [
    {
      metric,
      role: 'step',
      outcome: n > 0 && failed ? 'failed' : n > 0 && isShown ? 'passed' : 'inconclusive',
      n,
      estimate: isPaired
        ? behind(judgeErrorIn(policy, quality), computeMean(quality.step))
        : armsDifference(quality.step),
      ...bounds,
      limit: acrossDays ? largeHarm : computeLimit(policy),
      days: null,
    },
  ];
}

/** The limit for the bounds: the margin, or −margin for superiority. */
export function computeLimit({ quality: { rule, margin } }: RolloutPolicy): number {
  return rule === 'nonInferiority' ? margin : -margin;
}

/** Whether the lower bound of the difference refutes the demand. */
export function isRefuted(policy: RolloutPolicy, lower: number): boolean {
  return policy.quality.rule === 'nonInferiority'
    ? lower > computeLimit(policy)
    : lower >= computeLimit(policy);
}

/** Whether a promotion rests on this step: the challenger answers requests, or all is shadow. */
export function isPromotionStep(policy: RolloutPolicy, step: number): boolean {
  return isServing(policy, step) || policy.steps.every((percent) => percent === 0);
}

/** The pairs that decide: those of the shadow, or those since the challenger answers requests. */
export function decidingPairs(quality: PairsEvidence): RangedState {
  return quality[quality.phase];
}

/** Number of labelled and scored pairs that decide; with arms, of answers of the smaller arm. */
export function countLabelled(quality: QualityEvidence): number {
  return quality.kind === 'pairs' ? decidingPairs(quality).n : labelledArms(quality);
}

function labelledArms({ champion, challenger }: Arms): number {
  return Math.min(champion.n, challenger.n);
}

/**
 * Bounds of the difference in mean loss over the deciding traffic. Each bound is ever wrong with at
 * most the probability `qualityPerSide`.
 */
export function trafficBounds(policy: RolloutPolicy, quality: QualityEvidence): SequenceBounds {
  return withMissing(policy, quality, boundsOfLabelled(policy, quality));
}

function boundsOfLabelled(policy: RolloutPolicy, quality: QualityEvidence): SequenceBounds {
  const { qualityPerSide } = alphaBudget(policy);
  if (quality.kind === 'pairs')
    return pairBounds(policy, quality, { pairs: decidingPairs(quality), alpha: qualityPerSide });
  return armBounds(policy, quality, qualityPerSide);
}

interface Arms {
  readonly champion: ArmLosses;
  readonly challenger: ArmLosses;
}

/** Bounds of an arm; the ends of the range if there are not enough entities. */
function armBounds(
  policy: RolloutPolicy,
  { champion, challenger }: Arms,
  alpha: number,
): SequenceBounds {
  const { min, max } = requestLoss(policy.quality);
  const bounds = clusterBounds(challenger, champion, alpha);
  return {
    lower: Math.max(min - max, bounds?.lower ?? -Infinity),
    upper: Math.min(max - min, bounds?.upper ?? Infinity),
  };
}

/**
 * Bounds over all due requests, if the policy counts each missing label at its worst for the upper
 * bound and at its best for the lower one.
 */
function withMissing(
  policy: RolloutPolicy,
  quality: QualityEvidence,
  { lower, upper }: SequenceBounds,
): SequenceBounds {
  if (policy.quality.missingLabels !== 'worstCase') return { lower, upper };
  const { due, missing } = countDueLabels(quality);
  const share = missing / Math.max(1, due);
  const { min, max } = requestLoss(policy.quality);
  const widest = max - min;
  return {
    lower: (1 - share) * lower - share * widest,
    upper: (1 - share) * upper + share * widest,
  };
}

function pairBounds(
  policy: RolloutPolicy,
  quality: PairsEvidence,
  { pairs, alpha }: { readonly pairs: RangedState; readonly alpha: number },
): SequenceBounds {
  const bounds = rangedBounds(pairs, pairRange(requestLoss(policy.quality)), alpha);
  const error = judgeErrorIn(policy, quality);
  return error === null ? bounds : correctedBounds(bounds, error);
}

function estimateDifference(policy: RolloutPolicy, quality: QualityEvidence): number | null {
  if (quality.kind === 'arms') return armsDifference(quality);
  return behind(judgeErrorIn(policy, quality), computeMean(decidingPairs(quality)));
}

function computeMean({ n, sum }: { readonly n: number; readonly sum: number }): number | null {
  return n === 0 ? null : sum / n;
}

/** The error of the judge that scores the answers; null without a judge. */
export function judgeErrorIn(policy: RolloutPolicy, quality: QualityEvidence): JudgeError | null {
  return quality.kind === 'arms'
    ? null
    : estimateJudgeError(policy, quality, decidingPairs(quality).n);
}

function behind(error: JudgeError | null, difference: number | null): number | null {
  return error === null || difference === null
    ? difference
    : correctedDifference(difference, error);
}

function armsDifference({ challenger, champion }: Arms): number | null {
  const [of, against] = [clusterMean(challenger), clusterMean(champion)];
  return of === null || against === null ? null : of - against;
}

/**
 * Bounds of the mean over days; null before the first whole week. With arms, also over entities: an
 * entity is in the same arm on each day, so days do not show how much depends on the assignment. The
 * two sources of error are independent, so their squares add up (A. C. Cameron, J. B. Gelbach and D.
 * L. Miller, Journal of Business & Economic Statistics 29 (2011), without the term that they
 * subtract).
 */
export function dayBounds(
  policy: RolloutPolicy,
  quality: QualityEvidence,
  days: Parameters<typeof boundsAcrossDays>[0] = quality.days,
): SequenceBounds | null {
  const { shown, harm } = alphaBudget(policy).acrossDays;
  const correlation = dayCorrelationIn(policy).value;
  const [good, bad] = [
    boundsAcrossDays(days, { alpha: shown, correlation }),
    boundsAcrossDays(days, { alpha: harm, correlation }),
  ];
  if (good === null || bad === null) return null;
  if (quality.kind === 'arms') {
    const { atWeek } = quality;
    if (atWeek === null) return null;
    const half = (side: SequenceBounds, alpha: number) =>
      Math.hypot(
        (side.upper - side.lower) / 2,
        studentRadius(atWeek, alpha / (days.weeks * (days.weeks + 1))),
      );
    const mean = (good.upper + good.lower) / 2;
    return withMissing(policy, quality, {
      lower: mean - half(bad, harm),
      upper: mean + half(good, shown),
    });
  }
  const bounds = { lower: bad.lower, upper: good.upper };
  const error = judgeErrorIn(policy, quality);
  return withMissing(policy, quality, error === null ? bounds : correctedBounds(bounds, error));
}

/** Covers whole weeks. Before the first one, the days so far have a mean but no bounds. */
function daysReading(
  policy: RolloutPolicy,
  quality: QualityEvidence,
): NonNullable<MetricReading['days']> {
  const { weeks, days, sum, week } = quality.days;
  const told = weeks === 0 ? week : { days, sum };
  const bounds = dayBounds(policy, quality);
  const estimate = behind(
    judgeErrorIn(policy, quality),
    told.days === 0 ? null : told.sum / told.days,
  );
  return {
    n: told.days,
    weeks,
    estimate,
    lower: bounds?.lower ?? null,
    upper: bounds?.upper ?? null,
  };
}

/**
 * The share of such requests, or for a quantile the share of requests above `max`. If that share
 * exceeds 1 − quantile, the quantile exceeds `max`. That is harm if the champion's requests of the
 * same minutes are shown to fare better, if there are none, or beyond what no version may do.
 */
function guardrailReading(
  policy: RolloutPolicy,
  guardrail: GuardrailSpec,
  evidence: RolloutEvidence,
): MetricReading {
  const counted = evidence.guardrails[guardrail.name] ?? { n: 0, events: 0 };
  const limit =
    'quantile' in guardrail ? Number((1 - guardrail.quantile).toPrecision(12)) : guardrail.max;
  const { perGuardrail: alpha } = alphaBudget(policy);
  const bounds = shareBounds(counted, alpha);
  const control = controlIn(evidence, guardrail.name);
  const isWorse = control === null || isWorseThanControl(counted, control, alpha);
  const isHarm = bounds.lower > (isWorse ? limit : absoluteLimit(limit));
  return {
    metric: guardrail.name,
    role: 'guardrail',
    outcome: isHarm ? 'failed' : bounds.upper <= limit ? 'passed' : 'inconclusive',
    n: counted.n,
    estimate: counted.n === 0 ? null : counted.events / counted.n,
    ...bounds,
    limit,
    ...(control && {
      control: {
        n: control.n,
        estimate: control.n === 0 ? null : control.events / control.n,
        isWorse,
      },
    }),
    days: null,
  };
}
