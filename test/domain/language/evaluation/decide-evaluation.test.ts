import type { Digest } from '../../../../domain/dataset/artifact';
import { aggregate } from '../../../../domain/language/evaluation/aggregate';
import { measureBias } from '../../../../domain/language/judge/bias';
import { comparePaired } from '../../../../domain/language/evaluation/comparison';
import { decideEvaluation } from '../../../../domain/language/evaluation/decide-evaluation';
import type {
  DimensionEvidence,
  LlmEvidence,
} from '../../../../domain/language/evaluation/evidence';
import { evidenceOf } from '../../../../domain/language/evaluation/evidence-of';
import { explainLlmEvidence } from '../../../../domain/language/evaluation/explain';
import type { LlmGate } from '../../../../domain/language/evaluation/gate';
import { calibrate } from '../../../../domain/language/judge/judge';
import { anyBundlePasses } from '../../../support/language/tried-bundles';
import { failed, scored, type Score } from '../../../../domain/language/evaluation/score';

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
const shareOf = (share: number, n: number): Score[] =>
  Array.from({ length: n }, (_, index) =>
    scored(Math.floor((index + 1) * share + 1e-9) - Math.floor(index * share + 1e-9)),
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
const exactly = (scores: readonly Score[]) => evidence({ dimensions: { exact: measured(scores) } });
const labels = (right: number, n: number) =>
  Array.from({ length: 2 * n }, (_, index) => ({
    label: index < n,
    said: index % n < right ? index < n : index >= n,
  }));
const judged = (calibration: ReturnType<typeof calibrate> | null, share: number, n = 400) => {
  const scores = shareOf(share, n);
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
        shareOf(0.8, n).flatMap((score, index) => [
          { case: { pair: `p${index}`, group: 'a' }, score },
          {
            case: { pair: `p${index}`, group: 'b' },
            score: index % 100 < 100 * gap ? scored(0) : score,
          },
        ]),
      ),
    },
  });

describe('a decision over gates', () => {
  test.each<[string, LlmGate, LlmEvidence, 'passed' | 'failed' | 'inconclusive', RegExp]>([
    [
      'well above the minimum',
      useful,
      exactly(shareOf(0.8, 400)),
      'passed',
      /exact 0\.8, 95 % bounds 0\.7\d+ … .*minimum 0\.6 \(400 cases\)/,
    ],
    ['well below it', useful, exactly(shareOf(0.4, 400)), 'failed', /exact 0\.4,/],
    [
      'too near to tell',
      useful,
      exactly(shareOf(0.65, 200)),
      'inconclusive',
      /about \d+ more cases would decide/,
    ],
    ['too few cases', useful, exactly(shareOf(1, 20)), 'inconclusive', /20 cases, 30 are needed/],
    ['not measured at all', useful, evidence({}), 'inconclusive', /exact was not measured/],
    [
      'measured only in part: failures beyond the limit',
      useful,
      exactly([...shareOf(1, 360), ...Array.from({ length: 40 }, () => failed('timeout'))]),
      'inconclusive',
      /40 of 400 cases could not be measured, at most 5 % may be: timeout/,
    ],
    [
      'failures within the limit count as wrong',
      { ...useful, min: 0.97 },
      exactly([...shareOf(1, 2000), ...Array.from({ length: 100 }, () => failed('timeout'))]),
      'inconclusive',
      /100 of them not measured/,
    ],
    [
      'no worse than the champion',
      noWorse,
      compared(shareOf(0.8, 400), shareOf(0.8, 400)),
      'passed',
      /minimum −0\.1 /,
    ],
    [
      'much worse than the champion',
      noWorse,
      compared(shareOf(0.5, 400), shareOf(0.9, 400)),
      'failed',
      /exact −0\.4,/,
    ],
    [
      'without a champion',
      noWorse,
      evidence({}),
      'inconclusive',
      /there is no champion to compare with/,
    ],
    [
      'groups alike',
      { name: 'fair', kind: 'bias', dimension: 'exact', margin: 0.1, ...common },
      paired(0),
      'passed',
      /a: exact 0,.*b: exact 0,/,
    ],
    [
      'a group that fares worse',
      { name: 'fair', kind: 'bias', dimension: 'exact', margin: 0.1, ...common },
      paired(0.5),
      'failed',
      /a: exact 0\.4,/,
    ],
    [
      'no pairs',
      { name: 'fair', kind: 'bias', dimension: 'exact', margin: 0.1, ...common },
      evidence({}),
      'inconclusive',
      /no pairs of groups/,
    ],
    [
      'fast enough',
      { name: 'fast', kind: 'latency', quantile: 0.9, maxMs: 200, ...common },
      evidence({
        latenciesMs: shareOf(0.99, 300).map((score) =>
          score.kind === 'scored' && score.value === 1 ? 100 : 900,
        ),
      }),
      'passed',
      /latency at 90 % 100 ms/,
    ],
    [
      'too slow',
      { name: 'fast', kind: 'latency', quantile: 0.9, maxMs: 200, ...common },
      evidence({
        latenciesMs: shareOf(0.5, 300).map((score) =>
          score.kind === 'scored' && score.value === 1 ? 100 : 900,
        ),
      }),
      'failed',
      /900 ms/,
    ],
    [
      'fast where it answers, which is not everywhere',
      { name: 'fast', kind: 'latency', quantile: 0.9, maxMs: 200, ...common, maxFailures: 0.5 },
      evidence({
        latenciesMs: Array.from({ length: 200 }, () => 10),
        unanswered: { ProviderTimeout: 100 },
      }),
      'failed',
      /unknown/,
    ],
    [
      'fast, by the answers of this run alone',
      { name: 'fast', kind: 'latency', quantile: 0.9, maxMs: 200, ...common, maxFailures: 0.02 },
      // Five of 500 without an answer are one of the hundred that have a time.
      evidence({
        latenciesMs: Array.from({ length: 100 }, () => 100),
        earlier: 395,
        unanswered: { ProviderTimeout: 5 },
      }),
      'passed',
      /latency at 90 % 100 ms.*\(102 cases\); 395 more were answered in earlier runs/,
    ],
    [
      'fast in earlier runs, which says nothing of this one',
      { name: 'fast', kind: 'latency', quantile: 0.9, maxMs: 200, ...common },
      evidence({ earlier: 400 }),
      'inconclusive',
      /all 400 answers were given to earlier runs/,
    ],
    [
      'cheap enough',
      { name: 'cheap', kind: 'cost', quantile: 0.5, maxUsd: 0.001, ...common },
      evidence({ costs: Array.from({ length: 100 }, () => 500_000) }),
      'passed',
      /cost at 50 % \$0\.000500/,
    ],
    [
      'by a calibrated judge',
      useful,
      judged(calibrate(digest('c'), labels(95, 100)), 0.85),
      'passed',
      /after the judge's errors/,
    ],
    [
      'by a lenient judge, whose yeses mean less',
      useful,
      judged(calibrate(digest('c'), labels(75, 100)), 0.6),
      'inconclusive',
      /after the judge's errors/,
    ],
    [
      'by an uncalibrated judge',
      useful,
      judged(null, 0.99),
      'inconclusive',
      /the judge may not gate: .* has no calibration/,
    ],
    [
      'by another judge than the calibrated one',
      useful,
      judged(calibrate(digest('d'), labels(95, 100)), 0.99),
      'inconclusive',
      /the judge has changed/,
    ],
  ])('%s', (_name, gate, given, outcome, message) => {
    const { verdict } = decideEvaluation(
      { kind: 'llmEvaluation', version: 1, looks: 1, gates: [gate], ungated: null },
      given,
    );
    expect(verdict.reasons[0]?.message).toMatch(message);
    expect(verdict.kind).toBe(outcome);
  });

  test('passes when all pass, fails when one fails, and asks for as many cases as the slowest gate needs', () => {
    const open = exactly(shareOf(0.65, 200));
    const decide = (gates: readonly LlmGate[], given: LlmEvidence) =>
      decideEvaluation(
        { kind: 'llmEvaluation', version: 1, looks: 1, gates, ungated: null },
        given,
      );
    expect(
      decide([useful, { ...useful, name: 'b', min: 0.1 }], exactly(shareOf(0.8, 400))).verdict.kind,
    ).toBe('passed');
    expect(decide([useful, { ...useful, name: 'b', min: 0.9 }], open)).toMatchObject({
      verdict: { kind: 'failed' },
      moreCases: null,
    });
    const [one, other] = [
      decide([useful], open).moreCases,
      decide([{ ...useful, min: 0.62 }], open).moreCases,
    ];
    expect(other ?? 0).toBeGreaterThan(one ?? Infinity);
    expect(decide([useful, { ...useful, min: 0.62 }], open)).toMatchObject({
      verdict: { kind: 'inconclusive' },
      moreCases: other,
    });
    expect(decide([useful, noWorse], open).moreCases).toBeNull();
  });

  test('without gates decides nothing', () => {
    const none = (ungated: string | null) =>
      decideEvaluation(
        { kind: 'llmEvaluation', version: 1, looks: 1, gates: [], ungated },
        evidence({}),
      ).verdict;
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

describe('a counterpart that is not there', () => {
  const policy = (...gates: LlmGate[]) =>
    ({ kind: 'llmEvaluation', version: 1, looks: 1, gates, ungated: null }) as const;
  const same = { missing: { champion: null, baseline: { kind: 'same' } } } as const;

  test('is nothing to be as good as: a bundle passes by no comparison with itself', () => {
    const { verdict, moreCases } = decideEvaluation(policy(noWorse), evidence(same));
    expect(verdict).toMatchObject({
      kind: 'inconclusive',
      reasons: [{ outcome: 'notApplicable' }, { code: 'policy.noAbsoluteGate' }],
    });
    expect(moreCases).toBeNull();
    const useless = { ...exactly(shareOf(0.1, 400)), ...same };
    expect(decideEvaluation(policy(noWorse, useful), useless).verdict.kind).toBe('failed');
    expect(
      decideEvaluation(policy(noWorse, useful), { ...exactly(shareOf(0.9, 400)), ...same }).verdict
        .kind,
    ).toBe('passed');
  });

  test('because it could not be asked is not as if there were none', () => {
    const gone = {
      missing: {
        champion: { kind: 'notMeasured', reason: 'acme has no such model' },
        baseline: null,
      },
    } as const;
    const { verdict } = decideEvaluation(
      policy({ ...noWorse, whenAbsent: 'notApplicable' }, useful),
      {
        ...exactly(shareOf(0.9, 400)),
        ...gone,
      },
    );
    expect(verdict).toMatchObject({
      kind: 'inconclusive',
      reasons: [
        {
          code: 'nonInferiority.notMeasured',
          message: expect.stringContaining('no such model') as string,
        },
        {},
      ],
    });
  });
});

test('cases to buy are counted in cases of the set, of which only some say anything', () => {
  const few = evidence({
    dimensions: {
      exact: {
        aggregate: aggregate([
          ...shareOf(0.8, 10),
          ...Array.from({ length: 190 }, (): Score => ({ kind: 'notApplicable' })),
        ]),
        lowest: null,
        judge: null,
      },
    },
  });
  const { moreCases } = decideEvaluation(
    { kind: 'llmEvaluation', version: 1, looks: 1, gates: [useful], ungated: null },
    few,
  );
  // 20 more of which it says something, one in twenty.
  expect(moreCases).toBe(400);
});

test('bounds that hold for one look share their error among the looks there may be', () => {
  const gate: LlmGate = { name: 'quick', kind: 'latency', quantile: 0.9, maxMs: 100, ...common };
  const latenciesMs = Array.from({ length: 100 }, (_, index) => (index % 25 === 0 ? 200 : 50));
  const policy = {
    kind: 'llmEvaluation',
    version: 1,
    looks: 1,
    gates: [gate],
    ungated: null,
  } as const;
  const given = evidence({ latenciesMs, cases: 100 });
  expect(decideEvaluation(policy, given).verdict.kind).toBe('passed');
  expect(decideEvaluation({ ...policy, looks: 20 }, given).verdict.kind).toBe('inconclusive');
});

test('what was measured names who answered, a standby as such, and from when the times are', () => {
  const answeredBy = [
    { provider: 'openai', model: 'small-2026', standsIn: false, cases: 398 },
    { provider: 'spare', model: 'other', standsIn: true, cases: 2 },
  ];
  const lines = explainLlmEvidence(
    evidence({ answeredBy, latenciesMs: [10, 20, 30], earlier: 397 }),
  ).join('\n');
  expect(lines).toContain(
    "answered by openai small-2026 (398), spare other (2, a standby); what is measured is not the first model's alone: standbys gave 2 answers",
  );
  expect(lines).toContain(
    '30 ms at 95 % of 3 cases; the other 397 were answered in earlier runs, under other loads',
  );
  expect(explainLlmEvidence(evidence({ latenciesMs: [10, 20, 30] })).join('\n')).not.toMatch(
    /answered by|earlier/,
  );
});

test('what was measured names who stands by, and who does not and why', () => {
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
  expect(explainLlmEvidence(found).slice(-2)).toEqual([
    'acme small stands by: it passed the same gates on 400 cases',
    'acme tiny does not stand by: failed on 400 cases, useful: exact 0.1',
  ]);
});

describe('a gate that every case must pass', () => {
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
      ...{
        id: `c${index}`,
        group: null,
        pair: null,
        answer: 'x',
        unanswered: null,
        retrieved: [],
        latencyMs: 1,
        cost: 0,
      },
      scores: { exact: score },
    }));
    const counterparts = { champion: null, baseline: null };
    return evidenceOf({
      candidate: digest('a'),
      caseSet: digest('b'),
      dimensions: ['exact'],
      results,
      counterparts,
      judges: {},
    });
  };
  const decide = (scores: readonly Score[], gate: LlmGate = allPass) =>
    decideEvaluation({ ...policy, gates: [gate] }, of(scores)).verdict;

  test('passes 25 of 25 right answers, of which an interval shows 0.79 alone, and claims nothing of other cases', () => {
    const right = Array.from({ length: 25 }, () => scored(1));
    expect(decide(right)).toEqual({
      kind: 'passed',
      reasons: [
        {
          ...{ gate: 'all', code: 'allPass.met', outcome: 'passed' },
          message: 'exact is at least 1 in each of 25 cases; this says nothing of other cases',
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
    expect(decide(right, interval).kind).toBe('inconclusive');
  });

  test.each<[string, readonly Score[], string, string]>([
    [
      'one wrong answer',
      [scored(1), scored(0.5), scored(1)],
      'failed',
      '1 case has the lowest exact, 0.5; every case must reach 1 (3 of 3 cases measured)',
    ],
    [
      'one wrong and one unmeasured',
      [scored(0), failed('ProviderTimeout')],
      'failed',
      '1 case has the lowest exact, 0; every case must reach 1 (1 of 2 cases measured)',
    ],
    [
      'measured only in part',
      [scored(1), failed('ProviderTimeout')],
      'inconclusive',
      '1 of 2 cases could not be measured, and every case must reach 1: ProviderTimeout',
    ],
    ['nothing measured', [], 'inconclusive', 'exact was not measured'],
  ])('%s', (_, scores, kind, message) => {
    expect(decide(scores)).toMatchObject({ kind, reasons: [{ message }] });
  });
});

describe('a case set on which many bundles are tried', () => {
  const right = Array.from({ length: 400 }, () => scored(1));
  const at = (number: number) =>
    decideEvaluation(
      { kind: 'llmEvaluation', version: 2, looks: 1, gates: [useful], ungated: null },
      { ...exactly(right), attempt: { holdout: digest('b'), number } },
    ).verdict;

  test('is never used up: the 60th may pass with a tighter bound, and its reason gives the cost', () => {
    expect(at(60)).toMatchObject({ kind: 'passed' });
    expect(at(60).reasons.at(-1)?.message).toMatch(
      /^attempt 60 on this case set: gates use a confidence of 99\.99972 % instead of 95 %; this attempt needs about 3\.97 times the cases of the first; add new cases to spec\.cases\.file/,
    );
    expect(at(2).reasons.at(-1)?.message).not.toContain('new cases');
  });

  test.each([0, 0.9])(
    'lets one of 60 bad bundles pass no more often than its gate allows, cases shared %d',
    (shared) => {
      expect(anyBundlePasses({ attempts: 60, cases: 150, shared }, 60).lower).toBeLessThan(0.05);
    },
  );
});
