import type { Digest } from '../../../domain/artifact';
import { aggregate } from '../../../domain/language/evaluation/aggregate';
import { alphaShare } from '../../../domain/evaluation/attempts';
import { measureBias } from '../../../domain/language/judge/bias';
import { comparePaired } from '../../../domain/language/evaluation/comparison';
import { explainReasons } from '../../../domain/decision/explain';
import { decide, judge } from '../../../domain/decision/decide';
import { countMoreCases, joinGates } from '../../../domain/decision/gate-decision';
import type { LlmEvaluationPolicy } from '../../../domain/decision/policy';
import type { DimensionEvidence, LlmEvidence } from '../../../domain/language/evaluation/evidence';
import { buildLlmEvidence } from '../../../domain/language/evaluation/build-evidence';
import { explainEvidence } from '../../../domain/decision/explain';
import type { LlmGate } from '../../../domain/language/evaluation/gate';
import { calibrate } from '../../../domain/language/judge/calibration';
import { anyBundlePasses } from '../../support/language/tried-bundles';
import { toFailure, toScore, type Score } from '../../../domain/language/evaluation/score';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const common = { confidence: 0.95, maxFailures: 0.05, minCases: 30 };
const useful: LlmGate = {
  name: 'useful',
  kind: 'threshold',
  dimension: 'exact',
  min: 0.6,
  ...common,
};
const noWorse: LlmGate = {
  name: 'no-worse',
  kind: 'nonInferiority',
  dimension: 'exact',
  against: 'champion',
  whenAbsent: 'baseline',
  margin: 0.1,
  ...common,
};

/** `share` of n cases right, evenly. */
const buildScores = (share: number, n: number): Score[] =>
  Array.from({ length: n }, (_, index) =>
    toScore(Math.floor((index + 1) * share + 1e-9) - Math.floor(index * share + 1e-9)),
  );
const measured = (scores: readonly Score[]): DimensionEvidence => ({
  aggregate: aggregate(scores),
  lowest: null,
  judge: null,
});
const byId = (scores: readonly Score[]) =>
  new Map(scores.map((score, index) => [`c${index}`, score]));

const evidence = (given: Partial<LlmEvidence>): LlmEvidence => ({
  kind: 'llmEvaluation',
  version: 2,
  candidate: digest('a'),
  caseSet: digest('b'),
  cases: 400,
  dimensions: {},
  comparisons: { champion: null, baseline: null },
  bias: {},
  latenciesMs: [],
  earlier: 0,
  answeredBy: [],
  costs: [],
  unanswered: {},
  ...given,
});
const attempt = { holdout: digest('b'), number: 1 };
/** A gate that has the confidence of `gate` in a first attempt. */
const inFirstAttempt = (gate: LlmGate): LlmGate =>
  'confidence' in gate
    ? { ...gate, confidence: 1 - (1 - gate.confidence) / alphaShare(attempt.number) }
    : gate;
const exactly = (scores: readonly Score[]) => evidence({ dimensions: { exact: measured(scores) } });
const labels = (right: number, n: number) =>
  Array.from({ length: 2 * n }, (_, index) => ({
    label: index < n,
    said: index % n < right ? index < n : index >= n,
  }));
const judged = (calibration: ReturnType<typeof calibrate> | null, share: number, n = 400) => {
  const scores = buildScores(share, n);
  const judge = {
    digest: digest('c'),
    calibration,
    said: { cases: n, right: Math.round(share * n) },
  };
  return evidence({ dimensions: { exact: { aggregate: aggregate(scores), lowest: null, judge } } });
};
const compared = (candidate: readonly Score[], champion: readonly Score[]) =>
  evidence({
    comparisons: {
      champion: { exact: comparePaired(byId(candidate), byId(champion)) },
      baseline: null,
    },
  });
const paired = (gap: number, n = 400) =>
  evidence({
    bias: {
      exact: measureBias(
        buildScores(0.8, n).flatMap((score, index) => [
          { case: { pair: `p${index}`, group: 'a' }, score },
          {
            case: { pair: `p${index}`, group: 'b' },
            score: index % 100 < 100 * gap ? toScore(0) : score,
          },
        ]),
      ),
    },
  });

const weigh = (policy: LlmEvaluationPolicy, given: LlmEvidence) => {
  const gates = judge(policy, given);
  return { verdict: joinGates(gates), moreCases: countMoreCases(gates) };
};

const fair: LlmGate = { name: 'fair', kind: 'bias', dimension: 'exact', margin: 0.1, ...common };
const fast: LlmGate = { name: 'fast', kind: 'latency', quantile: 0.9, maxMs: 200, ...common };
const cheap: LlmGate = { name: 'cheap', kind: 'cost', quantile: 0.5, maxUsd: 0.001, ...common };
const every: LlmGate = { name: 'all', kind: 'allPass', dimension: 'exact', min: 1, minCases: 30 };
const timeouts = (n: number) => Array.from({ length: n }, () => toFailure('ProviderTimeout'));
const latencies = (fastShare: number) =>
  buildScores(fastShare, 300).map((score) =>
    score.kind === 'scored' && score.value === 1 ? 100 : 900,
  );
const buildLowest = (score: number, cases: number): DimensionEvidence => ({
  ...measured(buildScores(0.99, 400)),
  lowest: { score, cases },
});
const missing = (reason: string): Partial<LlmEvidence> => ({
  missing: { champion: { kind: 'notMeasured', reason }, baseline: null },
});

type Outcome = 'passed' | 'failed' | 'inconclusive';
/** Name, gate, evidence, outcome, message, and a detail where one matters. */
type GateCase = readonly [string, LlmGate, LlmEvidence, Outcome, RegExp, string?];

const gateCases: readonly GateCase[] = [
  [
    'threshold: lower bound above the minimum',
    useful,
    exactly(buildScores(0.8, 400)),
    'passed',
    /^exact 0\.8 \(95 % bounds 0\.7\d* … 0\.8\d*\), minimum 0\.6$/,
    '400 cases',
  ],
  [
    'threshold: upper bound below the minimum',
    useful,
    exactly(buildScores(0.4, 400)),
    'failed',
    /^exact 0\.4 \(/,
  ],
  [
    'threshold: minimum within the bounds',
    useful,
    exactly(buildScores(0.65, 200)),
    'inconclusive',
    /^exact 0\.65 .*; about \d+ more cases needed$/,
  ],
  [
    'threshold: fewer cases than minCases',
    useful,
    exactly(buildScores(1, 20)),
    'inconclusive',
    /^20 cases measured, at least 30 needed$/,
  ],
  ['threshold: dimension not measured', useful, evidence({}), 'inconclusive', /^exact was not/],
  [
    'threshold: more failures than maxFailures',
    useful,
    exactly([...buildScores(1, 360), ...timeouts(40)]),
    'inconclusive',
    /^40 of 400 cases were not measured: ProviderTimeout$/,
    'at most 5 % may be unmeasured',
  ],
  [
    'threshold: more failures than maxFailures, with a long provider message',
    useful,
    {
      ...exactly([...buildScores(1, 360), ...timeouts(40)]),
      because: { ProviderTimeout: 'no answer within 120 s; '.repeat(16) },
    },
    'inconclusive',
    /^40 of 400 cases were not measured: ProviderTimeout: no answer within .*…$/,
    `ProviderTimeout: ${'no answer within 120 s; '.repeat(16)}`,
  ],
  [
    'threshold: failures up to maxFailures count as wrong',
    { ...useful, min: 0.97 },
    exactly([...buildScores(1, 2000), ...timeouts(100)]),
    'inconclusive',
    /^exact 1 \(95 % bounds 0\.9\d* … /,
    '2,100 cases, 100 of them not measured',
  ],
  [
    'threshold: calibrated judge',
    useful,
    judged(calibrate(digest('c'), labels(95, 100)), 0.85),
    'passed',
    /^exact 0\.\d+ \(95 % bounds/,
    "corrected for the judge's errors",
  ],
  [
    'threshold: calibrated judge, too few right answers',
    { ...useful, min: 0.9 },
    judged(calibrate(digest('c'), labels(95, 100)), 0.5),
    'failed',
    /^exact 0\.\d+ \(95 % bounds/,
  ],
  [
    'threshold: lenient judge, whose errors widen the bounds',
    useful,
    judged(calibrate(digest('c'), labels(75, 100)), 0.6),
    'inconclusive',
    /^exact 0\.\d+ \(95 % bounds/,
    "corrected for the judge's errors",
  ],
  [
    'threshold: judge without calibration',
    useful,
    judged(null, 0.99),
    'inconclusive',
    /^the judge may not decide gates: sha256:c+ has no calibration$/,
  ],
  [
    'threshold: calibration of another judge version',
    useful,
    judged(calibrate(digest('d'), labels(95, 100)), 0.99),
    'inconclusive',
    /^the judge may not decide gates: calibrated is sha256:d+, but it is now sha256:c+$/,
  ],
  [
    'threshold: judge with few labels that is no better than chance',
    useful,
    judged(calibrate(digest('c'), labels(2, 4)), 0.99),
    'inconclusive',
    /^the judge may not decide gates: 4 labels of right answers, at least 100 needed$/,
    '4 labels of wrong answers, at least 100 needed',
  ],
  [
    'allPass: every case reaches the minimum',
    every,
    exactly(buildScores(1, 400)),
    'passed',
    /each of/,
  ],
  [
    'allPass: one case below the minimum',
    every,
    evidence({ dimensions: { exact: buildLowest(0.123456, 1) } }),
    'failed',
    /^lowest exact is 0\.123, every case must reach 1$/,
    '1 case has this score',
  ],
  [
    'allPass: unmeasured cases',
    every,
    exactly([...buildScores(1, 360), ...timeouts(40)]),
    'inconclusive',
    /^40 of 400 cases were not measured: ProviderTimeout$/,
    'every case must be measured',
  ],
  [
    'allPass: too few cases',
    every,
    exactly(buildScores(1, 20)),
    'inconclusive',
    /at least 30 needed$/,
  ],
  [
    'allPass: dimension with a judge',
    every,
    judged(null, 0.99),
    'inconclusive',
    /^a judge scores exact; use a threshold gate$/,
  ],
  [
    'nonInferiority: no worse than the champion',
    noWorse,
    compared(buildScores(0.8, 400), buildScores(0.8, 400)),
    'passed',
    /^exact vs champion 0 \(95 % bounds −0\.0\d* … \+0\.0\d*\), minimum −0\.1$/,
  ],
  [
    'nonInferiority: worse than the champion',
    noWorse,
    compared(buildScores(0.5, 400), buildScores(0.9, 400)),
    'failed',
    /^exact vs champion −0\.4 \(/,
  ],
  [
    'nonInferiority: margin within the bounds',
    noWorse,
    compared(buildScores(0.83, 400), buildScores(0.9, 400)),
    'inconclusive',
    /^exact vs champion −0\.07 .*, minimum −0\.1; about [\d,]+ more cases needed$/,
  ],
  ['nonInferiority: no champion', noWorse, evidence({}), 'inconclusive', /^there is no champion/],
  [
    'nonInferiority: champion not measured',
    noWorse,
    evidence(missing('acme has no such model')),
    'inconclusive',
    /^the champion was not measured: acme has no such model$/,
  ],
  [
    'nonInferiority: champion not measured for a long reason',
    noWorse,
    evidence(missing('the provider refused every request; '.repeat(8))),
    'inconclusive',
    /^the champion was not measured: the provider refused .*…$/,
    'the provider refused every request; '.repeat(8),
  ],
  [
    'nonInferiority: the candidate is the champion',
    noWorse,
    evidence({ missing: { champion: { kind: 'same' }, baseline: null } }),
    'inconclusive',
    /^the candidate is the champion: there is nothing to compare it with$/,
  ],
  [
    'bias: equal groups',
    fair,
    paired(0),
    'passed',
    /^exact of group a 0 \(97\.5 % bounds .* … .*\), limit ±0\.1$/,
  ],
  ['bias: one group scores worse', fair, paired(0.5), 'failed', /^exact of group a \+0\.4 \(/],
  [
    'bias: limit within the bounds',
    fair,
    paired(0.1),
    'inconclusive',
    /^exact of group a \+0\.\d+ .*; about [\d,]+ more cases needed$/,
  ],
  ['bias: no pairs', fair, evidence({}), 'inconclusive', /^no pairs of groups/],
  [
    'latency: upper bound below the maximum',
    fast,
    evidence({ latenciesMs: latencies(0.99) }),
    'passed',
    /^p90 latency 100 ms \(95 % bounds 100 ms … 100 ms\), maximum 200 ms$/,
    '300 cases',
  ],
  [
    'latency: lower bound above the maximum',
    fast,
    evidence({ latenciesMs: latencies(0.5) }),
    'failed',
    /^p90 latency 900 ms/,
  ],
  [
    'latency: maximum within the bounds',
    fast,
    evidence({ latenciesMs: latencies(0.9) }),
    'inconclusive',
    /^p90 latency 100 ms \(95 % bounds 100 ms … 900 ms\)/,
  ],
  [
    'latency: cases without an answer count as slower than any',
    { ...fast, maxFailures: 0.5 },
    evidence({
      latenciesMs: Array.from({ length: 200 }, () => 10),
      unanswered: { ProviderTimeout: 100 },
    }),
    'failed',
    /unknown/,
  ],
  [
    'latency: only answers of this run',
    { ...fast, maxFailures: 0.02 },
    // 5 of 500 cases without an answer count as 2 of the 100 that this run measured.
    evidence({
      latenciesMs: Array.from({ length: 100 }, () => 100),
      earlier: 395,
      unanswered: { ProviderTimeout: 5 },
    }),
    'passed',
    /^p90 latency 100 ms/,
    '395 cases reused from earlier runs; not in the latency figures',
  ],
  [
    'latency: all answers from earlier runs',
    fast,
    evidence({ earlier: 400 }),
    'inconclusive',
    /^all 400 answers are from earlier runs, so no latency was measured$/,
  ],
  [
    'cost: upper bound below the maximum',
    cheap,
    evidence({ costs: Array.from({ length: 100 }, () => 500_000) }),
    'passed',
    /^p50 cost \$0\.000500 \(95 % bounds .*\), maximum \$0\.001000$/,
  ],
  [
    'cost: lower bound above the maximum',
    cheap,
    evidence({ costs: Array.from({ length: 100 }, () => 5_000_000) }),
    'failed',
    /^p50 cost \$0\.005000/,
  ],
];

describe('a decision over gates', () => {
  const decideGate = (gate: LlmGate, given: LlmEvidence) =>
    decide(
      {
        kind: 'llmEvaluation',
        version: 2,
        looks: 1,
        gates: [inFirstAttempt(gate)],
        ungated: null,
      },
      { ...given, attempt },
    );

  test.each(gateCases.map(([name, ...rest]) => [name, rest] as const))('%s', (_name, rest) => {
    const [gate, given, outcome, message, detail] = rest;
    const verdict = decideGate(gate, given);
    expect(verdict.reasons[0]?.message).toMatch(message);
    expect(verdict.kind).toBe(outcome);
    if (detail !== undefined) expect(verdict.reasons[0]?.details).toContain(detail);
  });

  test('prints every reason on one line of at most 120 characters', () => {
    const verdicts = gateCases.map(([, gate, given]) => decideGate(gate, given));
    const policies = [
      { version: 2, gates: [], ungated: null },
      { version: 2, gates: [], ungated: 'a first try '.repeat(40) },
      { version: 2, gates: [useful], ungated: null },
    ] as const;
    const late = { holdout: digest('b'), number: 1_234 };
    for (const policy of policies)
      for (const given of [exactly(buildScores(0.9, 400)), { ...evidence({}), attempt: late }])
        verdicts.push(decide({ kind: 'llmEvaluation', looks: 1, ...policy }, given));
    const outcomes = new Set(verdicts.map(({ kind }) => kind));
    expect(outcomes).toEqual(new Set(['passed', 'failed', 'inconclusive']));
    // Two characters of indent, and no wrapping that could hide a long message.
    const lines = verdicts.flatMap((verdict) => explainReasons(verdict, { columns: 10_000 }));
    expect(lines.filter((line) => line.length + 2 > 120)).toEqual([]);
    expect(lines).toHaveLength(verdicts.flatMap(({ reasons }) => reasons).length);
  });

  test('passes if all gates pass, fails if one fails, and asks for the cases of the slowest gate', () => {
    const open = exactly(buildScores(0.65, 200));
    const decideGates = (gates: readonly LlmGate[], given: LlmEvidence) =>
      weigh(
        { kind: 'llmEvaluation', version: 2, looks: 1, gates, ungated: null },
        { ...given, attempt },
      );
    expect(
      decideGates([useful, { ...useful, name: 'b', min: 0.1 }], exactly(buildScores(0.8, 400)))
        .verdict.kind,
    ).toBe('passed');
    expect(decideGates([useful, { ...useful, name: 'b', min: 0.9 }], open)).toMatchObject({
      verdict: { kind: 'failed' },
      moreCases: null,
    });
    const [one, other] = [
      decideGates([useful], open).moreCases,
      decideGates([{ ...useful, min: 0.62 }], open).moreCases,
    ];
    expect(other ?? 0).toBeGreaterThan(one ?? Infinity);
    expect(decideGates([useful, { ...useful, min: 0.62 }], open)).toMatchObject({
      verdict: { kind: 'inconclusive' },
      moreCases: other,
    });
    expect(decideGates([useful, noWorse], open).moreCases).toBeNull();
  });

  test('is inconclusive without gates', () => {
    const none = (ungated: string | null) =>
      decide({ kind: 'llmEvaluation', version: 2, looks: 1, gates: [], ungated }, evidence({}));
    expect(none(null)).toMatchObject({
      kind: 'inconclusive',
      reasons: [{ code: 'policy.noGates' }],
    });
    expect(none('a first try')).toMatchObject({
      kind: 'inconclusive',
      reasons: [{ code: 'policy.ungated' }],
    });
  });
});

describe('a counterpart that cannot be compared', () => {
  const policy = (...gates: LlmGate[]) =>
    ({ kind: 'llmEvaluation', version: 2, looks: 1, gates, ungated: null }) as const;
  const same = { missing: { champion: null, baseline: { kind: 'same' } } } as const;

  test('a candidate does not pass by a comparison with itself', () => {
    const { verdict, moreCases } = weigh(policy(noWorse), evidence({ ...same, attempt }));
    expect(verdict).toMatchObject({
      kind: 'inconclusive',
      reasons: [
        { outcome: 'notApplicable' },
        { code: 'policy.noAbsoluteGate' },
        { code: 'policy.attempt' },
      ],
    });
    expect(moreCases).toBeNull();
    const useless = { ...exactly(buildScores(0.1, 400)), ...same, attempt };
    expect(decide(policy(noWorse, useful), useless).kind).toBe('failed');
    expect(
      decide(policy(noWorse, useful), {
        ...exactly(buildScores(0.9, 400)),
        ...same,
        attempt,
      }).kind,
    ).toBe('passed');
  });

  test('a champion that could not be measured is not treated as a missing champion', () => {
    const gone = {
      missing: {
        champion: { kind: 'notMeasured', reason: 'acme has no such model' },
        baseline: null,
      },
    } as const;
    const verdict = decide(policy({ ...noWorse, whenAbsent: 'notApplicable' }, useful), {
      ...exactly(buildScores(0.9, 400)),
      ...gone,
      attempt,
    });
    expect(verdict).toMatchObject({
      kind: 'inconclusive',
      reasons: [
        {
          code: 'nonInferiority.notMeasured',
          message: expect.stringContaining('no such model') as string,
        },
        {},
        { code: 'policy.attempt' },
      ],
    });
  });
});

test('the number of cases still needed includes those to which the dimension does not apply', () => {
  const few = evidence({
    dimensions: {
      exact: {
        aggregate: aggregate([
          ...buildScores(0.8, 10),
          ...Array.from({ length: 190 }, (): Score => ({ kind: 'notApplicable' })),
        ]),
        lowest: null,
        judge: null,
      },
    },
  });
  const { moreCases } = weigh(
    {
      kind: 'llmEvaluation',
      version: 2,
      looks: 1,
      gates: [inFirstAttempt(useful)],
      ungated: null,
    },
    { ...few, attempt },
  );
  // 20 more applicable cases, and one case in twenty is applicable.
  expect(moreCases).toBe(400);
});

test('bounds that hold for one look share their error among all looks', () => {
  const gate: LlmGate = { name: 'quick', kind: 'latency', quantile: 0.9, maxMs: 100, ...common };
  const latenciesMs = Array.from({ length: 100 }, (_, index) => (index % 25 === 0 ? 200 : 50));
  const policy = {
    kind: 'llmEvaluation',
    version: 2,
    looks: 1,
    gates: [inFirstAttempt(gate)],
    ungated: null,
  } as const;
  const given = evidence({ latenciesMs, cases: 100, attempt });
  expect(decide(policy, given).kind).toBe('passed');
  expect(decide({ ...policy, looks: 20 }, given).kind).toBe('inconclusive');
});

test('the explanation names the models that answered, standbys among them, and earlier answers', () => {
  const answeredBy = [
    { provider: 'openai', model: 'small-2026', standsIn: false, cases: 398 },
    { provider: 'spare', model: 'other', standsIn: true, cases: 2 },
  ];
  const lines = explainEvidence(evidence({ answeredBy, latenciesMs: [10, 20, 30], earlier: 397 }));
  expect(lines).toEqual([
    `400 cases of ${digest('b').slice(0, 19)}, all answered`,
    'answered by openai small-2026 (398), spare other (2, a standby)',
    '  the scores include 2 answers of standbys, not only the first model',
    'latency p50 20 ms, p95 30 ms (3 cases)',
    '  397 cases reused from earlier runs; not in the latency figures',
    'first answers cost $0.0000',
  ]);
  expect(explainEvidence(evidence({ latenciesMs: [10, 20, 30] })).join('\n')).not.toMatch(
    /answered by|earlier/,
  );
});

test('the explanation compares each dimension with its counterparts, one line each', () => {
  const scores = buildScores(0.8, 400);
  const lines = explainEvidence({
    ...compared(scores, buildScores(0.9, 400)),
    dimensions: { exact: measured(scores) },
  });
  expect(lines[1]).toMatch(/^exact 0\.8 \(95 %: 0\.7\d* … 0\.8\d*\)$/);
  expect(lines[2]).toMatch(/^ {2}difference from champion −0\.1 \(95 %: −0\.\d+ … −?\+?0\.\d+\)$/);
});

test('the explanation names the standbys that qualified, and why others did not', () => {
  const found = evidence({
    standbys: [
      { provider: 'acme', model: 'small', kind: 'qualified', cases: 400, evidence: digest('d') },
      {
        provider: 'acme',
        model: 'tiny',
        kind: 'refused',
        cases: 400,
        evidence: digest('e'),
        verdict: 'failed',
        reason: 'useful: exact 0.1',
      },
    ],
  });
  expect(explainEvidence(found).slice(-2)).toEqual([
    'acme small is a standby: it passed the same gates on 400 cases',
    'acme tiny is not a standby: failed on 400 cases, useful: exact 0.1',
  ]);
});

describe('an allPass gate', () => {
  const allPass: LlmGate = {
    name: 'all',
    kind: 'allPass',
    dimension: 'exact',
    min: 1,
    minCases: 1,
  };
  const policy = {
    kind: 'llmEvaluation',
    version: 2,
    looks: 1,
    gates: [allPass],
    ungated: null,
  } as const;
  const of = (scores: readonly Score[]) => {
    const results = scores.map((score, index) => ({
      id: `c${index}`,
      group: null,
      pair: null,
      answer: 'x',
      unanswered: null,
      retrieved: [],
      latencyMs: 1,
      cost: 0,
      scores: { exact: score },
    }));
    const counterparts = { champion: null, baseline: null };
    return buildLlmEvidence({
      candidate: digest('a'),
      caseSet: digest('b'),
      dimensions: ['exact'],
      results,
      counterparts,
      judges: {},
    });
  };
  const decideScores = (scores: readonly Score[], gate: LlmGate = allPass) =>
    decide({ ...policy, gates: [gate] }, of(scores));

  test('passes 25 of 25 right answers, too few for a threshold of 0.9', () => {
    const right = Array.from({ length: 25 }, () => toScore(1));
    expect(decideScores(right)).toEqual({
      kind: 'passed',
      reasons: [
        {
          gate: 'all',
          code: 'allPass.met',
          outcome: 'passed',
          message: 'exact is at least 1 in each of 25 cases',
          details: ['this says nothing about other cases'],
        },
      ],
    });
    const interval: LlmGate = {
      name: 'useful',
      kind: 'threshold',
      dimension: 'exact',
      min: 0.9,
      ...common,
      minCases: 25,
    };
    expect(decideScores(right, interval).kind).toBe('inconclusive');
  });

  test.each<[string, readonly Score[], string, string]>([
    [
      'fails for one wrong answer',
      [toScore(1), toScore(0.5), toScore(1)],
      'failed',
      'lowest exact is 0.5, every case must reach 1',
    ],
    [
      'fails for one wrong answer beside an unmeasured case',
      [toScore(0), toFailure('ProviderTimeout')],
      'failed',
      'lowest exact is 0, every case must reach 1',
    ],
    [
      'is inconclusive if a case was not measured',
      [toScore(1), toFailure('ProviderTimeout')],
      'inconclusive',
      '1 of 2 cases were not measured: ProviderTimeout',
    ],
    ['is inconclusive without cases', [], 'inconclusive', 'exact was not measured'],
  ])('%s', (_, scores, kind, message) => {
    expect(decideScores(scores)).toMatchObject({ kind, reasons: [{ message }] });
  });
});

describe('a case set on which many bundles are evaluated', () => {
  const right = Array.from({ length: 400 }, () => toScore(1));
  const at = (number: number) =>
    decide(
      { kind: 'llmEvaluation', version: 2, looks: 1, gates: [useful], ungated: null },
      { ...exactly(right), attempt: { holdout: digest('b'), number } },
    );

  test('is never used up: the 60th bundle can pass at a higher confidence, with advice', () => {
    expect(at(60)).toMatchObject({ kind: 'passed' });
    expect(at(60).reasons.at(-1)).toMatchObject({
      message: 'attempt 60 on this case set: gates use a confidence of 99.99972 % instead of 95 %',
      details: [
        'all attempts on one case set share the error of a gate',
        'this attempt needs about 3.97 times the cases of the first',
        'add new cases to spec.cases.file that no bundle was chosen by',
      ],
    });
    expect(at(2).reasons.at(-1)?.details).toHaveLength(1);
  });

  test.each([0, 0.9])(
    'lets one of 60 bad bundles pass at most as often as the gate allows (share of common cases: %d)',
    (shared) => {
      expect(anyBundlePasses({ attempts: 60, cases: 150, shared }, 60).lower).toBeLessThan(0.05);
    },
  );
});
