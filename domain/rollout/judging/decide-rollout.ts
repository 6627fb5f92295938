import { formatSeconds } from '../../duration';
import { count, percent } from '../../format';
import type { Reason } from '../../decision/verdict';
import { daysOfWeek } from '../../calendar';
import { closedDaysOfWeek, minDaysOfWeek } from '../../statistics/days-sequence';
import type { QualityEvidence, RolloutEvidence } from './evidence';
import { canAddLabels, noLabels } from './judge-labels';
import { isServing, type RolloutPolicy } from '../policy';
import { judgeErrorIn, isRefuted, labelledOf, readingsOf } from './readings';
import {
  demandText,
  holdReason,
  refutationText,
  reasonsOf,
  requestsText,
  spanText,
} from '../reasons';
import { remainingOf } from '../remaining';
import type { MetricReading, RolloutVerdict } from './verdict';

/**
 * Decides what a rollout does next. Pure: the same policy and evidence always give the same
 * verdict. It may run after every request, because the bounds hold at all times at once
 * (docs/statistics.md).
 * - Harm comes first, without any minimum: a guardrail whose lower bound is above its limit,
 *   quality that refutes the demand, or large harm in one step.
 * - The shadow ends when quality is shown on its traffic. The last step promotes when quality is
 *   shown on the traffic and across the days since the challenger answers requests. Both need
 *   `minSamples` labels and `minDuration` of event time.
 * - Other steps end after `minSamples` requests of the challenger without harm.
 * - An undecided rollout expires after `maxDuration`, or when judging has ended without showing
 *   quality.
 */
export function decideRollout(policy: RolloutPolicy, evidence: RolloutEvidence): RolloutVerdict {
  const readings = readingsOf(policy, evidence);
  const measured = reasonsOf(policy, evidence, readings);

  const harmed = readings.find(({ outcome }) => outcome === 'failed');
  if (harmed !== undefined)
    return { kind: 'harm', metric: harmed.metric, reasons: measured, readings };

  const open = holdReasons(policy, evidence, readings);
  const reasons = [...measured, ...open];
  const toStep = evidence.step + 1;
  const next = policy.steps[toStep];
  const allowed = policy.maxDurationSeconds + evidence.extendedSeconds;
  const isOver = secondsBetween(evidence.startedAt, evidence.asOf) >= allowed;
  if (open.length === 0 && next === undefined) return { kind: 'promote', reasons, readings };
  // A step that begins after `maxDuration` could decide nothing.
  if (open.length === 0 && next !== undefined && !isOver)
    return { kind: 'advance', toStep, percent: next, reasons, readings };
  const remaining = remainingOf(policy, evidence, readings);
  const why = whyNeverShown(policy, evidence, readings);
  if (why !== null) {
    const never = holdReason('noMoreLabels', `judging has ended: ${why.message}`);
    const details = [
      ...why.details,
      `quality can no longer be shown; onInconclusive: ${policy.onInconclusive}`,
    ];
    return {
      kind: 'expired',
      action: policy.onInconclusive,
      remaining,
      reasons: [...reasons, { ...never, details }],
      readings,
    };
  }
  if (!isOver) return { kind: 'continue', remaining, reasons, readings };
  const expired = holdReason(
    'expired',
    `undecided after ${formatSeconds(allowed)} of event time; onInconclusive: ${policy.onInconclusive}`,
  );
  return {
    kind: 'expired',
    action: policy.onInconclusive,
    remaining,
    reasons: [...reasons, expired],
    readings,
  };
}

/** Largest share of labelled requests without a score: above it the comparison is not reliable. */
const maxUnscored = 0.05;
/** Largest difference between the arms' shares of labelled answers, for arms to be comparable. */
const maxLabelGap = 0.05;
/** Largest share of late labels: late labels are often the bad ones, and no day counts them. */
const maxLate = 0.05;

/**
 * Why no further label can show quality; null while it still can. Quality that is good enough on
 * its traffic may still wait for `minDuration`, or for the end of its week.
 */
function whyNeverShown(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  readings: readonly MetricReading[],
): { readonly message: string; readonly details: readonly string[] } | null {
  const { noMoreLabels, asOf, quality } = evidence;
  if (noMoreLabels === undefined) return null;
  if (noMoreLabels.after !== null && Date.parse(asOf) < Date.parse(noMoreLabels.after)) return null;
  const why = { message: noMoreLabels.why, details: [] };
  const [incomparable] = [...notComparable(quality), ...lateIn(policy, quality)];
  if (incomparable !== undefined) return { ...why, details: [incomparable.message] };
  // No more verdicts come, but people may still label the judged answers.
  if (
    quality.kind === 'pairs' &&
    policy.quality.answers?.judge &&
    canAddLabels(quality.judge ?? noLabels, labelledOf(quality))
  )
    return null;
  const reading = readings.find(({ role }) => role === 'quality');
  if (reading === undefined || labelledOf(quality) < policy.test.minSamples) return why;
  return reading.outcome === 'passed' || mayBeShownByWeek(quality, reading) ? null : why;
}

/** The traffic has shown or refuted quality, and the open week has enough days to confirm it. */
function mayBeShownByWeek(
  { days }: QualityEvidence,
  { days: acrossDays, lower, upper, limit }: MetricReading,
): boolean {
  if (acrossDays === null || ((upper ?? Infinity) >= limit && (lower ?? -Infinity) < limit))
    return false;
  const known = days.week.days + (days.open === null ? 0 : 1);
  return known >= minDaysOfWeek && closedDaysOfWeek(days) < daysOfWeek;
}

/** All reasons why the step cannot end, so that people see them at once. */
function holdReasons(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  readings: readonly MetricReading[],
): readonly Reason[] {
  const reasons = [
    ...tooFewRequests(policy, evidence),
    ...contradictedIn(policy, evidence, readings),
  ];
  if (!endsByQuality(policy, evidence.step)) return reasons;
  reasons.push(...belowMinima(policy, evidence));
  const open = readings.some(({ role, outcome }) => role === 'quality' && outcome !== 'passed');
  if (open)
    reasons.push(
      holdReason(
        'quality',
        `${policy.quality.metric} is not yet shown to be ${demandText(policy)}`,
      ),
    );
  return [
    ...reasons,
    ...judgeHolds(policy, evidence),
    ...notComparable(evidence.quality),
    ...lateIn(policy, evidence.quality),
  ];
}

/**
 * A step whose own traffic refutes the demand does not advance. It may have been a bad day, so only
 * large harm or further days end the rollout.
 */
function contradictedIn(
  policy: RolloutPolicy,
  { step }: RolloutEvidence,
  readings: readonly MetricReading[],
): readonly Reason[] {
  const own = readings.find(({ role }) => role === 'step');
  if (own === undefined || !isRefuted(policy, own.lower ?? -Infinity)) return [];
  return [
    holdReason(
      'contradicted',
      `the traffic of step ${step + 1} alone is ${refutationText(policy)}`,
    ),
  ];
}

function tooFewRequests(
  { steps, test: { minSamples } }: RolloutPolicy,
  { step, requestsInStep }: RolloutEvidence,
): readonly Reason[] {
  if (requestsInStep >= minSamples) return [];
  const verb = isServing({ steps }, step) ? 'was assigned' : 'has scored';
  const requests = requestsText(requestsInStep);
  return [
    holdReason(
      'requests',
      `the challenger ${verb} ${requests} in this step; ${count(minSamples)} are required`,
    ),
  ];
}

function belowMinima({ test }: RolloutPolicy, evidence: RolloutEvidence): readonly Reason[] {
  const labelled = labelledOf(evidence.quality);
  const elapsed = secondsBetween(evidence.startedAt, evidence.asOf);
  const { minSamples, minDurationSeconds } = test;
  return [
    ...(labelled < minSamples
      ? [holdReason('samples', `${count(labelled)} of ${count(minSamples)} required labels`)]
      : []),
    ...(elapsed < minDurationSeconds
      ? [
          holdReason(
            'duration',
            `${spanText(elapsed)} of ${formatSeconds(minDurationSeconds)} required event time`,
          ),
        ]
      : []),
  ];
}

/** A shadow step with pairs ends when quality is shown, and so does the last step. */
function endsByQuality({ steps, quality }: RolloutPolicy, step: number): boolean {
  return (
    step === steps.length - 1 || (!isServing({ steps }, step) && quality.comparison === 'pairs')
  );
}

/** Fails closed (I10): the errors of a judge are unknown until people label its answers. */
function judgeHolds(
  policy: RolloutPolicy,
  { quality, champion }: RolloutEvidence,
): readonly Reason[] {
  const why = judgeErrorIn(policy, quality)?.whyNot ?? [];
  const [model = champion] = champion.split('@');
  const dimension = policy.quality.answers?.judge?.dimension ?? 'judge';
  return why.map((reason) => ({
    ...holdReason('judge', `judge ${dimension}: ${reason}`),
    details: ['the judge may not decide yet', `next: perennial rollout label ${model}`],
  }));
}

/** Fails closed (I10): missing requests may be the very ones on which the versions differ. */
function notComparable(quality: QualityEvidence): readonly Reason[] {
  if (quality.kind === 'pairs') {
    const share = quality.unscored / Math.max(1, quality.unscored + labelledOf(quality));
    return share <= maxUnscored
      ? []
      : [
          holdReason(
            'unscored',
            `${percent(share)} of labelled requests lack a score of one version`,
          ),
        ];
  }
  const reasons: Reason[] = [];
  const { champion, challenger, unscored, unlabelled } = quality;
  const lacking = unscored.challenger / Math.max(1, unscored.challenger + challenger.n);
  if (lacking > maxUnscored)
    reasons.push(
      holdReason(
        'unscored',
        `${percent(lacking)} of the challenger's labelled requests lack a score`,
      ),
    );
  const labelled = (arm: 'champion' | 'challenger', n: number) =>
    (n + unscored[arm]) / Math.max(1, n + unscored[arm] + unlabelled[arm]);
  const [of, against] = [labelled('challenger', challenger.n), labelled('champion', champion.n)];
  if (Math.abs(of - against) > maxLabelGap) {
    reasons.push(
      holdReason(
        'labels',
        `labels for ${percent(of)} of the challenger's answers and ${percent(against)} of the champion's: too different`,
      ),
    );
  }
  return reasons;
}

function lateIn(policy: RolloutPolicy, quality: QualityEvidence): readonly Reason[] {
  if (!policy.quality.acrossDays) return [];
  // A pair has two losses.
  const losses =
    quality.kind === 'pairs' ? 2 * labelledOf(quality) : quality.champion.n + quality.challenger.n;
  const share = quality.days.late / Math.max(1, losses);
  if (share <= maxLate) return [];
  return [
    holdReason(
      'late',
      `${percent(share)} of labels arrived after their day was closed; availableAfter is too short`,
    ),
  ];
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
