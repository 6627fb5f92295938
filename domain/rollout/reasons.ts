import { formatSeconds } from '../duration';
import { count, figure, interval, percent, plain, formatSigned } from '../format';
import type { GuardrailSpec } from './canary';
import type { Reason } from '../verdict';
import { baseRateReasons } from './judging/labels/base-rate';
import { countDueLabels } from './judging/labels/due-labels';
import type { PairsEvidence, QualityEvidence, RolloutEvidence } from './judging/evidence';
import { dayCorrelationText } from '../statistics/day-history';
import {
  alphaBudget,
  dayCorrelationIn,
  holdsAcrossDays,
  isSwitched,
  minSecondsAcrossDays,
  type RolloutPolicy,
} from './policy';
import { lateText } from './missing-labels';
import { decidingPairs, judgeErrorIn, isRefuted, isPromotionStep } from './judging/readings';
import type { ControlReading, DaysReading, MetricReading } from './judging/verdict';

/** One line for each reading, with its numbers. Further facts are in `details`. */
export function writeReasons(
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
      ...entityReasons(reading),
      ...daysReasons(policy, reading),
      ...judgeReasons(policy, evidence.quality),
      ...labelReasons(policy, evidence.quality),
      ...baseRateReasons(policy, evidence.quality),
    ];
  });
}

function qualityReason(
  policy: RolloutPolicy,
  { quality, step }: RolloutEvidence,
  reading: MetricReading,
): Reason {
  const { metric, n, estimate, outcome } = reading;
  const reason = (code: string, message: string, details: readonly string[] = []): Reason => ({
    gate: 'quality',
    code: `quality.${code}`,
    message,
    outcome,
    ...(details.length > 0 && { details }),
  });
  // Without a champion's answers, its later labels would only compare two different times.
  if (quality.kind === 'arms' && isSwitched(policy, step))
    return {
      ...reason('noControl', `${metric} is not compared: the champion answers no request`),
      outcome: 'notApplicable',
    };
  if (estimate === null) {
    const isServing = quality.kind === 'pairs' && quality.phase === 'serving';
    return reason(
      'notMeasured',
      isServing
        ? `${metric}: no label yet of requests that the challenger answered`
        : `${metric}: no label is due yet`,
    );
  }
  const { qualityPerSide, calibration } = alphaBudget(policy);
  const unit = quality.kind === 'pairs' ? pairsUnit(policy, quality) : 'per arm';
  const meanText = intervalText(reading, qualityPerSide + calibration);
  const found = `${metric} ${meanText}, ${count(n)} ${unit})`;
  if (outcome === 'passed') return reason('shown', `${found}: ${demandText(policy)}`);
  if (outcome === 'failed') return reason('refuted', `${found}: ${refutedText(policy, reading)}`);
  const [conclusion, ...details] = openTexts(policy, reading, isPromotionStep(policy, step));
  return reason('open', `${found}: ${conclusion}`, details);
}

/** Reports what the shadow showed; its labels do not count toward a promotion. */
function shadowReason(policy: RolloutPolicy, reading: MetricReading): Reason {
  const { qualityPerSide, calibration } = alphaBudget(policy);
  const meanText = intervalText(reading, qualityPerSide + calibration);
  return {
    gate: 'shadow',
    code: 'shadow.ended',
    message: `${reading.metric} ${meanText}, ${count(reading.n)} shadow pairs): the shadow has ended`,
    outcome: 'notApplicable',
    details: ['a promotion rests on requests that the challenger answered'],
  };
}

/** `shadow pairs` before serving; the shadow has its own line later. */
function pairsUnit({ steps }: RolloutPolicy, { phase }: PairsEvidence): string {
  return phase === 'shadow' && steps.some((percent) => percent > 0) ? 'shadow pairs' : 'pairs';
}

/** How many entities of equal weight would be as certain as those of the smaller arm. */
function entityReasons({ n, effectiveEntities }: MetricReading): readonly Reason[] {
  if (effectiveEntities === undefined || n === 0) return [];
  return [
    {
      gate: 'entities',
      code: 'entities.effective',
      message: `${count(Math.floor(effectiveEntities))} effective entities in the smaller arm`,
      outcome: 'notApplicable',
    },
  ];
}

/** `+0.0004 (99.5 % CI −0.0022 … +0.0031`; the caller closes the parenthesis. */
function intervalText({ estimate, lower, upper }: MetricReading, alphaPerSide: number): string {
  const level = percent(1 - 2 * alphaPerSide);
  return `${formatSigned(estimate)} (${level} CI ${interval({ lower, upper })}`;
}

function refutedText(policy: RolloutPolicy, { lower, days }: MetricReading): string {
  if (days === null || isRefuted(policy, days.lower ?? -Infinity)) return refutationText(policy);
  const { largeHarm } = policy.quality;
  return (lower ?? -Infinity) > largeHarm
    ? `above largeHarm, ${plain(largeHarm)}`
    : refutationText(policy);
}

/** The conclusion, and as a detail why it does not decide yet. */
function openTexts(
  policy: RolloutPolicy,
  { lower, upper, limit, days }: MetricReading,
  isServing: boolean,
): readonly [string, ...string[]] {
  const isShown = (upper ?? Infinity) < limit;
  if (!isShown && !isRefuted(policy, lower ?? -Infinity)) return [`not yet ${demandText(policy)}`];
  const onTraffic = isServing ? ' on this traffic' : '';
  const conclusion = `${isShown ? demandText(policy) : refutationText(policy)}${onTraffic}`;
  return days === null
    ? [conclusion]
    : [conclusion, `not yet confirmed across days (${daysText(days)})`];
}

/** Quality across days, or the note that the policy does not test it. */
function daysReasons(
  policy: RolloutPolicy,
  { days, metric, limit }: MetricReading,
): readonly Reason[] {
  if (days === null) return notTestedReasons(policy);
  const { estimate, lower, upper, n, weeks } = days;
  const reason = (
    code: string,
    message: string,
    outcome: Reason['outcome'] = 'inconclusive',
  ): Reason => ({
    gate: 'days',
    code: `days.${code}`,
    message,
    outcome,
    details: [
      ...(weeks > 0 ? [`measured on ${weeksText(weeks)}`] : []),
      dayCorrelationText(dayCorrelationIn(policy), policy.test.dayCorrelation),
    ],
  });
  const mean = estimate === null ? '' : `, mean ${formatSigned(estimate)}`;
  if ((lower === null || upper === null) && weeks > 0)
    return [reason('fewEntities', `${daysText(days)}${mean}; bounds need more effective entities`)];
  if (lower === null || upper === null)
    return [reason('tooFew', `${daysText(days)}${mean}; bounds across days need a whole week`)];
  const level = percent(1 - alphaBudget(policy).acrossDays.shown);
  const bounds = `${level} bounds ${interval({ lower, upper })}`;
  const found = `${metric} per day ${formatSigned(estimate)} (${bounds}, ${count(n)} days)`;
  if (upper < limit) return [reason('shown', `${found}: ${demandText(policy)}`, 'passed')];
  return [
    isRefuted(policy, lower)
      ? reason('refuted', `${found}: ${refutationText(policy)}`)
      : reason('open', `${found}: not yet ${demandText(policy)}`),
  ];
}

/** Every verdict says so if quality across days was not tested. */
function notTestedReasons({ test }: RolloutPolicy): readonly Reason[] {
  if (holdsAcrossDays(test)) return [];
  const [given, least] = [test.minDurationSeconds, minSecondsAcrossDays].map(formatSeconds);
  return [
    {
      gate: 'days',
      code: 'days.notAsked',
      message: `quality across days is not tested: minDuration ${given} is shorter than ${least}`,
      outcome: 'notApplicable',
    },
  ];
}

function daysText({ n }: DaysReading): string {
  return n === 1 ? '1 whole day' : `${count(n)} whole days`;
}

function weeksText(weeks: number): string {
  return weeks === 1 ? '1 whole week' : `${count(weeks)} whole weeks`;
}

function stepReasons(
  policy: RolloutPolicy,
  { step, quality }: RolloutEvidence,
  reading: MetricReading,
): readonly Reason[] {
  const { metric, n, estimate, lower, outcome, limit } = reading;
  if (estimate === null) return [];
  const { perStep, calibration } = alphaBudget(policy);
  const meanText = intervalText(reading, (perStep.harm + perStep.shown) / 2 + calibration);
  const unit = quality.kind === 'pairs' ? 'pairs' : 'labels per arm';
  const found = `${metric} ${meanText}, ${count(n)} ${unit} of step ${step + 1})`;
  const reason = (code: string, message: string): Reason => ({
    gate: 'step',
    code: `step.${code}`,
    message,
    outcome,
  });
  if (outcome === 'failed') return [reason('harmed', `${found}: worse than ${plain(limit)}`)];
  if (outcome === 'passed') return [reason('shown', `${found}: ${demandText(policy)}`)];
  return [
    isRefuted(policy, lower ?? -Infinity)
      ? reason('contradicted', `${found}: ${refutationText(policy)}`)
      : reason('unharmed', `${found}: no harm shown`),
  ];
}

/** The judge behind the figures, its correction by labels, and the pairs without verdicts. */
function judgeReasons(policy: RolloutPolicy, quality: QualityEvidence): readonly Reason[] {
  const error = judgeErrorIn(policy, quality);
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
  const reason = (code: string, message: string, details: readonly string[] = []): Reason => ({
    gate: 'judge',
    code: `judge.${code}`,
    message,
    outcome: 'notApplicable',
    ...(details.length > 0 && { details }),
  });
  const correction = `${labelled} labelled pairs: ${interval({ lower, upper })}`;
  return [
    reason(
      'corrected',
      error.whyNot.length > 0
        ? `judged by ${judge.dimension}, which may not decide yet`
        : `judged by ${judge.dimension}, corrected by ${correction}`,
      [`version of the judge: ${version}`],
    ),
    ...(quality.unscored === 0
      ? []
      : [
          reason(
            'silent',
            `${pairsText(quality.unscored)} without a judge verdict; counted as the worst case`,
          ),
        ]),
  ];
}

/** How many due labels are missing or late, and what the policy does about them. */
function labelReasons(policy: RolloutPolicy, quality: QualityEvidence): readonly Reason[] {
  const { due, missing, late } = countDueLabels(quality);
  const { missingLabels: rule } = policy.quality;
  if (missing + late === 0) return [];
  const share = percent(missing / Math.max(1, due));
  const reason = (code: string, message: string, details: readonly string[] = []): Reason => ({
    gate: 'labels',
    code: `labels.${code}`,
    message,
    outcome: 'notApplicable',
    ...(details.length > 0 && { details }),
  });
  const done =
    rule === 'worstCase'
      ? ': counted at their worst'
      : rule === 'ignore'
        ? ': ignored (missingLabels: ignore)'
        : '';
  const ignored =
    rule === 'ignore'
      ? ['quality is that of requests whose label came, which may differ from the others']
      : [];
  return [
    ...(missing === 0
      ? []
      : [
          reason(
            'missing',
            `labels are due but missing for ${requestsText(missing)} of ${count(due)}, ${share}${done}`,
            ignored,
          ),
        ]),
    ...(late === 0
      ? []
      : [
          reason(
            'late',
            `${count(late)} labels came more than ${lateText(policy.maxDurationSeconds)} after they were due`,
          ),
        ]),
  ];
}

function guardrailReason(
  policy: RolloutPolicy,
  { metric, n, estimate, lower, upper, limit, outcome, control }: MetricReading,
): Reason {
  const reason = (code: string, message: string): Reason => ({
    gate: metric,
    code: `guardrail.${code}`,
    message,
    outcome,
  });
  // A shadow gets requests, but its answers are not returned.
  const missing =
    metric === 'latency_ms' || metric === 'first_token_ms'
      ? 'no answer of the challenger was returned'
      : 'the challenger got no requests';
  if (estimate === null) return reason('notMeasured', `${missing} in this step yet`);
  const guardrail = policy.guardrails.find(({ name }) => name === metric);
  const share = `${percent(estimate)} ${guardrail ? describeEvent(guardrail) : metric}`;
  const bounds = `${percent(lower ?? 0)} … ${percent(upper ?? 1)}`;
  const found = `${share} (${bounds}, ${count(n)} requests)`;
  const allowed = percent(limit);
  const isAbove = (lower ?? 0) > limit;
  if (outcome === 'failed' || isAbove)
    return {
      ...reason(outcome === 'failed' ? 'harmed' : 'shared', `${found}: above the ${allowed} limit`),
      ...(control && { details: [besideText(control)] }),
    };
  return outcome === 'passed'
    ? reason('unharmed', `${found}: within the ${allowed} limit`)
    : reason('open', `${found}: no harm shown, limit ${allowed}`);
}

function besideText({ n, estimate, isWorse }: ControlReading): string {
  if (estimate === null) return 'the champion got no requests at the same times';
  const beside = `champion at the same times: ${percent(estimate)} of ${requestsText(n)}`;
  return `${beside}; the challenger is ${isWorse ? '' : 'not '}shown to be worse`;
}

/** Continues a share, as in `0.4 % of requests failed`. */
function describeEvent({ name, max }: GuardrailSpec): string {
  switch (name) {
    case 'errors':
      return 'of requests failed';
    case 'latency_ms':
      return `of requests took over ${plain(max)} ms`;
    case 'first_token_ms':
      return `of first tokens over ${plain(max)} ms`;
    case 'tokens':
      return `of answers over ${plain(max)} tokens`;
    case 'blocked':
      return 'of answers blocked';
    case 'format':
      return 'of answers not in the required JSON';
  }
}

/** What the method of the rollout has shown, and what it cannot show. Empty for a canary. */
export function methodReasons(
  policy: RolloutPolicy,
  { servingSince, step, asOf, quality }: RolloutEvidence,
  readings: readonly MetricReading[],
): readonly Reason[] {
  if (policy.method === 'shadow')
    return [
      {
        gate: 'shadow',
        code: 'shadow.only',
        message: 'the challenger answered no request, so a person decides',
        outcome: 'notApplicable',
        details: ['not tested: the effect of its answers, and its latency for callers'],
      },
    ];
  if (!isSwitched(policy, step) || servingSince === null) return [];
  const span = spanText((Date.parse(asOf) - Date.parse(servingSince)) / 1000);
  const isShown = readings.some(({ role, outcome }) => role === 'quality' && outcome === 'passed');
  return [
    {
      gate: 'switch',
      code: 'switch.unharmed',
      message: `no harm was shown in ${span} after the switch`,
      outcome: 'passed',
      ...(!isShown && {
        details: [
          quality.kind === 'pairs'
            ? `not shown: that ${policy.quality.metric} is ${demandText(policy)}`
            : `not tested: ${policy.quality.metric}, because the champion answered no request at that time`,
        ],
      }),
    },
  ];
}

/** What quality must show: `below the 0.01 margin`. */
export function demandText({ quality }: RolloutPolicy): string {
  const { rule, margin } = quality;
  if (rule === 'nonInferiority') return `below the ${plain(margin)} margin`;
  return margin === 0 ? 'better' : `better by more than ${plain(margin)}`;
}

/** What it means that the demand is refuted: `above the 0.01 margin`. */
export function refutationText(policy: RolloutPolicy): string {
  const { rule, margin } = policy.quality;
  return rule === 'nonInferiority'
    ? `above the ${plain(margin)} margin`
    : `not ${demandText(policy)}`;
}

export function holdReason(code: string, message: string): Reason {
  return { gate: 'rollout', code: `rollout.${code}`, message, outcome: 'inconclusive' };
}

/** `5.2 days`, for elapsed time, which is seldom a whole number of days. */
export function spanText(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds >= 86_400) return `${figure(seconds / 86_400)} days`;
  return seconds >= 3_600 ? `${figure(seconds / 3_600)} hours` : `${figure(seconds / 60)} minutes`;
}

export function requestsText(n: number): string {
  return n === 1 ? '1 request' : `${count(n)} requests`;
}

function pairsText(n: number): string {
  return n === 1 ? '1 pair' : `${count(n)} pairs`;
}
