import { judge } from '../../../domain/decision/decide';
import type { Evidence } from '../../../domain/evaluation/evidence';
import type { GateOutcome } from '../../../domain/evaluation/gate';
import type { GateSpec } from '../../../domain/decision/gate-spec';
import {
  agreeing,
  better,
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

type Row = readonly [
  name: string,
  gate: GateSpec,
  found: Evidence,
  outcome: GateOutcome,
  code: string,
  message: string,
];

const withAuc = (auc: Evidence['metrics']['auc']) =>
  evidence({ metrics: auc === undefined ? {} : { auc } });
const withIncrease = (increase: ReturnType<typeof measured>) =>
  evidence({
    counterparts: { champion: counterpart('flight-delay@1', increase), baseline: noChampion },
  });
const withSlices = (...found: Parameters<typeof counterpart>[2] & object) =>
  evidence({
    counterparts: {
      champion: counterpart('flight-delay@1', measured(0, -0.01, 0.01), found),
      baseline: noChampion,
    },
  });
const withCounterparts = (
  champion: Evidence['counterparts']['champion'],
  baseline: Evidence['counterparts']['baseline'],
) => evidence({ counterparts: { champion, baseline } });
const withParity = (changes: Partial<typeof agreeing>) =>
  evidence({ parity: { ...agreeing, ...changes } });

const threshold: readonly Row[] = [
  [
    'estimate and bound beyond the minimum',
    useful,
    withAuc(measured(0.7, 0.65, 0.75)),
    'passed',
    'threshold.met',
    'auc 0.7 (97.6 % lower bound 0.65): meets the minimum 0.62',
  ],
  [
    'a few large errors that decide',
    useful,
    withAuc({
      ...measured(0.7, 0.65, 0.75),
      heavyTail: { index: 1.254, rows: 280 },
    } as ReturnType<typeof measured>),
    'inconclusive',
    'threshold.heavyTail',
    'set evaluate.errorBound, so that larger errors count as so large',
  ],
  [
    'the bound exactly at the minimum',
    useful,
    withAuc(measured(0.7, 0.62, 0.75)),
    'passed',
    'threshold.met',
    'lower bound 0.62',
  ],
  [
    'estimate under the minimum',
    useful,
    withAuc(measured(0.6, 0.55, 0.65)),
    'failed',
    'threshold.missed',
    'auc 0.6 is below the minimum 0.62; 28,834 rows of 30 days',
  ],
  [
    'estimate beyond, bound not',
    useful,
    withAuc(measured(0.64, 0.6, 0.68)),
    'inconclusive',
    'threshold.unproven',
    // The bound is twice as far away as the limit, so it takes four times as many days.
    'not shown to meet the minimum 0.62; about 120 days are needed',
  ],
  [
    'an unbounded side',
    useful,
    withAuc(measured(0.7, null, 0.75)),
    'inconclusive',
    'threshold.unproven',
    'lower bound unbounded',
  ],
  [
    'no measurement',
    useful,
    withAuc(unmeasured('3 of 10 holdout rows have no finite score')),
    'inconclusive',
    'threshold.notMeasured',
    '3 of 10 holdout rows',
  ],
  [
    'a metric that was not measured',
    useful,
    withAuc(undefined),
    'inconclusive',
    'threshold.notMeasured',
    'auc is not in the evidence',
  ],
  [
    'a confidence beyond what was measured',
    { ...useful, confidence: 0.999 } as GateSpec,
    evidence(),
    'inconclusive',
    'threshold.notMeasured',
    'the highest is 0.992',
  ],
  [
    'a confidence between two that were measured: the higher one counts',
    { ...useful, confidence: 0.95 } as GateSpec,
    evidence(),
    'passed',
    'threshold.met',
    '97 % lower bound 0.69',
  ],
  [
    'over a maximum',
    { ...useful, metric: 'logloss', min: null, max: 0.5 } as GateSpec,
    evidence(),
    'failed',
    'threshold.missed',
    'logloss 0.541 is above the maximum 0.5',
  ],
  [
    'under a maximum, bound not',
    { ...useful, metric: 'logloss', min: null, max: 0.56 } as GateSpec,
    evidence(),
    'inconclusive',
    'threshold.unproven',
    '97.6 % upper bound 0.58',
  ],
  [
    'under a maximum with its bound',
    { ...useful, metric: 'logloss', min: null, max: 0.6 } as GateSpec,
    evidence(),
    'passed',
    'threshold.met',
    '97.6 % upper bound 0.58): meets the maximum 0.6',
  ],
  [
    'between both limits',
    { ...useful, min: 0.6, max: 0.99 } as GateSpec,
    evidence(),
    'passed',
    'threshold.met',
    'upper bound 0.74',
  ],
  [
    'a gate without limits',
    { ...useful, min: null } as GateSpec,
    evidence(),
    'inconclusive',
    'threshold.notMeasured',
    'neither min nor max',
  ],
];

const recall = { ...useful, metric: 'recall', class: 'gale', min: 0.6 } as GateSpec;
const gales = {
  class: 'gale',
  rows: 40,
  precision: measured(0.7, 0.5, 0.9),
  recall: measured(0.8, 0.7, 0.9),
  f1: measured(0.75, 0.6, 0.9),
};
const withClasses = (classes: Evidence['classes']) =>
  evidence({ task: 'multiclass', ...(classes && { classes }) });

const ofOneClass: readonly Row[] = [
  [
    'the bound of the class beyond the minimum',
    recall,
    withClasses([gales]),
    'passed',
    'threshold.met',
    'recall of gale 0.8 (97.6 % lower bound 0.7): meets the minimum 0.6',
  ],
  [
    'the bound of the class below it',
    { ...recall, min: 0.75 } as GateSpec,
    withClasses([gales]),
    'inconclusive',
    'threshold.unproven',
    'recall of gale 0.8 (97.6 % lower bound 0.7): not shown to meet the minimum 0.75',
  ],
  [
    'a class without rows',
    recall,
    withClasses([{ ...gales, rows: 0 }]),
    'inconclusive',
    'threshold.notMeasured',
    'no judged row has the class gale',
  ],
  [
    'an unknown class',
    { ...recall, class: 'gael' } as GateSpec,
    withClasses([gales, { ...gales, class: 'calm' }]),
    'inconclusive',
    'threshold.notMeasured',
    'gael is not a class of the label: gale, calm',
  ],
  [
    'another task',
    recall,
    evidence(),
    'inconclusive',
    'threshold.notMeasured',
    'recall of a class is for multiclass, but the task is classification',
  ],
  [
    'a gate without a class, as what-if may ask',
    { ...recall, class: undefined } as GateSpec,
    withClasses([gales]),
    'inconclusive',
    'threshold.notMeasured',
    'the gate on recall names no class',
  ],
  [
    'a difference that no gate of the run asked for',
    { ...noWorse, metric: 'f1', class: 'gale' } as GateSpec,
    withClasses([gales]),
    'inconclusive',
    'nonInferiority.notMeasured',
    'the difference in f1 of gale is not in the evidence',
  ],
];

const heavy = (measurement: ReturnType<typeof measured>) =>
  ({ ...measurement, heavyTail: { index: 1.254, rows: 280 } }) as typeof measurement;

const nonInferiority: readonly Row[] = [
  [
    'a few large errors that decide',
    noWorse,
    withIncrease(heavy(measured(0.001, -0.001, 0.003))),
    'inconclusive',
    'nonInferiority.heavyTail',
    'not shown, a few large errors decide',
  ],
  [
    'a few large errors beside a refuted margin',
    noWorse,
    withIncrease(heavy(measured(0.008, 0.005, 0.02))),
    'failed',
    'nonInferiority.refuted',
    'not below the 0.004 margin',
  ],
  [
    'upper bound below the margin',
    noWorse,
    withIncrease(measured(0.001, -0.001, 0.003)),
    'passed',
    'nonInferiority.shown',
    'logloss +0.001, worse than flight-delay@1 (97.6 % bounds −0.001 … +0.003): below the 0.004 margin',
  ],
  [
    'upper bound at the margin',
    noWorse,
    withIncrease(measured(0.001, -0.001, 0.004)),
    'inconclusive',
    'nonInferiority.open',
    'not shown to be below the 0.004 margin',
  ],
  [
    'lower bound above the margin',
    noWorse,
    withIncrease(measured(0.02, 0.005, 0.03)),
    'failed',
    'nonInferiority.refuted',
    '+0.02',
  ],
  [
    'margin inside the interval',
    noWorse,
    withIncrease(measured(0.007, -0.01, 0.028)),
    'inconclusive',
    'nonInferiority.open',
    // The lower bound is 0.017 below the estimate, which is 0.003 above the margin.
    'not shown to be below the 0.004 margin; about 964 days are needed',
  ],
  [
    'the very same model',
    noWorse,
    withIncrease(measured(0, 0, 0)),
    'passed',
    'nonInferiority.shown',
    'equal to flight-delay@1',
  ],
  [
    'no measurement',
    noWorse,
    withIncrease(unmeasured('champion: 2 of 9 holdout rows have no finite score')),
    'inconclusive',
    'nonInferiority.notMeasured',
    '2 of 9',
  ],
  [
    'another metric than was measured',
    { ...noWorse, metric: 'brier' } as GateSpec,
    evidence(),
    'inconclusive',
    'nonInferiority.notMeasured',
    'the difference in brier is not in the evidence',
  ],
  [
    'no champion, compared with the baseline',
    noWorse,
    withCounterparts(noChampion, counterpart('baseline', measured(-0.09, -0.13, -0.05))),
    'passed',
    'nonInferiority.shown',
    'better than baseline',
  ],
  [
    'no champion and no baseline',
    noWorse,
    withCounterparts(noChampion, { kind: 'absent', reason: 'not trained' }),
    'inconclusive',
    'nonInferiority.notMeasured',
    'no baseline (not trained)',
  ],
  [
    'no champion, and the gate is optional without one',
    { ...noWorse, whenAbsent: 'notApplicable' } as GateSpec,
    withCounterparts(noChampion, noChampion),
    'notApplicable',
    'nonInferiority.notApplicable',
    'no champion to compare with',
  ],
  [
    'a champion that could not be measured is not an absent one',
    { ...noWorse, whenAbsent: 'notApplicable' } as GateSpec,
    withCounterparts(
      {
        kind: 'notMeasured',
        name: 'flight-delay@1',
        reason: 'it needs column `gate`, which these rows lack',
      },
      noChampion,
    ),
    'inconclusive',
    'nonInferiority.notMeasured',
    'flight-delay@1: it needs column `gate`',
  ],
  [
    'an absent baseline',
    { ...noWorse, against: 'baseline' } as GateSpec,
    withCounterparts(noChampion, noChampion),
    'inconclusive',
    'nonInferiority.notMeasured',
    'no baseline',
  ],
];

const superiority: readonly Row[] = [
  [
    'upper bound below zero',
    better,
    withIncrease(measured(-0.02, -0.04, -0.001)),
    'passed',
    'superiority.shown',
    'logloss −0.02, better than flight-delay@1',
  ],
  [
    'zero inside the interval',
    better,
    withIncrease(measured(-0.02, -0.04, 0.001)),
    'inconclusive',
    'superiority.open',
    'not shown to be better; about 34 days are needed',
  ],
  [
    'lower bound above zero',
    better,
    withIncrease(measured(0.02, 0.01, 0.03)),
    'failed',
    'superiority.refuted',
    'worse than',
  ],
  [
    'the very same model is not better',
    better,
    withIncrease(measured(0, 0, 0)),
    'failed',
    'superiority.refuted',
    'equal to flight-delay@1',
  ],
  [
    'better, but not by the margin',
    { ...better, margin: 0.05 } as GateSpec,
    withIncrease(measured(-0.02, -0.04, -0.01)),
    'failed',
    'superiority.refuted',
    'not better by more than 0.05',
  ],
];

const harmed = { lower: 0.04, upper: 0.09 };
const slicing: readonly Row[] = [
  [
    'no slice above the limit',
    slices,
    withSlices(
      slice('JFK', measured(0.012, -0.02, 0.045)),
      slice('LGA', measured(-0.02, -0.04, 0.01)),
    ),
    'passed',
    'slice.unharmed',
    'none of 2 slices exceeds the +0.03 limit in logloss; largest: origin=JFK +0.012',
  ],
  [
    'a slice shown worse than the limit',
    slices,
    withSlices(
      slice('JFK', measured(0.06, 0.05, 0.08), harmed),
      slice('LGA', measured(0, -0.01, 0.01)),
    ),
    'failed',
    'slice.harmed',
    'origin=JFK +0.06 (97.6 % simultaneous bounds +0.04 … +0.09',
  ],
  [
    'a slice above the limit whose bounds are wide',
    slices,
    withSlices(slice('JFK', measured(0.04, 0.01, 0.055))),
    'inconclusive',
    'slice.open',
    'may exceed the +0.03 limit',
  ],
  [
    'a slice too erratic to rule out twice the limit',
    slices,
    withSlices(slice('JFK', measured(0.01, -0.05, 0.07))),
    'inconclusive',
    'slice.open',
    'origin=JFK',
  ],
  [
    'a slice that could not be measured',
    slices,
    withSlices(
      slice('JFK', measured(0, -0.01, 0.01)),
      slice('LGA', unmeasured('logloss rests on 3 days')),
    ),
    'inconclusive',
    'slice.notMeasured',
    'could not be measured: origin=LGA: logloss rests on 3 days',
  ],
  [
    'no slice with enough rows',
    slices,
    withSlices(),
    'inconclusive',
    'slice.notMeasured',
    'no slice has 500 rows',
  ],
  [
    'harm outweighs what was not measured',
    slices,
    withSlices(slice('JFK', measured(0.06, 0.05, 0.08), harmed), slice('LGA', unmeasured('x'))),
    'failed',
    'slice.harmed',
    'origin=JFK',
  ],
  [
    'no champion, compared with the baseline',
    slices,
    withCounterparts(noChampion, counterpart('baseline', measured(-0.09, -0.1, 0))),
    'passed',
    'slice.unharmed',
    'against baseline',
  ],
];

const serving: readonly Row[] = [
  [
    'all rows agree',
    parity,
    withParity({}),
    'passed',
    'parity.agrees',
    '1,000 of 1,000 rows (100 %) agree within 0.005',
  ],
  [
    'just enough rows agree',
    parity,
    withParity({ agreeing: 999 }),
    'passed',
    'parity.agrees',
    '999 of 1,000 rows (99.9 %)',
  ],
  [
    'too few rows agree',
    parity,
    withParity({ agreeing: 998, maxDifference: 0.2 }),
    'failed',
    'parity.differs',
    '998 of 1,000 rows (99.8 %)',
  ],
  [
    'some rows got no answer',
    parity,
    withParity({ compared: 999, agreeing: 999 }),
    'inconclusive',
    'parity.notMeasured',
    'answered only 999 of 1,000 rows',
  ],
  [
    'fewer rows than required',
    parity,
    withParity({ rows: 100, compared: 100, agreeing: 100 }),
    'inconclusive',
    'parity.notMeasured',
    '100 of the required 1,000 rows were sent',
  ],
  [
    'a holdout with fewer rows than required, all compared',
    parity,
    {
      ...withParity({ rows: 400, compared: 400, agreeing: 400 }),
      holdout: { ...evidence().holdout, rows: 400 },
    },
    'passed',
    'parity.agrees',
    '400 of 400',
  ],
  [
    'another model answered',
    parity,
    withParity({ digestServed: `sha256:${'e'.repeat(64)}` }),
    'failed',
    'parity.otherBytes',
    'not the candidate',
  ],
  [
    'agreement counted with a wider tolerance',
    parity,
    withParity({ tolerance: 0.1 }),
    'inconclusive',
    'parity.notMeasured',
    'wider tolerance',
  ],
  [
    'agreement counted with a narrower tolerance',
    parity,
    withParity({ tolerance: 0.001 }),
    'passed',
    'parity.agrees',
    'within 0.001',
  ],
  [
    'too little agreement, counted with a narrower tolerance',
    parity,
    withParity({ tolerance: 0.001, agreeing: 900 }),
    'inconclusive',
    'parity.notMeasured',
    'narrower tolerance',
  ],
  [
    'no gateway',
    parity,
    evidence({ parity: { kind: 'notMeasured', rows: 0, reason: 'no gateway is alive' } }),
    'inconclusive',
    'parity.notMeasured',
    'no gateway is alive',
  ],
  [
    'nothing sent',
    parity,
    evidence({ parity: null }),
    'inconclusive',
    'parity.notMeasured',
    'no rows were sent',
  ],
];

describe.each([
  ['threshold', threshold],
  ['class', ofOneClass],
  ['nonInferiority', nonInferiority],
  ['superiority', superiority],
  ['slice', slicing],
  ['parity', serving],
])('%s gate', (_kind, table) => {
  test.each(table)('%s', (_name, gate, found, outcome, code, message) => {
    const [judged] = judge(policy(gate), found);
    expect(judged).toMatchObject({ gate: gate.name, kind: gate.kind, outcome, code });
    expect([judged?.message, ...(judged?.details ?? [])].join('; ')).toContain(message);
  });
});

test.each([
  [
    'metric',
    { ...sliceSpec, metric: 'brier' as const },
    'measured by logloss, but the policy uses brier',
  ],
  ['size', { ...sliceSpec, minRows: 100 }, 'have 500 rows or more, but the policy uses 100'],
  [
    'column',
    { ...sliceSpec, columns: ['origin', 'carrier'] },
    'no slices by carrier in the evidence',
  ],
  ['no slices', null, 'the policy names no slices'],
])('slices measured with another %s than the policy are inconclusive', (_name, spec, message) => {
  const [judged] = judge({ ...policy(slices), slices: spec }, evidence());
  expect(judged).toMatchObject({ outcome: 'inconclusive', code: 'slice.notMeasured' });
  expect(judged?.message).toContain(message);
});
