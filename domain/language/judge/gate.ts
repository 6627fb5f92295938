import { budgetUnits } from '../../budget/budget';
import { count, figure, interval, percent, plain, formatSigned } from '../../format';
import { computeBounds, type Aggregate } from '../evaluation/aggregate';
import { simultaneousLevel } from './bias';
import type { LlmEvidence } from '../evaluation/evidence';
import type { BoundGate, LlmGate } from '../evaluation/gate';
import { maxMessageLength, withCause, type GateResult } from '../../evaluation/gate';
import { findWorst } from '../../verdict';
import { correctedShare, calibrationProblems } from './calibration';
import { quantileBounds } from '../evaluation/quantile';
import { reasonWithMessage } from '../evaluation/unanswered-cases';
import { casesToDecide, assessLimit, type Limit } from '../evaluation/sample-size';

/**
 * Judges one gate. It passes when the interval lies within the limit and fails when it lies beyond.
 * Otherwise it is inconclusive and says how many more cases would decide. A gate over a fixed
 * holdout fails on the estimate alone; this one does not, because more cases can be asked.
 * A missing measurement, or one with more failures than `maxFailures`, is inconclusive (I10).
 */
export function judgeLlmGate(gate: LlmGate, evidence: LlmEvidence): GateResult {
  switch (gate.kind) {
    case 'threshold':
      return judgeThreshold(gate, evidence);
    case 'allPass':
      return judgeAllPass(gate, evidence);
    case 'nonInferiority':
      return judgeNonInferiority(gate, evidence);
    case 'bias':
      return judgeBias(gate, evidence);
    case 'latency':
      return judgeLatency(gate, evidence);
    case 'cost':
      return judgeQuantile(gate, evidence, {
        values: evidence.costs.map((cost) => cost / budgetUnits.usd),
        max: gate.maxUsd,
        show: (usd) => `$${usd.toFixed(6)}`,
      });
  }
}

type JudgeGateOf<K extends LlmGate['kind']> = Extract<LlmGate, { readonly kind: K }>;

function judgeThreshold(gate: JudgeGateOf<'threshold'>, evidence: LlmEvidence): GateResult {
  const measured = evidence.dimensions[gate.dimension];
  if (!measured?.judge)
    return judgeAggregate(gate, measured?.aggregate, evidence, {
      limit: { min: gate.min, max: null, level: gate.confidence },
      what: { name: gate.dimension, limit: `minimum ${plain(gate.min)}`, show: figure },
    });
  const { digest, calibration, said } = measured.judge;
  const [missing, ...others] = calibrationProblems(calibration, digest);
  if (calibration === null || missing !== undefined)
    return toUnknown(gate, `the judge may not decide gates: ${missing ?? ''}`, others);
  const short = tooFew(gate, measured.aggregate, evidence);
  if (short) return short;
  const share = correctedShare(said, calibration, gate.confidence);
  if (share === null) return toUnknown(gate, 'the judge is no better than chance');
  const { cases, failures } = measured.aggregate;
  // Cases without a verdict may all be wrong, or all be right.
  const bounds = {
    lower: (share.lower * (cases - failures)) / cases,
    upper: (share.upper * (cases - failures) + failures) / cases,
  };
  const shown = `${percent(gate.confidence)} bounds ${interval(bounds, figure)}`;
  const facts = {
    message: `${gate.dimension} ${figure(share.estimate)} (${shown}), minimum ${plain(gate.min)}`,
    details: ["corrected for the judge's errors", casesText(measured.aggregate)],
  };
  if (bounds.lower >= gate.min) return { outcome: 'passed', code: 'threshold.met', ...facts };
  if (bounds.upper < gate.min) return { outcome: 'failed', code: 'threshold.missed', ...facts };
  return { outcome: 'inconclusive', code: 'threshold.unproven', ...facts };
}

/**
 * Passes when every case was measured and reaches `min`, fails as soon as one does not, and is
 * inconclusive while one could not be measured.
 */
function judgeAllPass(gate: JudgeGateOf<'allPass'>, evidence: LlmEvidence): GateResult {
  const { dimension, min, minCases } = gate;
  const measured = evidence.dimensions[dimension];
  if (!measured || measured.aggregate.cases === 0)
    return toUnknown(gate, `${dimension} was not measured`);
  if (measured.judge)
    return toUnknown(gate, `a judge scores ${dimension}; use a threshold gate`, [
      'an error of the judge would decide whether a case passes; a threshold corrects for it',
    ]);
  const { cases, failures, reasons, notApplicable } = measured.aggregate;
  const { lowest } = measured;
  if (lowest !== null && lowest.score < min)
    return {
      outcome: 'failed',
      code: 'allPass.missed',
      message: `lowest ${dimension} is ${figure(lowest.score)}, every case must reach ${plain(min)}`,
      details: [
        `${count(lowest.cases)} ${lowest.cases === 1 ? 'case has' : 'cases have'} this score`,
        `${count(cases - failures)} of ${count(cases)} cases measured`,
      ],
    };
  if (failures > 0)
    return notMeasured(gate, 'every case must be measured', {
      cases,
      failures,
      reasons,
      because: evidence.because,
    });
  if (cases < minCases)
    return {
      outcome: 'inconclusive',
      code: 'allPass.tooFew',
      message: tooFewText(cases, minCases),
      moreCases: ofAll({ cases, notApplicable }, minCases - cases),
    };
  return {
    outcome: 'passed',
    code: 'allPass.met',
    message: `${dimension} is at least ${plain(min)} in each of ${count(cases)} cases`,
    details: ['this says nothing about other cases'],
  };
}

function judgeNonInferiority(
  gate: JudgeGateOf<'nonInferiority'>,
  evidence: LlmEvidence,
): GateResult {
  const { comparisons, missing } = evidence;
  const isFirst =
    gate.against === 'champion' &&
    comparisons.champion === null &&
    (missing?.champion ?? null) === null;
  const notApplicable = (code: string, message: string): GateResult => ({
    outcome: 'notApplicable',
    code,
    message,
  });
  if (isFirst && gate.whenAbsent === 'notApplicable')
    return notApplicable('nonInferiority.noChampion', 'there is no champion yet');
  const against = isFirst ? 'baseline' : gate.against;
  const why = missing?.[against] ?? null;
  // Nothing is worse than itself, so this comparison would pass every candidate.
  if (why?.kind === 'same')
    return notApplicable(
      'nonInferiority.same',
      `the candidate is the ${against}: there is nothing to compare it with`,
    );
  if (why) return toUnknown(gate, ...withCause(`the ${against} was not measured`, why.reason));
  const compared = comparisons[against];
  if (compared === null) return toUnknown(gate, `there is no ${gate.against} to compare with`);
  if (isJudged(evidence, gate.dimension))
    return toUnknown(gate, `a judge scores ${gate.dimension}; use a threshold gate`, [
      "only thresholds are corrected for the judge's errors",
    ]);
  return judgeAggregate(gate, compared[gate.dimension], evidence, {
    limit: { min: -gate.margin, max: null, level: gate.confidence },
    what: {
      name: `${gate.dimension} vs ${against}`,
      limit: `minimum ${plain(-gate.margin)}`,
      show: formatSigned,
    },
  });
}

function judgeBias(gate: JudgeGateOf<'bias'>, evidence: LlmEvidence): GateResult {
  const groups = evidence.bias[gate.dimension]?.groups ?? [];
  if (groups.length < 2)
    return toUnknown(gate, `no pairs of groups were measured in ${gate.dimension}`);
  if (isJudged(evidence, gate.dimension))
    return toUnknown(gate, `a judge scores ${gate.dimension}; its error may differ between groups`);
  const level = simultaneousLevel(gate.confidence, groups.length);
  const results = groups.map(({ group, difference }) => ({
    size: Math.abs(difference.mean ?? 0),
    result: judgeAggregate(gate, difference, evidence, {
      limit: { min: -gate.margin, max: gate.margin, level },
      what: {
        name: `${gate.dimension} of group ${group}`,
        limit: `limit ±${plain(gate.margin)}`,
        show: formatSigned,
      },
    }),
  }));
  const worst = findWorst(results.map(({ result }) => result.outcome));
  const notPassed = results.find(({ result }) => worst !== 'passed' && result.outcome === worst);
  const { result: first } =
    notPassed ?? results.reduce((largest, each) => (each.size > largest.size ? each : largest));
  const others = results.flatMap(({ result }) => (result === first ? [] : [result.message]));
  return { ...first, details: [...(first.details ?? []), ...others] };
}

function judgeAggregate(
  gate: BoundGate & { readonly dimension: string },
  aggregate: Aggregate | undefined,
  evidence: LlmEvidence,
  {
    limit,
    what,
  }: {
    readonly limit: Limit;
    /** What is compared with which limit, for people. */
    readonly what: {
      readonly name: string;
      readonly limit: string;
      readonly show: (value: number | null) => string;
    };
  },
): GateResult {
  if (!aggregate || aggregate.cases === 0)
    return toUnknown(gate, `${gate.dimension} was not measured`);
  const short = tooFew(gate, aggregate, evidence);
  if (short) return short;
  const bounds = interval(computeBounds(aggregate, limit.level), what.show);
  const found = `${what.name} ${what.show(aggregate.mean)}`;
  const facts = {
    message: `${found} (${percent(limit.level)} bounds ${bounds}), ${what.limit}`,
    details: [casesText(aggregate)],
  };
  switch (assessLimit(aggregate, limit)) {
    case 'within':
      return { outcome: 'passed', code: `${gate.kind}.met`, ...facts };
    case 'beyond':
      return { outcome: 'failed', code: `${gate.kind}.missed`, ...facts };
    case 'open': {
      const moreCases = ofAll(aggregate, casesToDecide(aggregate, limit));
      const advice =
        moreCases === null
          ? 'more cases would not decide'
          : `about ${count(moreCases)} more cases needed`;
      const message = `${facts.message}; ${advice}`;
      return {
        outcome: 'inconclusive',
        code: `${gate.kind}.unproven`,
        ...facts,
        ...(message.length <= maxMessageLength
          ? { message }
          : { details: [advice, ...facts.details] }),
        moreCases,
      };
    }
  }
}

/** Only answers of this run count, because earlier answers were measured under another load. */
function judgeLatency(gate: JudgeGateOf<'latency'>, evidence: LlmEvidence): GateResult {
  const { latenciesMs: values, earlier, untimed = {} } = evidence;
  const asked = values.length + Object.values(untimed).reduce((sum, cases) => sum + cases, 0);
  if (asked === 0 && earlier > 0)
    return toUnknown(
      gate,
      `all ${count(earlier)} answers are from earlier runs, so no latency was measured`,
    );
  // Cases without an answer are as frequent among these cases as among all.
  const share = asked / Math.max(1, asked + earlier);
  const unanswered = new Map(Object.entries(untimed));
  for (const [reason, cases] of Object.entries(evidence.unanswered))
    unanswered.set(reason, (unanswered.get(reason) ?? 0) + Math.ceil(cases * share));
  const result = judgeQuantile(
    gate,
    { ...evidence, unanswered: Object.fromEntries(unanswered) },
    { values, max: gate.maxMs, show: (ms) => `${count(Math.round(ms))} ms` },
  );
  if (earlier === 0) return result;
  const left = `${count(earlier)} cases reused from earlier runs; not in the latency figures`;
  return { ...result, details: [...(result.details ?? []), left] };
}

function judgeQuantile(
  gate: JudgeGateOf<'latency' | 'cost'>,
  { unanswered, because }: Pick<LlmEvidence, 'unanswered' | 'because'>,
  {
    values,
    max,
    show,
  }: {
    readonly values: readonly number[];
    readonly max: number;
    readonly show: (value: number) => string;
  },
): GateResult {
  const failures = Object.values(unanswered).reduce((sum, cases) => sum + cases, 0);
  const short = tooFew(
    gate,
    { cases: values.length + failures, failures, reasons: unanswered },
    { because },
  );
  if (short) return short;
  // A case without an answer took longer than any other, and its cost is unknown.
  const all = [...values, ...Array.from({ length: failures }, () => Infinity)];
  const bounds = quantileBounds(all, gate.quantile, gate.confidence);
  if (bounds === null) return toUnknown(gate, `no ${gate.kind} was measured`);
  const formatBound = (bound: number | null) =>
    bound === null || !Number.isFinite(bound) ? 'unknown' : show(bound);
  const { estimate, lower, upper } = bounds;
  const name = `p${plain(Number((100 * gate.quantile).toFixed(6)))} ${gate.kind}`;
  const range = `${percent(gate.confidence)} bounds ${interval(bounds, formatBound)}`;
  const facts = {
    message: `${name} ${formatBound(estimate)} (${range}), maximum ${show(max)}`,
    details: [`${count(all.length)} cases`],
  };
  if (upper !== null && upper <= max)
    return { outcome: 'passed', code: `${gate.kind}.met`, ...facts };
  if (lower !== null && lower > max)
    return { outcome: 'failed', code: `${gate.kind}.missed`, ...facts };
  return { outcome: 'inconclusive', code: `${gate.kind}.unproven`, ...facts };
}

function tooFew(
  gate: BoundGate,
  {
    cases,
    failures,
    reasons,
    notApplicable = 0,
  }: Pick<Aggregate, 'cases' | 'failures' | 'reasons'> & Partial<Pick<Aggregate, 'notApplicable'>>,
  { because }: { readonly because?: LlmEvidence['because'] | undefined },
): GateResult | null {
  if (failures > gate.maxFailures * cases)
    return notMeasured(gate, `at most ${percent(gate.maxFailures)} may be unmeasured`, {
      cases,
      failures,
      reasons,
      because,
    });
  if (cases >= gate.minCases) return null;
  return {
    outcome: 'inconclusive',
    code: `${gate.kind}.tooFew`,
    message: tooFewText(cases, gate.minCases),
    moreCases: ofAll({ cases, notApplicable }, gate.minCases - cases),
  };
}

function tooFewText(cases: number, minCases: number): string {
  return `${count(cases)} cases measured, at least ${count(minCases)} needed`;
}

/** Names the most frequent reason, and the message of the first failure that has it. */
function notMeasured(
  gate: LlmGate,
  limit: string,
  {
    cases,
    failures,
    reasons,
    because = {},
  }: Pick<Aggregate, 'cases' | 'failures' | 'reasons'> & {
    readonly because?: LlmEvidence['because'] | undefined;
  },
): GateResult {
  const [reason = ''] = Object.entries(reasons).sort(([, a], [, b]) => b - a)[0] ?? [];
  // Messages in `because` are the candidate's; a comparison prefixes its reasons.
  const [, own = reason] = /^candidate: ([^;]+)/.exec(reason) ?? [];
  const cause = reasonWithMessage(reason, because[own]);
  const what = `${count(failures)} of ${count(cases)} cases were not measured`;
  return toUnknown(gate, ...withCause(what, cause, [limit]));
}

/** Cases to ask so that `more` of them say something of the dimension, as not every case does. */
function ofAll(
  { cases, notApplicable }: Pick<Aggregate, 'cases' | 'notApplicable'>,
  more: number | null,
): number | null {
  return more === null || cases === 0 ? more : Math.ceil((more * (cases + notApplicable)) / cases);
}

function isJudged(evidence: LlmEvidence, dimension: string): boolean {
  return (evidence.dimensions[dimension]?.judge ?? null) !== null;
}

function toUnknown(gate: LlmGate, message: string, details: readonly string[] = []): GateResult {
  return {
    outcome: 'inconclusive',
    code: `${gate.kind}.notMeasured`,
    message,
    ...(details.length > 0 && { details }),
  };
}

function casesText({ cases, failures }: Aggregate): string {
  const all = `${count(cases)} cases`;
  return failures === 0 ? all : `${all}, ${count(failures)} of them not measured`;
}
