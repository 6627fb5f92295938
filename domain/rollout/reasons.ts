import { formatSeconds } from '../duration';
import { count, figure, interval, percent, plain, signed } from '../format';
import type { GuardrailSpec } from '../lifecycle/lifecycle';
import type { Reason } from '../decision/verdict';
import type { QualityEvidence, RolloutEvidence } from './judging/evidence';
import { alphaBudget, holdsAcrossDays, leastSecondsAcrossDays, type RolloutPolicy } from './policy';
import { decidingPairs, errorIn, isRefuted, restsOnDays } from './judging/readings';
import type { DaysReading, MetricReading } from './judging/verdict';

/** What the readings say, in words and with their numbers: one line each. */
export function reasonsOf(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  readings: readonly MetricReading[],
): readonly Reason[] {
  return readings.flatMap((reading) => {
    if (reading.role === 'guardrail') return [guardrailReason(policy, reading)];
    if (reading.role === 'step') return stepReasons(policy, evidence, reading);
    if (reading.role === 'shadow') return [shadowReason(policy, reading)];
    return [
      qualityReason(policy, evidence, reading),
      ...daysReasons(policy, reading),
      ...judgeReasons(policy, evidence.quality),
      ...labelReasons(evidence.quality),
    ];
  });
}

function qualityReason(
  policy: RolloutPolicy,
  { quality, step }: RolloutEvidence,
  reading: MetricReading,
): Reason {
  const { metric, n, estimate, outcome } = reading;
  const said = (code: string, message: string, details?: readonly string[]): Reason => ({
    ...{ gate: 'quality', code: `quality.${code}`, message, outcome },
    ...(details !== undefined && { details }),
  });
  if (estimate === null) {
    const isServing = quality.kind === 'pairs' && quality.phase === 'serving';
    return said(
      'notMeasured',
      isServing
        ? `${metric}: no label yet of requests that the challenger answered`
        : `${metric}: no label is due yet`,
    );
  }
  const { qualityPerSide, calibration } = alphaBudget(policy);
  const unit =
    quality.kind === 'pairs' ? `${pairsOf(policy, quality)}pairs` : 'labelled answers an arm';
  const found = `${metric} ${figuresText(reading, qualityPerSide + calibration)}, ${count(n)} ${unit})`;
  if (outcome === 'passed')
    return said(
      'shown',
      `${found}: ${demandOf(policy)}${restsOnDays(policy, step) ? '' : ' on this traffic'}`,
    );
  if (outcome === 'failed') return said('refuted', `${found}: ${refutedText(policy, reading)}`);
  return said('open', `${found}: ${openText(policy, reading)}`);
}

/** Once the challenger answers requests, the labels of the shadow count no more. */
function shadowReason(policy: RolloutPolicy, reading: MetricReading): Reason {
  const { qualityPerSide, calibration } = alphaBudget(policy);
  const message = `${reading.metric} ${figuresText(reading, qualityPerSide + calibration)}, ${count(reading.n)} shadow pairs): ended the shadow`;
  return {
    gate: 'shadow',
    code: 'shadow.ended',
    message,
    outcome: 'notApplicable',
    details: ['a promotion rests on requests that the challenger answered'],
  };
}

/** What kind of pairs decide, where there are two kinds. */
function pairsOf({ steps }: RolloutPolicy, quality: QualityEvidence): string {
  if (
    quality.kind === 'arms' ||
    !steps.some((percent) => percent === 0) ||
    !steps.some((percent) => percent > 0)
  )
    return '';
  return `${quality.phase} `;
}

/** `+0.0004 (99.5 % CI −0.0022 … +0.0031`, to be closed. */
function figuresText({ estimate, lower, upper }: MetricReading, alphaPerSide: number): string {
  return `${signed(estimate)} (${percent(1 - 2 * alphaPerSide)} CI ${interval({ lower, upper })}`;
}

function refutedText(policy: RolloutPolicy, { lower, days }: MetricReading): string {
  if (days === null || isRefuted(policy, days.lower ?? -Infinity)) return `not ${demandOf(policy)}`;
  const { largeHarm } = policy.quality;
  return (lower ?? -Infinity) > largeHarm
    ? `worse than ${plain(largeHarm)} (largeHarm) on this traffic`
    : `not ${demandOf(policy)}`;
}

function openText(policy: RolloutPolicy, { lower, upper, limit, days }: MetricReading): string {
  const notYet = `not yet across days (${days === null ? 0 : days.n} days)`;
  if ((upper ?? Infinity) < limit) return `${demandOf(policy)} on this traffic, ${notYet}`;
  return isRefuted(policy, lower ?? -Infinity)
    ? `not ${demandOf(policy)} on this traffic, ${notYet}`
    : `${demandOf(policy)} is open`;
}

/** The mean over days, where it is asked about. */
function daysReasons(
  policy: RolloutPolicy,
  { days, metric, limit }: MetricReading,
): readonly Reason[] {
  if (days === null) return [shortReason(policy)].filter((reason) => reason !== null);
  const { estimate, lower, upper, n, weeks } = days;
  const said = (
    code: string,
    message: string,
    outcome: Reason['outcome'] = 'inconclusive',
  ): Reason => ({
    ...{ gate: 'days', code: `days.${code}`, message, outcome },
    ...(weeks > 0 && { details: [`the days of ${weeksText(weeks)}`] }),
  });
  const mean = estimate === null ? '' : `, mean ${signed(estimate)}`;
  if (lower === null || upper === null)
    return [said('tooFew', `${daysText(days)}${mean}: bounds across days need a whole week`)];
  const { shown } = alphaBudget(policy).acrossDays;
  const found = `${metric} a day ${signed(estimate)} (${percent(1 - shown)} bounds ${interval({ lower, upper })}, ${count(n)} days)`;
  if (upper < limit) return [said('shown', `${found}: ${demandOf(policy)} across days`, 'passed')];
  return [
    isRefuted(policy, lower)
      ? said('refuted', `${found}: not ${demandOf(policy)} across days`)
      : said('open', `${found}: open`),
  ];
}

/** That days were not asked about is part of every verdict that did not ask. */
function shortReason({ test }: RolloutPolicy): Reason | null {
  if (holdsAcrossDays(test)) return null;
  return {
    gate: 'days',
    code: 'days.notAsked',
    message: `minDuration ${formatSeconds(test.minDurationSeconds)} is shorter than ${formatSeconds(leastSecondsAcrossDays)}: days to come were not asked about`,
    outcome: 'notApplicable',
  };
}

function daysText({ n }: DaysReading): string {
  return n === 1 ? '1 whole day' : `${count(n)} whole days`;
}

function weeksText(weeks: number): string {
  return weeks === 1 ? '1 week' : `${count(weeks)} weeks`;
}

function stepReasons(
  policy: RolloutPolicy,
  { step }: RolloutEvidence,
  reading: MetricReading,
): readonly Reason[] {
  const { metric, n, estimate, lower, outcome, limit } = reading;
  if (estimate === null) return [];
  const { perStep, calibration } = alphaBudget(policy);
  const found = `${metric} ${figuresText(reading, perStep + calibration)}, ${count(n)} pairs of step ${step + 1})`;
  const said = (code: string, message: string): Reason => ({
    gate: 'step',
    code: `step.${code}`,
    message,
    outcome,
  });
  if (outcome === 'failed') return [said('harmed', `${found}: worse than ${plain(limit)}`)];
  return [
    isRefuted(policy, lower ?? -Infinity)
      ? said('contradicted', `${found}: not ${demandOf(policy)}`)
      : said('unharmed', `${found}: no harm shown`),
  ];
}

/** Whose word the figures are, after what is known of its errors, and how often it said nothing. */
function judgeReasons(policy: RolloutPolicy, quality: QualityEvidence): readonly Reason[] {
  const error = errorIn(policy, quality);
  const judge = policy.quality.answers?.judge;
  if (
    error === null ||
    judge === undefined ||
    quality.kind === 'arms' ||
    decidingPairs(quality).n === 0
  )
    return [];
  const { lower, upper } = error.errors;
  const labelled = count(quality.judge?.pairs ?? 0);
  const version = judge.calibrated?.judge.slice(0, 19) ?? '';
  const said = (code: string, message: string): Reason => ({
    gate: 'judge',
    code: `judge.${code}`,
    message,
    outcome: 'notApplicable',
  });
  return [
    said(
      'corrected',
      error.whyNot.length > 0
        ? `judged by ${judge.dimension} (${version}), which may not decide yet`
        : `judged by ${judge.dimension} (${version}), corrected by ${labelled} pairs that people labelled: ${interval({ lower, upper })}`,
    ),
    ...(quality.unscored === 0
      ? []
      : [
          said(
            'silent',
            `${count(quality.unscored)} more pairs without a verdict on both answers count at their worst`,
          ),
        ]),
  ];
}

/**
 * What part of the traffic the figures are about is for people to judge: some labels never come, by
 * nature.
 */
function labelReasons({ unlabelled }: QualityEvidence): readonly Reason[] {
  const missing =
    typeof unlabelled === 'number' ? unlabelled : unlabelled.champion + unlabelled.challenger;
  if (missing === 0) return [];
  return [
    {
      gate: 'labels',
      code: 'labels.missing',
      message: `${requestsText(missing)} that were due have no label`,
      outcome: 'notApplicable',
    },
  ];
}

function guardrailReason(
  policy: RolloutPolicy,
  { metric, n, estimate, lower, upper, limit, outcome }: MetricReading,
): Reason {
  const said = (code: string, message: string): Reason => ({
    gate: metric,
    code: `guardrail.${code}`,
    message,
    outcome,
  });
  const guardrail = policy.guardrails.find(({ name }) => name === metric);
  const what = guardrail ? shareOf(guardrail) : metric;
  // In shadow it is asked, and answers nobody.
  const nothing =
    metric === 'latency_ms' || metric === 'first_token_ms'
      ? 'has answered nobody'
      : 'was not asked';
  if (estimate === null)
    return said('notMeasured', `${what}: the challenger ${nothing} yet in this step`);
  const found = `${what} ${percent(estimate)} (bounds ${percent(lower ?? 0)} … ${percent(upper ?? 1)}; ${count(n)} requests); allowed ${percent(limit)}`;
  if (outcome === 'failed') return said('harmed', `${found}: exceeded`);
  return outcome === 'passed'
    ? said('unharmed', `${found}: kept`)
    : said('open', `${found}: no harm shown`);
}

function shareOf({ name, max }: GuardrailSpec): string {
  switch (name) {
    case 'errors':
      return 'share of failed requests';
    case 'latency_ms':
      return `share above ${plain(max)} ms`;
    case 'first_token_ms':
      return `share of first words after ${plain(max)} ms`;
    case 'tokens':
      return `share above ${plain(max)} tokens`;
    case 'blocked':
      return 'share of blocked answers';
    case 'format':
      return 'share that is not the promised JSON';
  }
}

export function demandOf({ quality }: RolloutPolicy): string {
  const { rule, margin } = quality;
  if (rule === 'nonInferiority') return `below the ${plain(margin)} margin`;
  return margin === 0 ? 'better' : `better by more than ${plain(margin)}`;
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
