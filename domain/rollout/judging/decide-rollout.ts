import { formatSeconds } from '../../duration';
import { daysOfWeek } from '../../calendar';
import { closedDaysOfWeek, minDaysOfWeek } from '../../statistics/days-sequence';
import { banditReasons } from './bandit/bandit-reasons';
import { decideAb } from './decide-ab';
import type { QualityEvidence, RolloutEvidence } from './evidence';
import { canAddLabels, noLabels } from './judge-labels';
import { isLastOfSteps, isSwitched, isWarmUp, type RolloutPolicy } from '../policy';
import { holdReasons, lateIn, notComparable, secondsBetween } from './hold-reasons';
import { countLabelled, readMetrics } from './readings';
import { endByMismatch, stepSharesReasons } from './sample-ratio';
import { holdReason, writeReasons, methodReasons } from '../reasons';
import { forecastRemaining } from '../remaining';
import type { MetricReading, RolloutVerdict } from './verdict';

/**
 * Decides what a rollout does next. Pure: the same policy and evidence always give the same
 * verdict. It may run after every request, because the bounds hold at all times at once
 * (docs/statistics.md).
 * - Harm comes first, without any minimum: a guardrail whose lower bound is above its limit,
 *   quality that refutes the demand, or large harm in one step.
 * - The shadow ends when quality is shown on its traffic. The last step promotes when quality is
 *   shown on the traffic and across the days since the challenger answers requests, and, after
 *   earlier serving steps, on its own traffic. Both need `minSamples` labels and `minDuration` of
 *   event time.
 * - Other steps end after `minSamples` requests of the challenger without harm.
 * - After a blue/green switch, `minDuration` of event time without harm promotes. Quality need not
 *   be shown, and the verdict says whether it was.
 * - An undecided rollout expires after `maxDuration`, or when judging has ended without showing
 *   quality.
 */
export function decideRollout(policy: RolloutPolicy, evidence: RolloutEvidence): RolloutVerdict {
  if (policy.method === 'ab') return decideAb(policy, evidence);
  const readings = readMetrics(policy, evidence);
  const [shares] = stepSharesReasons(policy, evidence);
  const measured = [
    ...writeReasons(policy, evidence, readings),
    ...banditReasons(policy, evidence),
    ...(shares === undefined ? [] : [shares]),
  ];
  if (shares?.outcome === 'failed') return endByMismatch(shares, measured, readings);

  const harmed = readings.find(({ outcome }) => outcome === 'failed');
  if (harmed !== undefined)
    return { kind: 'harm', metric: harmed.metric, reasons: measured, readings };

  const open = holdReasons(policy, evidence, readings);
  const reasons = [...measured, ...open];
  const toStep = evidence.step + 1;
  const next = policy.steps[toStep];
  const allowed = policy.maxDurationSeconds + evidence.extendedSeconds;
  const isOver = secondsBetween(evidence.startedAt, evidence.asOf) >= allowed;
  if (open.length === 0 && next === undefined)
    return {
      kind: 'promote',
      reasons: [...reasons, ...methodReasons(policy, evidence, readings)],
      readings,
    };
  // A step that begins after `maxDuration` could decide nothing.
  if (open.length === 0 && next !== undefined && !isOver)
    return { kind: 'advance', toStep, percent: next, reasons, readings };
  const remaining = forecastRemaining(policy, evidence, readings);
  const why = whyNeverShown(policy, evidence, readings);
  if (why !== null) {
    const never = holdReason('noMoreLabels', `judging stopped: ${why.message}`);
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

/** A blue/green rollout may switch before any traffic. Null: it must wait for traffic. */
export function decideBeforeTraffic(policy: RolloutPolicy, step: number): RolloutVerdict | null {
  const percent = policy.steps[step + 1];
  if (!isWarmUp(policy, step) || percent === undefined) return null;
  const message = 'every gateway has loaded the challenger';
  const reasons = [{ gate: 'switch', code: 'switch.loaded', message }];
  return { kind: 'advance', toStep: step + 1, percent, reasons, readings: [] };
}

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
  if (noMoreLabels === undefined || isSwitched(policy, evidence.step)) return null;
  if (noMoreLabels.after !== null && Date.parse(asOf) < Date.parse(noMoreLabels.after)) return null;
  const why = { message: noMoreLabels.why, details: [] };
  const [incomparable] = [...notComparable(quality), ...lateIn(policy, quality)];
  if (incomparable !== undefined) return { ...why, details: [incomparable.message] };
  // No more verdicts come, but people may still label the judged answers.
  if (
    quality.kind === 'pairs' &&
    policy.quality.answers?.judge &&
    canAddLabels(quality.judge ?? noLabels, countLabelled(quality))
  )
    return null;
  const reading = readings.find(({ role }) => role === 'quality');
  if (reading === undefined || countLabelled(quality) < policy.test.minSamples) return why;
  const inStep = readings.find(({ role }) => role === 'step');
  if (isLastOfSteps(policy, evidence.step) && inStep?.outcome !== 'passed') return why;
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
