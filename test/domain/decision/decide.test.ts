import fc from 'fast-check';
import { canonicalJson } from '../../../domain/canonical';
import { decide, judge } from '../../../domain/decision/decide';
import type { Evidence, Measurement } from '../../../domain/evaluation/evidence';
import { explainEvidence, explainGates, explainReasons } from '../../../domain/decision/explain';
import { confidenceAt } from '../../../domain/evaluation/attempts';
import type { GateSpec } from '../../../domain/decision/gate-spec';
import {
  levelsFor,
  buildEvaluationPolicy,
  type EvaluationPolicy,
} from '../../../domain/decision/policy';
import {
  better,
  candidateDigest,
  counterpart,
  evidence,
  measured,
  noChampion,
  noWorse,
  parity,
  policy,
  slice,
  slices,
  sliceSpec,
  unmeasured,
  useful,
} from '../../support/evidence';

const all = policy(useful, noWorse, slices, parity);
const failing: GateSpec = { ...useful, name: 'excellent', min: 0.9 } as GateSpec;
const unknown: GateSpec = { ...useful, name: 'sharp', metric: 'brier' } as GateSpec;

describe('a verdict', () => {
  test('passes when every gate passes, with a reason for each', () => {
    const verdict = decide(all, evidence());
    expect(verdict.kind).toBe('passed');
    expect(verdict.reasons.map(({ gate, code }) => [gate, code])).toEqual([
      ['useful', 'threshold.met'],
      ['no-worse', 'nonInferiority.shown'],
      ['slices', 'slice.unharmed'],
      ['parity', 'parity.agrees'],
      ['holdout', 'policy.attempt'],
    ]);
    for (const { message } of verdict.reasons) expect(message).toMatch(/\d/);
  });

  test.each<[string, EvaluationPolicy, string]>([
    ['one failed gate fails it', policy(useful, failing), 'failed'],
    ['a failed gate outweighs an inconclusive one', policy(unknown, failing), 'failed'],
    ['an inconclusive gate makes it inconclusive', policy(useful, unknown), 'inconclusive'],
  ])('%s', (_name, rules, kind) => {
    expect(decide(rules, evidence()).kind).toBe(kind);
  });

  test('does not depend on the order of keys', () => {
    const shuffled = JSON.parse(canonicalJson(evidence())) as Evidence;
    expect(decide(all, shuffled)).toEqual(decide(all, evidence()));
  });
});

describe('a policy with gaps', () => {
  const mayGoWithout: GateSpec = { ...noWorse, whenAbsent: 'notApplicable' } as GateSpec;
  const first = evidence({ counterparts: { champion: noChampion, baseline: noChampion } });

  test.each<[string, EvaluationPolicy, Evidence, string, string | null]>([
    [
      'no gates, with a reason',
      { ...policy(), ungated: 'shadow only' },
      evidence(),
      'inconclusive',
      'policy.ungated',
    ],
    ['no gates, no reason', policy(), evidence(), 'inconclusive', 'policy.noGates'],
    ['only a parity gate', policy(parity), evidence(), 'inconclusive', 'policy.noQualityGate'],
    [
      'nothing to compare with, and no absolute gate',
      policy(mayGoWithout, parity),
      first,
      'inconclusive',
      'policy.noAbsoluteGate',
    ],
    [
      'nothing to compare with, and an absolute gate passed',
      policy(mayGoWithout, useful),
      first,
      'passed',
      null,
    ],
    [
      'nothing to compare with, and the absolute gate failed',
      policy(mayGoWithout, failing),
      first,
      'failed',
      'policy.noAbsoluteGate',
    ],
  ])('%s', (_name, rules, found, kind, code) => {
    const verdict = decide(rules, found);
    expect(verdict.kind).toBe(kind);
    expect(verdict.reasons.find(({ gate }) => gate === 'policy')?.code ?? null).toBe(code);
  });

  test('the reason in ungated is in the verdict', () => {
    expect(
      decide({ ...policy(), ungated: 'shadow only' }, evidence()).reasons[0]?.message,
    ).toContain('"shadow only"');
  });
});

describe('what if', () => {
  test('another policy gives another verdict on the same evidence', () => {
    const found = evidence({
      counterparts: {
        champion: counterpart('flight-delay@1', measured(0.002, -0.002, 0.0055)),
        baseline: noChampion,
      },
    });
    const strict = policy(useful, noWorse);
    const lenient = policy(useful, { ...noWorse, margin: 0.01 } as GateSpec);
    const stricter = policy(useful, better);
    expect([strict, lenient, stricter, strict].map((rules) => decide(rules, found).kind)).toEqual([
      'inconclusive',
      'passed',
      'inconclusive',
      'inconclusive',
    ]);
  });

  test('a policy has only what affects the verdict', () => {
    const spec = {
      metrics: ['logloss'] as const,
      slices: sliceSpec,
      gates: [useful],
      ungated: null,
    };
    expect(buildEvaluationPolicy(spec)).toEqual(
      buildEvaluationPolicy({ ...spec, metrics: ['logloss', 'brier'] }),
    );
    expect(buildEvaluationPolicy(spec).slices).toBeNull();
    expect(buildEvaluationPolicy({ ...spec, gates: [slices] }).slices).toEqual(sliceSpec);
  });

  test("evidence has the policy's own levels and the standard ones", () => {
    expect(levelsFor(policy({ ...useful, confidence: 0.93 } as GateSpec), 1)).toEqual(
      expect.arrayContaining([0.8, 0.93, 0.97, 0.99]),
    );
    expect(
      levelsFor(
        policy(
          { ...useful, confidence: 0.3 } as GateSpec,
          { ...useful, confidence: 1 } as GateSpec,
        ),
        1,
      ),
    ).toEqual(levelsFor(policy(), 1));
  });

  test('evidence has the higher levels of a later attempt on the holdout', () => {
    expect(levelsFor(policy({ ...useful, confidence: 0.93 } as GateSpec), 3)).toEqual(
      expect.arrayContaining([0.93, 0.97, 0.999]),
    );
    expect(levelsFor(policy({ ...useful, confidence: 0.93 } as GateSpec), 3)).toContain(
      confidenceAt(0.93, 3),
    );
  });
});

describe('candidates on one holdout share the error of a gate', () => {
  const counted: EvaluationPolicy = policy(noWorse);
  /** Upper bounds: 0.001 at 97 %, 0.002 at 97.6 %, 0.005 at 99.7 %; the margin is 0.004. */
  const nth = (number: number, changes: Partial<Evidence> = {}) => {
    const bounds = [0.97, 0.976, 0.997, 0.99999].map((level, index) => ({
      level,
      lower: -0.04,
      upper: [0.001, 0.002, 0.005, 0.02][index] ?? null,
    }));
    const increase = { ...measured(-0.01, -0.04, 0.001), bounds } as Measurement;
    const counterparts = {
      champion: counterpart('flight-delay@1', increase),
      baseline: noChampion,
    };
    return evidence({ attempt: { holdout: candidateDigest, number }, counterparts, ...changes });
  };

  test('the first passes by a bound slightly above the confidence of its gate', () => {
    const verdict = decide(counted, nth(1));
    expect(verdict.kind).toBe('passed');
    expect(verdict.reasons[0]?.message).toContain('97.6 % bounds');
    expect(verdict.reasons[1]).toMatchObject({
      code: 'policy.attempt',
      message: 'attempt 1 on this holdout: gates use a confidence of 97.6 % instead of 97 %',
      details: ['all attempts on one holdout share the error of a gate'],
    });
  });

  test('the second does not pass with the same measurements', () => {
    const verdict = decide(counted, nth(2));
    expect(verdict.kind).toBe('inconclusive');
    expect(verdict.reasons.map(({ message }) => message).join('\n')).toMatch(
      /99\.7 % bounds[^]*attempt 2 on this holdout/,
    );
    expect(explainEvidence(nth(2))[0]).toMatch(/attempt 2 on this holdout$/);
  });

  test('the eleventh never passes', () => {
    const strong = measured(-0.2, -0.3, -0.1);
    const changes = {
      counterparts: {
        champion: counterpart('flight-delay@1', {
          ...strong,
          bounds: [{ level: 0.99999, lower: -0.3, upper: -0.1 }],
        } as Measurement),
        baseline: noChampion,
      },
    };
    expect(decide(counted, nth(10, changes)).kind).toBe('passed');
    const verdict = decide(counted, nth(11, changes));
    expect(verdict.kind).toBe('inconclusive');
    expect(verdict.reasons.at(-1)).toMatchObject({ gate: 'holdout', code: 'policy.holdoutUsedUp' });
    expect(verdict.reasons.at(-1)?.message).toMatch(
      /which allows 10; evaluate the next candidate on newer data/,
    );
  });

  test('evidence without an attempt does not pass', () => {
    const { attempt: _attempt, ...uncounted } = nth(1);
    expect(decide(counted, uncounted)).toMatchObject({ kind: 'inconclusive' });
  });

  test('a policy without gates ignores attempts', () => {
    expect(
      decide({ ...policy(), ungated: 'shadow only' }, nth(11)).reasons.map(({ code }) => code),
    ).toEqual(['policy.ungated']);
  });
});

describe('laws of decisions', () => {
  const share = fc.double({ min: 0, max: 0.1, noNaN: true });
  const anyMeasurement = fc
    .record({ estimate: fc.double({ min: -0.1, max: 0.1, noNaN: true }), down: share, up: share })
    .map(({ estimate, down, up }) => ({ estimate, lower: estimate - down, upper: estimate + up }));
  const anyImprovement = fc.double({ min: 0, max: 0.1, noNaN: true });
  const rank = { failed: 0, inconclusive: 1, passed: 2 } as const;

  test('better evidence never makes the verdict worse', () => {
    fc.assert(
      fc.property(anyMeasurement, anyMeasurement, anyImprovement, (whole, part, gain) => {
        const found = (by: number) => {
          const shifted = measured(whole.estimate - by, whole.lower - by, whole.upper - by);
          const group = slice(
            'JFK',
            measured(part.estimate - by, part.lower - by, part.upper - by),
          );
          return evidence({
            metrics: {
              auc: measured(
                0.62 - whole.estimate + by,
                0.62 - whole.upper + by,
                0.62 - whole.lower + by,
              ),
            },
            counterparts: {
              champion: counterpart('flight-delay@1', shifted, [group]),
              baseline: noChampion,
            },
          });
        };
        for (const gate of [useful, noWorse, better, slices]) {
          expect(rank[decide(policy(gate), found(gain)).kind]).toBeGreaterThanOrEqual(
            rank[decide(policy(gate), found(0)).kind],
          );
        }
      }),
    );
  });

  test('more days around the same estimate never turn a pass into a failure', () => {
    fc.assert(
      fc.property(
        anyMeasurement,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ estimate, lower, upper }, shrink) => {
          const narrower = measured(
            estimate,
            estimate - shrink * (estimate - lower),
            estimate + shrink * (upper - estimate),
          );
          const having = (increase: typeof narrower) =>
            evidence({
              counterparts: {
                champion: counterpart('flight-delay@1', increase, [slice('JFK', increase)]),
                baseline: noChampion,
              },
            });
          for (const gate of [noWorse, better, slices]) {
            if (decide(policy(gate), having(measured(estimate, lower, upper))).kind === 'passed') {
              expect(decide(policy(gate), having(narrower)).kind).toBe('passed');
            }
          }
        },
      ),
    );
  });

  test('removing a measurement never helps', () => {
    const gaps: readonly Partial<Evidence>[] = [
      { metrics: {} },
      { metrics: { auc: unmeasured('gone') } },
      { parity: null },
      {
        counterparts: {
          champion: { kind: 'notMeasured', name: 'flight-delay@1', reason: 'gone' },
          baseline: evidence().counterparts.baseline,
        },
      },
    ];
    for (const gap of gaps) expect(decide(all, evidence(gap)).kind).toBe('inconclusive');
  });
});

describe('explanations', () => {
  test('a verdict has one line per gate', () => {
    const lines = explainReasons(decide(policy(useful, failing), evidence()));
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^FAIL {2}excellent {2}auc 0.717 is below the minimum 0.9/);
  });

  test('gates show their outcome', () => {
    const first = evidence({ counterparts: { champion: noChampion, baseline: noChampion } });
    const lines = explainGates(
      judge(
        policy(useful, failing, unknown, { ...noWorse, whenAbsent: 'notApplicable' } as GateSpec),
        first,
      ),
    );
    expect(lines.map((line) => line.slice(0, 15))).toEqual([
      'pass  useful   ',
      'FAIL  excellent',
      'open  sharp    ',
      'n/a   no-worse ',
      'pass  holdout  ',
    ]);
  });

  test('lines have at most 110 characters without losing text, and details only with verbose', () => {
    const long = {
      gate: 'quality',
      outcome: 'inconclusive' as const,
      code: 'quality.open',
      message:
        'logloss +0.0004 (99.5 % CI −0.0022 … +0.0031, 26,639 pairs): below the 0.01 margin on this traffic, not yet across days (28 days)',
      details: ['positive is worse'],
    };
    expect(explainGates([long])).toEqual([
      'open  quality  logloss +0.0004 (99.5 % CI −0.0022 … +0.0031, 26,639 pairs):',
      '               below the 0.01 margin on this traffic, not yet across days (28 days)',
    ]);
    expect(explainGates([long], { verbose: true }).at(-1)).toBe('               positive is worse');
    const word = explainGates([{ ...long, message: 'x'.repeat(300) }]);
    expect(word).toEqual([`open  quality  ${'x'.repeat(300)}`]);
  });

  test('evidence shows each metric with its interval and its counterparts', () => {
    const text = explainEvidence(evidence()).join('\n');
    expect(text).toContain(
      'holdout 2013-06-01T00:00:00Z to 2013-07-01T00:00:00Z: 28,834 rows of 30 days',
    );
    expect(text).toMatch(
      /logloss {2}0.541 \(95 %: .*\)\n {2}flight-delay@1 0.55, difference −0.023 \(95 %: .*\); positive is worse\n {2}baseline/,
    );
  });

  test('evidence shows what could not be measured', () => {
    const champion = {
      kind: 'notMeasured',
      name: 'flight-delay@1',
      reason: 'it needs `gate`',
    } as const;
    const text = explainEvidence(
      evidence({
        counterparts: { champion, baseline: noChampion },
        metrics: { auc: unmeasured('one class') },
      }),
    ).join('\n');
    expect(text).toContain('auc      could not be measured: one class');
    expect(text).toContain('flight-delay@1 could not be measured: it needs `gate`');
  });
});

test('errors that were measured up to another bound are inconclusive', () => {
  const found = evidence({ task: 'regression', errorBound: 600 });
  const reasons = (bound: { readonly errorBound?: number }) =>
    decide({ ...policy(useful), ...bound }, found).reasons.map(({ code }) => code);
  expect(reasons({})).toContain('policy.errorBound');
  expect(reasons({ errorBound: 500 })).toContain('policy.errorBound');
  expect(reasons({ errorBound: 600 })).not.toContain('policy.errorBound');
});
