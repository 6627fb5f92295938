import { budgetUnits } from '../../budget/budget';
import { figure, interval, percent, plain } from '../../format';
import { boundsOf, type Aggregate } from '../evaluation/aggregate';
import { simultaneousLevel } from './bias';
import type { LlmEvidence } from '../evaluation/evidence';
import type { BoundGate, LlmGate, LlmGateResult } from '../evaluation/gate';
import { correctedShare, uncalibrated } from './judge';
import { quantileBounds } from '../evaluation/quantile';
import { withBecause } from '../evaluation/unanswered';
import { casesToDecide, standingOf, type Limit } from '../evaluation/sample-size';

/**
 * One gate's word on the evidence. Passes when the interval lies within the limit and fails when it
 * lies beyond; between them it is inconclusive and says how many more cases would decide. Unlike a
 * gate over a fixed holdout it does not fail on the estimate alone: more cases can be bought here.
 * What was not measured, or only in part beyond `maxFailures`, is neither (I10).
 */
export function judgeLlmGate(gate: LlmGate, evidence: LlmEvidence): LlmGateResult {
  switch (gate.kind) {
    case 'threshold':
      return judgeThreshold(gate, evidence);
    case 'allPass':
      return judgeAllPass(gate, evidence);
    case 'nonInferiority': {
      const { comparisons, missing } = evidence;
      const isFirst =
        gate.against === 'champion' &&
        comparisons.champion === null &&
        (missing?.champion ?? null) === null;
      const notApplicable = (code: string, message: string): LlmGateResult => ({
        outcome: 'notApplicable',
        code,
        message,
        moreCases: null,
      });
      if (isFirst && gate.whenAbsent === 'notApplicable')
        return notApplicable('nonInferiority.noChampion', 'there is no champion yet');
      const against = isFirst ? 'baseline' : gate.against;
      const why = missing?.[against] ?? null;
      // Nothing is worse than itself: that would say that anything is good enough.
      if (why?.kind === 'same')
        return notApplicable(
          'nonInferiority.same',
          `the candidate is the ${against}: there is nothing to compare it with`,
        );
      if (why) return unknown(gate, `the ${against} could not be asked: ${why.reason}`);
      const compared = comparisons[against];
      if (compared === null) return unknown(gate, `there is no ${gate.against} to compare with`);
      if (isJudged(evidence, gate.dimension))
        return unknown(
          gate,
          `${gate.dimension} is a judge's: only thresholds are corrected for its error`,
        );
      return judgeAggregate(gate, compared[gate.dimension], evidence, {
        min: -gate.margin,
        max: null,
        level: gate.confidence,
      });
    }
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

function judgeThreshold(gate: JudgeGateOf<'threshold'>, evidence: LlmEvidence): LlmGateResult {
  const measured = evidence.dimensions[gate.dimension];
  if (!measured?.judge)
    return judgeAggregate(gate, measured?.aggregate, evidence, {
      min: gate.min,
      max: null,
      level: gate.confidence,
    });
  const { digest, calibration, said } = measured.judge;
  const missing = uncalibrated(calibration, digest);
  if (calibration === null || missing.length > 0)
    return unknown(gate, `the judge may not gate: ${missing.join('; ')}`);
  const short = tooFew(gate, measured.aggregate, evidence);
  if (short) return short;
  const share = correctedShare(said, calibration, gate.confidence);
  if (share === null) return unknown(gate, 'the judge is no better than a coin');
  const { cases, failures } = measured.aggregate;
  // Cases without a verdict may all be wrong, or all be right.
  const [lower, upper] = [
    (share.lower * (cases - failures)) / cases,
    (share.upper * (cases - failures) + failures) / cases,
  ];
  const message = `${gate.dimension} ${figure(share.estimate)} after the judge's errors, ${percent(gate.confidence)} bounds ${interval({ lower, upper }, scoreText)}, minimum ${plain(gate.min)} (${count(measured.aggregate)})`;
  if (lower >= gate.min)
    return { outcome: 'passed', code: 'threshold.met', message, moreCases: null };
  if (upper < gate.min)
    return { outcome: 'failed', code: 'threshold.missed', message, moreCases: null };
  return { outcome: 'inconclusive', code: 'threshold.unproven', message, moreCases: null };
}

/**
 * Passes when every case was measured and reaches `min`, fails as soon as one does not, and is
 * inconclusive while one could not be measured.
 */
function judgeAllPass(gate: JudgeGateOf<'allPass'>, evidence: LlmEvidence): LlmGateResult {
  const { dimension, min, minCases } = gate;
  const measured = evidence.dimensions[dimension];
  if (!measured || measured.aggregate.cases === 0)
    return unknown(gate, `${dimension} was not measured`);
  if (measured.judge)
    return unknown(
      gate,
      `${dimension} is a judge's, whose errors would fail or pass cases: use a threshold`,
    );
  const { cases, failures, reasons, notApplicable } = measured.aggregate;
  const { lowest } = measured;
  const of = `${cases - failures} of ${cases} cases measured`;
  if (lowest !== null && lowest.score < min) {
    const which = lowest.cases === 1 ? '1 case has' : `${lowest.cases} cases have`;
    const message = `${which} the lowest ${dimension}, ${figure(lowest.score)}; every case must reach ${min} (${of})`;
    return { outcome: 'failed', code: 'allPass.missed', message, moreCases: null };
  }
  if (failures > 0) {
    const [most = ''] = Object.entries(reasons).sort(([, a], [, b]) => b - a)[0] ?? [];
    return unknown(
      gate,
      `${failures} of ${cases} cases could not be measured, and every case must reach ${min}: ${withBecause(most, evidence.because?.[most])}`,
    );
  }
  if (cases < minCases) {
    const moreCases = ofAll({ cases, notApplicable }, minCases - cases);
    return {
      outcome: 'inconclusive',
      code: 'allPass.tooFew',
      message: `${cases} cases, ${minCases} are needed`,
      moreCases,
    };
  }
  const message = `${dimension} is at least ${min} in each of ${cases} cases; this says nothing of other cases`;
  return { outcome: 'passed', code: 'allPass.met', message, moreCases: null };
}

function judgeBias(gate: JudgeGateOf<'bias'>, evidence: LlmEvidence): LlmGateResult {
  const groups = evidence.bias[gate.dimension]?.groups ?? [];
  if (groups.length < 2)
    return unknown(gate, `no pairs of groups were measured in ${gate.dimension}`);
  if (isJudged(evidence, gate.dimension))
    return unknown(gate, `${gate.dimension} is a judge's, whose error may differ between groups`);
  const level = simultaneousLevel(gate.confidence, groups.length);
  const results = groups.map(({ group, difference }) => {
    const result = judgeAggregate(gate, difference, evidence, {
      min: -gate.margin,
      max: gate.margin,
      level,
    });
    return { ...result, message: `${group}: ${result.message}` };
  });
  return (
    results.find(({ outcome }) => outcome === 'failed') ??
    results.find(({ outcome }) => outcome === 'inconclusive') ?? {
      outcome: 'passed',
      code: 'bias.met',
      message: results.map(({ message }) => message).join('; '),
      moreCases: null,
    }
  );
}

function judgeAggregate(
  gate: BoundGate & { readonly dimension: string },
  aggregate: Aggregate | undefined,
  evidence: LlmEvidence,
  limit: Limit,
): LlmGateResult {
  if (!aggregate || aggregate.cases === 0)
    return unknown(gate, `${gate.dimension} was not measured`);
  const short = tooFew(gate, aggregate, evidence);
  if (short) return short;
  const { lower, upper } = boundsOf(aggregate, limit.level);
  const limits = [
    limit.min === null ? '' : `minimum ${plain(limit.min)}`,
    limit.max === null ? '' : `maximum ${plain(limit.max)}`,
  ];
  const message = `${gate.dimension} ${scoreText(aggregate.mean)}, ${percent(limit.level)} bounds ${interval({ lower, upper }, scoreText)}, ${limits.filter((each) => each !== '').join(', ')} (${count(aggregate)})`;
  switch (standingOf(aggregate, limit)) {
    case 'within':
      return { outcome: 'passed', code: `${gate.kind}.met`, message, moreCases: null };
    case 'beyond':
      return { outcome: 'failed', code: `${gate.kind}.missed`, message, moreCases: null };
    case 'open': {
      const moreCases = ofAll(aggregate, casesToDecide(aggregate, limit));
      const advice =
        moreCases === null
          ? 'no number of cases would decide'
          : `about ${moreCases} more cases would decide`;
      return {
        outcome: 'inconclusive',
        code: `${gate.kind}.unproven`,
        message: `${message}; ${advice}`,
        moreCases,
      };
    }
  }
}

/**
 * By what was asked in this run alone: an answer of an earlier one took its time under another
 * load.
 */
function judgeLatency(gate: JudgeGateOf<'latency'>, evidence: LlmEvidence): LlmGateResult {
  const { latenciesMs: values, earlier, untimed = {} } = evidence;
  const asked = values.length + Object.values(untimed).reduce((sum, cases) => sum + cases, 0);
  if (asked === 0 && earlier > 0)
    return unknown(
      gate,
      `all ${earlier} answers were given to earlier runs, and their times are of other loads`,
    );
  // Cases without an answer are as many among these as among all.
  const share = asked / Math.max(1, asked + earlier);
  const unanswered = new Map(Object.entries(untimed));
  for (const [reason, cases] of Object.entries(evidence.unanswered))
    unanswered.set(reason, (unanswered.get(reason) ?? 0) + Math.ceil(cases * share));
  const result = judgeQuantile(
    gate,
    { ...evidence, unanswered: Object.fromEntries(unanswered) },
    { values, max: gate.maxMs, show: (ms) => `${Math.round(ms)} ms` },
  );
  return earlier === 0
    ? result
    : { ...result, message: `${result.message}; ${earlier} more were answered in earlier runs` };
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
): LlmGateResult {
  const failures = Object.values(unanswered).reduce((sum, cases) => sum + cases, 0);
  const short = tooFew(
    gate,
    { cases: values.length + failures, failures, reasons: unanswered },
    { because },
  );
  if (short) return short;
  // A case without an answer took longer than any, and nobody knows what it cost.
  const all = [...values, ...Array.from({ length: failures }, () => Infinity)];
  const bounds = quantileBounds(all, gate.quantile, gate.confidence);
  if (bounds === null) return unknown(gate, `no ${gate.kind} was measured`);
  const { estimate, lower, upper } = bounds;
  const shown = (bound: number | null) =>
    bound === null || !Number.isFinite(bound) ? 'unknown' : show(bound);
  const message = `${gate.kind} at ${percent(gate.quantile)} ${shown(estimate)}, ${percent(gate.confidence)} bounds ${interval({ lower, upper }, shown)}, maximum ${show(max)} (${all.length} cases)`;
  if (upper !== null && upper <= max)
    return { outcome: 'passed', code: `${gate.kind}.met`, message, moreCases: null };
  if (lower !== null && lower > max)
    return { outcome: 'failed', code: `${gate.kind}.missed`, message, moreCases: null };
  return { outcome: 'inconclusive', code: `${gate.kind}.unproven`, message, moreCases: null };
}

function tooFew(
  gate: BoundGate,
  {
    cases,
    failures,
    reasons,
    notApplicable = 0,
  }: Pick<Aggregate, 'cases' | 'failures' | 'reasons'> & Partial<Pick<Aggregate, 'notApplicable'>>,
  { because = {} }: { readonly because?: LlmEvidence['because'] | undefined },
): LlmGateResult | null {
  if (failures > gate.maxFailures * cases) {
    const most = Object.entries(reasons).sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
    // Of a comparison it says whose: what was told is the candidate's.
    const [, own = most] = /^candidate: ([^;]+)/.exec(most) ?? [];
    return unknown(
      gate,
      `${failures} of ${cases} cases could not be measured, at most ${percent(gate.maxFailures)} may be: ${withBecause(most, because[own])}`,
    );
  }
  if (cases >= gate.minCases) return null;
  const message = `${cases} cases, ${gate.minCases} are needed`;
  return {
    outcome: 'inconclusive',
    code: `${gate.kind}.tooFew`,
    message,
    moreCases: ofAll({ cases, notApplicable }, gate.minCases - cases),
  };
}

/** Cases to ask so that so many say something of the dimension, where one in several does. */
function ofAll(
  { cases, notApplicable }: Pick<Aggregate, 'cases' | 'notApplicable'>,
  more: number | null,
): number | null {
  return more === null || cases === 0 ? more : Math.ceil((more * (cases + notApplicable)) / cases);
}

function isJudged(evidence: LlmEvidence, dimension: string): boolean {
  return (evidence.dimensions[dimension]?.judge ?? null) !== null;
}

function unknown(gate: LlmGate, message: string): LlmGateResult {
  return { outcome: 'inconclusive', code: `${gate.kind}.notMeasured`, message, moreCases: null };
}

function count({ cases, failures }: Aggregate): string {
  return failures === 0 ? `${cases} cases` : `${cases} cases, ${failures} of them not measured`;
}

function scoreText(value: number | null): string {
  return value === null ? 'unknown' : figure(value);
}
