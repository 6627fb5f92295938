import { formatSeconds } from '../../duration';
import { count, percent } from '../../format';
import type { Reason } from '../../decision/verdict';
import { daysOfWeek } from '../../calendar';
import { daysPassed, fewestDaysOfWeek } from '../../statistics/days-sequence';
import type { QualityEvidence, RolloutEvidence } from './evidence';
import { mayStillBeLabelled, noLabels } from './judge-labels';
import { isServing, type RolloutPolicy } from '../policy';
import { errorIn, isRefuted, labelledOf, readingsOf } from './readings';
import { demandOf, hold, reasonsOf, requestsText, spanText } from '../reasons';
import { remainingOf } from '../remaining';
import type { MetricReading, RolloutVerdict } from './verdict';

/**
 * What a rollout should do next. Pure: the same policy over the same evidence gives the same
 * verdict, whenever and wherever it is asked. It may be asked after every request: the bounds hold
 * at all times at once.
 * - Harm comes first and no minimum holds it back: a guardrail whose lower bound is above its
 *   limit, quality whose demand is refuted, or large harm in one step.
 * - The shadow step ends, and the last step promotes, while quality is shown on `minSamples` labels
 *   and `minDuration` of event time: on the shadow's traffic the one, on the traffic and across
 *   the days since people are answered the other. Other steps end when the guardrails saw
 *   `minSamples` requests that the challenger was to answer without showing harm.
 * - Whatever is undecided when `maxDuration` is over expires; so does quality that is not shown
 *   when nothing more will be judged.
 */
export function decideRollout(policy: RolloutPolicy, evidence: RolloutEvidence): RolloutVerdict {
  const readings = readingsOf(policy, evidence);
  const said = reasonsOf(policy, evidence, readings);

  const harmed = readings.find(({ outcome }) => outcome === 'failed');
  if (harmed !== undefined) return { kind: 'harm', metric: harmed.metric, reasons: said, readings };

  const open = holdingBack(policy, evidence, readings);
  const reasons = [...said, ...open];
  const toStep = evidence.step + 1;
  const next = policy.steps[toStep];
  const allowed = policy.maxDurationSeconds + evidence.extendedSeconds;
  const isOver = secondsBetween(evidence.startedAt, evidence.asOf) >= allowed;
  if (open.length === 0 && next === undefined) return { kind: 'promote', reasons, readings };
  // A step that begins when the time is over could decide nothing.
  if (open.length === 0 && next !== undefined && !isOver)
    return { kind: 'advance', toStep, percent: next, reasons, readings };
  const remaining = remainingOf(policy, evidence, readings);
  const why = whyNeverShown(policy, evidence, readings);
  if (why !== null) {
    const never = hold(
      'noMoreLabels',
      `judging has ended: ${why}; quality can no longer be shown, and the policy says ${policy.onInconclusive}`,
    );
    return {
      kind: 'expired',
      action: policy.onInconclusive,
      remaining,
      reasons: [...reasons, never],
      readings,
    };
  }
  if (!isOver) return { kind: 'continue', remaining, reasons, readings };
  const expired = hold(
    'expired',
    `nothing was decided in ${formatSeconds(allowed)} of event time; the policy says ${policy.onInconclusive}`,
  );
  return {
    kind: 'expired',
    action: policy.onInconclusive,
    remaining,
    reasons: [...reasons, expired],
    readings,
  };
}

/**
 * Above this, too much of the challenger is left out of the comparison for its quality to be known.
 */
const mostUnscored = 0.05;
/** In shares of answers: above this the arms are asked about different things. */
const mostLabelGap = 0.05;
/**
 * Above this, days are judged without those of their labels that took longest, which are seldom the
 * good ones.
 */
const mostLate = 0.05;

/**
 * Nobody waits for weeks for labels that will not come. Quality that is good enough on labels
 * enough may still wait for its time, and what must hold across days for the end of its week.
 */
function whyNeverShown(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  readings: readonly MetricReading[],
): string | null {
  const { noMoreLabels, asOf, quality } = evidence;
  if (noMoreLabels === undefined) return null;
  if (noMoreLabels.after !== null && Date.parse(asOf) < Date.parse(noMoreLabels.after)) return null;
  const [incomparable] = [...notComparable(quality), ...lateIn(policy, quality)];
  if (incomparable !== undefined) return `${noMoreLabels.why}, and ${incomparable.message}`;
  // No more verdicts come, but people may still check those that are there.
  if (
    quality.kind === 'pairs' &&
    policy.quality.answers?.judge &&
    mayStillBeLabelled(quality.judge ?? noLabels, labelledOf(quality))
  )
    return null;
  const reading = readings.find(({ role }) => role === 'quality');
  if (reading === undefined || labelledOf(quality) < policy.test.minSamples)
    return noMoreLabels.why;
  return reading.outcome === 'passed' || awaitsItsWeek(quality, reading) ? null : noMoreLabels.why;
}

/**
 * Said of this traffic already, and the week that is open has days enough to say it across days.
 */
function awaitsItsWeek(
  { days }: QualityEvidence,
  { days: acrossDays, lower, upper, limit }: MetricReading,
): boolean {
  if (acrossDays === null || ((upper ?? Infinity) >= limit && (lower ?? -Infinity) < limit))
    return false;
  const known = days.week.days + (days.open === null ? 0 : 1);
  return known >= fewestDaysOfWeek && daysPassed(days) < daysOfWeek;
}

/** Everything that keeps the step from ending, so that a person sees all of it at once. */
function holdingBack(
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
      hold('quality', `${policy.quality.metric} is not yet shown to be ${demandOf(policy)}`),
    );
  return [
    ...reasons,
    ...judgeHolds(policy, evidence),
    ...notComparable(evidence.quality),
    ...lateIn(policy, evidence.quality),
  ];
}

/**
 * A step whose own traffic misses the demand sends nobody further, though it may have been a bad
 * day: it is large harm, or the next days, that decide.
 */
function contradictedIn(
  policy: RolloutPolicy,
  { step }: RolloutEvidence,
  readings: readonly MetricReading[],
): readonly Reason[] {
  const own = readings.find(({ role }) => role === 'step');
  if (own === undefined || !isRefuted(policy, own.lower ?? -Infinity)) return [];
  return [hold('contradicted', `the traffic of step ${step + 1} alone is not ${demandOf(policy)}`)];
}

function tooFewRequests(
  { steps, test: { minSamples } }: RolloutPolicy,
  { step, requestsInStep }: RolloutEvidence,
): readonly Reason[] {
  if (requestsInStep >= minSamples) return [];
  const asked = !isServing({ steps }, step)
    ? `has scored ${requestsText(requestsInStep)}`
    : `was to answer ${requestsText(requestsInStep)}`;
  return [
    hold('requests', `the challenger ${asked} in this step; ${count(minSamples)} are needed`),
  ];
}

function belowMinima({ test }: RolloutPolicy, evidence: RolloutEvidence): readonly Reason[] {
  const labelled = labelledOf(evidence.quality);
  const elapsed = secondsBetween(evidence.startedAt, evidence.asOf);
  const { minSamples, minDurationSeconds } = test;
  return [
    ...(labelled < minSamples
      ? [hold('samples', `${count(labelled)} labels are counted, ${count(minSamples)} are needed`)]
      : []),
    ...(elapsed < minDurationSeconds
      ? [
          hold(
            'duration',
            `${spanText(elapsed)} of event time have passed, ${formatSeconds(minDurationSeconds)} are needed`,
          ),
        ]
      : []),
  ];
}

/**
 * Shadow says all there is to know of pairs before anyone is answered by the challenger; without
 * it, and with arms, the last step has to.
 */
function endsByQuality({ steps, quality }: RolloutPolicy, step: number): boolean {
  return (
    step === steps.length - 1 || (!isServing({ steps }, step) && quality.comparison === 'pairs')
  );
}

/**
 * Fails closed (I10): nothing is known of the errors of a judge whose verdicts people have not
 * checked.
 */
function judgeHolds(
  policy: RolloutPolicy,
  { quality, champion }: RolloutEvidence,
): readonly Reason[] {
  const why = errorIn(policy, quality)?.whyNot ?? [];
  const [model = champion] = champion.split('@');
  const dimension = policy.quality.answers?.judge?.dimension ?? 'judge';
  return why.map((reason) =>
    hold(
      'judge',
      `the judge ${dimension} may not decide: ${reason}; perennial rollout label ${model}`,
    ),
  );
}

/** Fails closed (I10): who is missing from a comparison may be exactly those whom it is about. */
function notComparable(quality: QualityEvidence): readonly Reason[] {
  if (quality.kind === 'pairs') {
    const share = quality.unscored / Math.max(1, quality.unscored + labelledOf(quality));
    return share <= mostUnscored
      ? []
      : [
          hold(
            'unscored',
            `${percent(share)} of the labelled requests lack a score of one version`,
          ),
        ];
  }
  const reasons: Reason[] = [];
  const { champion, challenger, unscored, unlabelled } = quality;
  const lacking = unscored.challenger / Math.max(1, unscored.challenger + challenger.n);
  if (lacking > mostUnscored)
    reasons.push(
      hold('unscored', `${percent(lacking)} of the challenger's labelled requests lack its score`),
    );
  const labelled = (arm: 'champion' | 'challenger', n: number) =>
    (n + unscored[arm]) / Math.max(1, n + unscored[arm] + unlabelled[arm]);
  const [of, against] = [labelled('challenger', challenger.n), labelled('champion', champion.n)];
  if (Math.abs(of - against) > mostLabelGap) {
    reasons.push(
      hold(
        'labels',
        `${percent(of)} of the challenger's answers are labelled and ${percent(against)} of the champion's`,
      ),
    );
  }
  return reasons;
}

function lateIn(policy: RolloutPolicy, quality: QualityEvidence): readonly Reason[] {
  if (!policy.quality.acrossDays) return [];
  // A pair is two losses.
  const losses =
    quality.kind === 'pairs' ? 2 * labelledOf(quality) : quality.champion.n + quality.challenger.n;
  const share = quality.days.late / Math.max(1, losses);
  if (share <= mostLate) return [];
  return [
    hold(
      'late',
      `${percent(share)} of the labels came after their day was counted: \`availableAfter\` is too short`,
    ),
  ];
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
