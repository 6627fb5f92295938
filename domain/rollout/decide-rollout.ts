import { formatSeconds } from '../duration';
import { figure, percent, signed } from '../gates/gate';
import { fewestDaysAcross } from '../statistics/days-sequence';
import type { Reason } from '../verdict';
import type { QualityEvidence, RolloutEvidence, ShownMark } from './evidence';
import { alphaBudget, type RolloutPolicy } from './policy';
import { labelledOf, readingsOf } from './readings';
import { remainingOf } from './remaining';
import type { DaysReading, MetricReading, RolloutVerdict } from './verdict';

/**
 * What a rollout should do next. Pure: the same policy over the same evidence gives the same verdict, whenever and wherever it is asked. It may be asked after
 * every request: the bounds hold at all times at once.
 * - Harm comes first and no minimum holds it back: a guardrail whose lower bound is above its limit, or quality whose demand is refuted.
 * - The shadow step ends, and the last step promotes, when quality is shown on `minSamples` labels and `minDuration` of event time. Other steps end when the
 *   guardrails saw `minSamples` requests of the challenger without showing harm.
 * - Whatever is undecided when `maxDuration` is over expires.
 */
export function decideRollout(policy: RolloutPolicy, evidence: RolloutEvidence): RolloutVerdict {
  const readings = readingsOf(policy, evidence);
  const [quality] = readings;
  const shown = evidence.shown ?? (quality?.outcome === 'passed' ? { eventTime: evidence.asOf, n: quality.n } : null);
  const said = readings.map((reading) => reasonOf(policy, evidence.quality, { reading, shown: evidence.shown }));

  const harmed = readings.find(({ outcome }) => outcome === 'failed');
  if (harmed !== undefined) return { kind: 'harm', metric: harmed.metric, reasons: said, readings, shown };

  const open = holdingBack(policy, evidence, shown);
  const reasons = [...said, ...open];
  const toStep = evidence.step + 1;
  const next = policy.steps[toStep];
  if (open.length === 0) {
    return next === undefined
      ? { kind: 'promote', reasons, readings, shown }
      : { kind: 'advance', toStep, percent: next, reasons, readings, shown };
  }
  const remaining = remainingOf(policy, evidence, shown);
  const allowed = policy.maxDurationSeconds + evidence.extendedSeconds;
  if (secondsBetween(evidence.startedAt, evidence.asOf) < allowed) return { kind: 'continue', remaining, reasons, readings, shown };
  const expired = hold(
    'expired',
    `nothing was decided in ${formatSeconds(allowed)} of event time; the policy says ${policy.onInconclusive}`,
  );
  return { kind: 'expired', action: policy.onInconclusive, remaining, reasons: [...reasons, expired], readings, shown };
}

/** Above this, too much of the challenger is left out of the comparison for its quality to be known. */
const mostUnscored = 0.05;
/** In shares of answers: above this the arms are asked about different things. */
const mostLabelGap = 0.05;

/** Everything that keeps the step from ending, so that a person sees all of it at once. */
function holdingBack(policy: RolloutPolicy, evidence: RolloutEvidence, shown: ShownMark | null): readonly Reason[] {
  const { minSamples, minDurationSeconds } = policy.test;
  const reasons: Reason[] = [];
  if (evidence.requestsInStep < minSamples) {
    reasons.push(
      hold('requests', `the challenger was asked ${count(evidence.requestsInStep)} times in this step, ${count(minSamples)} are needed`),
    );
  }
  if (!endsByQuality(policy, evidence.step)) return reasons;
  const labelled = labelledOf(evidence.quality);
  if (labelled < minSamples) reasons.push(hold('samples', `${count(labelled)} labels are counted, ${count(minSamples)} are needed`));
  const elapsed = secondsBetween(evidence.startedAt, evidence.asOf);
  if (elapsed < minDurationSeconds) {
    reasons.push(hold('duration', `${spanText(elapsed)} of event time have passed, ${formatSeconds(minDurationSeconds)} are needed`));
  }
  if (shown === null) reasons.push(hold('quality', `${policy.quality.metric} is not yet shown to be ${demandOf(policy)}`));
  return [...reasons, ...notComparable(evidence.quality)];
}

/** Shadow says all there is to know of pairs before anyone is answered by the challenger; without it, and with arms, the last step has to. */
export function endsByQuality({ steps, quality }: RolloutPolicy, step: number): boolean {
  return step === steps.length - 1 || (steps[step] === 0 && quality.comparison === 'pairs');
}

/** Fails closed (I10): who is missing from a comparison may be exactly those whom it is about. */
function notComparable(quality: QualityEvidence): readonly Reason[] {
  if (quality.kind === 'pairs') {
    const share = quality.unscored / Math.max(1, quality.unscored + quality.traffic.n);
    return share <= mostUnscored ? [] : [hold('unscored', `${percent(share)} of the labelled requests lack a score of one version`)];
  }
  const reasons: Reason[] = [];
  const { champion, challenger, unscored, unlabelled } = quality;
  const lacking = unscored.challenger / Math.max(1, unscored.challenger + challenger.n);
  if (lacking > mostUnscored) reasons.push(hold('unscored', `${percent(lacking)} of the challenger's labelled requests lack its score`));
  const labelled = (arm: 'champion' | 'challenger', n: number) => (n + unscored[arm]) / Math.max(1, n + unscored[arm] + unlabelled[arm]);
  const [of, against] = [labelled('challenger', challenger.n), labelled('champion', champion.n)];
  if (Math.abs(of - against) > mostLabelGap) {
    reasons.push(hold('labels', `${percent(of)} of the challenger's answers are labelled and ${percent(against)} of the champion's`));
  }
  return reasons;
}

function reasonOf(
  policy: RolloutPolicy,
  quality: QualityEvidence,
  { reading, shown }: { readonly reading: MetricReading; readonly shown: ShownMark | null },
): Reason {
  return reading.role === 'quality' ? qualityReason(policy, quality, { reading, shown }) : guardrailReason(policy, reading);
}

function qualityReason(
  policy: RolloutPolicy,
  quality: QualityEvidence,
  { reading, shown }: { readonly reading: MetricReading; readonly shown: ShownMark | null },
): Reason {
  const { metric, n, estimate, lower, upper, days } = reading;
  const said = (code: string, message: string): Reason => ({ gate: 'quality', code: `quality.${code}`, message });
  if (estimate === null) return said('notMeasured', `${metric}: no ripe label yet`);
  const word = estimate > 0 ? 'worse' : estimate < 0 ? 'better' : 'no different';
  const unit = quality.kind === 'pairs' ? 'pairs' : 'labelled answers an arm';
  const level = percent(1 - alphaBudget(policy).qualityPerSide);
  const found =
    `${metric} ${word} than the champion's: ${signed(estimate)} (bounds ${signed(lower)} … ${signed(upper)}, each at ${level} at all times; ` +
    `positive is worse; ${count(n)} ${unit}${days === null ? '' : `; ${daysText(days)}`})`;
  const demand = `asked: ${demandOf(policy)}`;
  if (reading.outcome === 'failed') return said('refuted', `${found}; ${demand}: refuted`);
  if (reading.outcome === 'passed') return said('shown', `${found}; ${demand}: shown`);
  if (shown !== null) return said('shown', `${found}; ${demand}: shown at ${shown.eventTime} on ${count(shown.n)} ${unit}`);
  return said('open', `${found}; ${demand}: ${openText(reading)}`);
}

function openText({ lower, upper, limit }: MetricReading): string {
  if (upper !== null && upper < limit) return 'shown on this traffic, not yet across days';
  return lower !== null && lower > limit ? 'refuted on this traffic, not yet across days' : 'the data allow either';
}

function daysText({ n, estimate, lower, upper }: DaysReading): string {
  if (estimate === null) return 'no day is closed';
  const bounds =
    lower === null || upper === null
      ? `${fewestDaysAcross} are needed for bounds`
      : `bounds across days ${signed(lower)} … ${signed(upper)}`;
  return `${count(n)} days, mean ${signed(estimate)}, ${bounds}`;
}

function guardrailReason(policy: RolloutPolicy, { metric, n, estimate, lower, upper, limit, outcome }: MetricReading): Reason {
  const said = (code: string, message: string): Reason => ({ gate: metric, code: `guardrail.${code}`, message });
  const guardrail = policy.guardrails.find(({ name }) => name === metric);
  const what = guardrail?.name === 'latency_ms' ? `share above ${figure(guardrail.max)} ms` : 'share of failed requests';
  if (estimate === null) return said('notMeasured', `${what}: the challenger was not asked yet in this step`);
  const found = `${what} ${percent(estimate)} (bounds ${percent(lower ?? 0)} … ${percent(upper ?? 1)}; ${count(n)} requests); allowed ${percent(limit)}`;
  if (outcome === 'failed') return said('harmed', `${found}: exceeded`);
  return outcome === 'passed' ? said('unharmed', `${found}: kept`) : said('open', `${found}: not shown to be exceeded`);
}

function demandOf({ quality }: RolloutPolicy): string {
  const { rule, margin } = quality;
  if (rule === 'nonInferiority') return `worse by less than ${figure(margin)}`;
  return margin === 0 ? 'better' : `better by more than ${figure(margin)}`;
}

function hold(code: string, message: string): Reason {
  return { gate: 'rollout', code: `rollout.${code}`, message };
}

/** `5.2 days`: elapsed time falls on no whole unit. */
function spanText(seconds: number): string {
  if (seconds >= 86_400) return `${figure(seconds / 86_400)} days`;
  return seconds >= 3_600 ? `${figure(seconds / 3_600)} hours` : `${figure(seconds / 60)} minutes`;
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

export function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
