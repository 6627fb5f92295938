import { figure, percent, signed } from '../gates/gate';
import type { GuardrailSpec } from '../lifecycle';
import { fewestDaysAcross } from '../statistics/days-sequence';
import type { Reason } from '../verdict';
import type { QualityEvidence, ShownMark } from './evidence';
import { alphaBudget, type RolloutPolicy } from './policy';
import { errorIn } from './readings';
import type { DaysReading, MetricReading } from './verdict';

/** What a reading says, in words and with its numbers. */
export function reasonOf(
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
  const outcome = reading.outcome === 'inconclusive' && shown !== null ? 'passed' : reading.outcome;
  const said = (code: string, message: string): Reason => ({ gate: 'quality', code: `quality.${code}`, message, outcome });
  if (estimate === null) return said('notMeasured', `${metric}: no ripe label yet`);
  const word = estimate > 0 ? 'worse' : estimate < 0 ? 'better' : 'no different';
  const unit = quality.kind === 'pairs' ? 'pairs' : 'labelled answers an arm';
  const { qualityPerSide, calibration } = alphaBudget(policy);
  const level = percent(1 - qualityPerSide - calibration);
  const found =
    `${metric} ${word} than the champion's: ${signed(estimate)} (bounds ${signed(lower)} … ${signed(upper)}, each at ${level} at all times; ` +
    `positive is worse; ${count(n)} ${unit}${judgeText(policy, quality)}${missingText(quality)}${days === null ? '' : `; ${daysText(days)}`})`;
  const demand = `asked: ${demandOf(policy)}`;
  if (reading.outcome === 'failed') return said('refuted', `${found}; ${demand}: refuted`);
  if (reading.outcome === 'passed') return said('shown', `${found}; ${demand}: shown`);
  if (shown !== null) return said('shown', `${found}; ${demand}: shown at ${shown.eventTime} on ${count(shown.n)} ${unit}`);
  return said('open', `${found}; ${demand}: ${openText(reading)}`);
}

/** Whose word the figures are, after what is known of its errors, and how often it said nothing. */
function judgeText(policy: RolloutPolicy, quality: QualityEvidence): string {
  const error = errorIn(policy, quality);
  const judge = policy.quality.answers?.judge;
  if (error === null || judge === undefined || quality.kind === 'arms') return '';
  const { lower, upper } = error.youden;
  const version = judge.calibrated?.judge.slice(0, 19) ?? '';
  const silent = quality.unscored === 0 ? '' : `; ${count(quality.unscored)} more without a verdict on both answers count at their worst`;
  return ` judged by ${judge.dimension} (${version}), corrected for its errors (its sensitivity + specificity − 1 is ${figure(lower)} to ${figure(upper)})${silent}`;
}

/** What part of the traffic the figures are about is for people to judge: some labels never come, by nature. */
function missingText({ unlabelled }: QualityEvidence): string {
  const missing = typeof unlabelled === 'number' ? unlabelled : unlabelled.champion + unlabelled.challenger;
  return missing === 0 ? '' : `; ${count(missing)} that were due have no label`;
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
  const said = (code: string, message: string): Reason => ({ gate: metric, code: `guardrail.${code}`, message, outcome });
  const guardrail = policy.guardrails.find(({ name }) => name === metric);
  const what = guardrail ? shareOf(guardrail) : metric;
  // In shadow it is asked, and answers nobody.
  const nothing = metric === 'latency_ms' || metric === 'first_token_ms' ? 'has answered nobody' : 'was not asked';
  if (estimate === null) return said('notMeasured', `${what}: the challenger ${nothing} yet in this step`);
  const found = `${what} ${percent(estimate)} (bounds ${percent(lower ?? 0)} … ${percent(upper ?? 1)}; ${count(n)} requests); allowed ${percent(limit)}`;
  if (outcome === 'failed') return said('harmed', `${found}: exceeded`);
  return outcome === 'passed' ? said('unharmed', `${found}: kept`) : said('open', `${found}: not shown to be exceeded`);
}

function shareOf({ name, max }: GuardrailSpec): string {
  switch (name) {
    case 'errors':
      return 'share of failed requests';
    case 'latency_ms':
      return `share above ${figure(max)} ms`;
    case 'first_token_ms':
      return `share of streams whose first word took more than ${figure(max)} ms`;
    case 'tokens':
      return `share above ${figure(max)} tokens`;
    case 'blocked':
      return 'share kept back by the safety policy or the provider’s filter';
    case 'format':
      return 'share that is not the promised JSON';
  }
}

export function demandOf({ quality }: RolloutPolicy): string {
  const { rule, margin } = quality;
  if (rule === 'nonInferiority') return `worse by less than ${figure(margin)}`;
  return margin === 0 ? 'better' : `better by more than ${figure(margin)}`;
}

export function hold(code: string, message: string): Reason {
  return { gate: 'rollout', code: `rollout.${code}`, message, outcome: 'inconclusive' };
}

/** `5.2 days`: elapsed time falls on no whole unit. */
export function spanText(seconds: number): string {
  if (seconds >= 86_400) return `${figure(seconds / 86_400)} days`;
  return seconds >= 3_600 ? `${figure(seconds / 3_600)} hours` : `${figure(seconds / 60)} minutes`;
}

export function requestsText(n: number): string {
  return n === 1 ? 'one request' : `${count(n)} requests`;
}

/** Made once: making one takes longer than the rest of a decision. */
const grouped = new Intl.NumberFormat('en-US');

export function count(n: number): string {
  return grouped.format(n);
}
