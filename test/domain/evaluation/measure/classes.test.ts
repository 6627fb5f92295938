import {
  type MeasuredHoldout,
  measureHoldout,
} from '../../../../domain/evaluation/measure/holdout';
import type { MeasurementPlan } from '../../../../domain/evaluation/measure/plan';
import { classSupport, type ClassMetric } from '../../../../domain/evaluation/metrics/multiclass';
import type { Measurement } from '../../../../domain/evaluation/evidence';
import { seededRandom } from '../../../../domain/statistics/random';
import { unseenShare } from '../../../../domain/statistics/unseen-share';

const manifest = `sha256:${'a'.repeat(64)}` as const;
const classes = ['calm', 'gale'] as const;
const level = 0.97;

/** Rows as [day, label, candidate's class, champion's class]. */
type Row = readonly [day: number, label: number, candidate: number, champion: number];

function measured(rows: readonly Row[], days: number): MeasuredHoldout {
  const plan: MeasurementPlan = {
    metrics: ['logloss'],
    classes: [
      { metric: 'recall', class: 'gale' },
      { metric: 'precision', class: 'gale' },
    ],
    slices: null,
    levels: [level],
    seed: [1, 2, 3, 4],
  };
  const sure = (of: (row: Row) => number) =>
    Float64Array.from(rows.flatMap((row) => (of(row) === 1 ? [0.1, 0.9] : [0.9, 0.1])));
  const steps = measureHoldout(
    {
      task: 'multiclass',
      classes,
      labels: Float64Array.from(rows, ([, label]) => label),
      day: Int32Array.from(rows, ([day]) => day),
      days,
      candidate: sure(([, , candidate]) => candidate),
      counterparts: {
        champion: {
          kind: 'scored',
          name: 'weather@1',
          manifest,
          scores: sure(([, , , champion]) => champion),
          width: 2,
        },
        baseline: { kind: 'absent', reason: 'no gate needs it' },
      },
      anchors: {},
      sliceColumns: {},
    },
    plan,
  );
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function gale(found: MeasuredHoldout, metric: ClassMetric): Measurement {
  const of = found.classes?.find((each) => each.class === 'gale');
  if (of === undefined) throw new Error('gale was not measured');
  return of[metric];
}

function increase(found: MeasuredHoldout, metric: ClassMetric): Measurement {
  const { champion } = found.counterparts;
  if (champion.kind !== 'measured') throw new Error('the champion was not measured');
  const of = champion.classIncreases?.find((each) => each.metric === metric);
  if (of === undefined) throw new Error(`${metric} was not compared`);
  return of.increase;
}

function requireBounds(measurement: Measurement): { lower: number; upper: number } {
  const bounds = measurement.kind === 'measured' ? measurement.bounds[0] : undefined;
  if (bounds?.lower == null || bounds.upper == null) throw new Error('there are no bounds');
  return { lower: bounds.lower, upper: bounds.upper };
}

const calmDay = (day: number): readonly Row[] => [
  [day, 0, 0, 0],
  [day, 0, 0, 0],
];

test('the support is the denominator of each metric', () => {
  const rows: readonly Row[] = [
    [0, 1, 1, 1],
    [0, 1, 0, 1],
    [1, 0, 1, 1],
    [2, 0, 1, 1],
  ];
  const [, support] = classSupport({
    labels: Float64Array.from(rows, ([, label]) => label),
    day: Int32Array.from(rows, ([day]) => day),
    days: 4,
    scores: Float64Array.from(rows.flatMap(([, , guess]) => (guess === 1 ? [0, 1] : [1, 0]))),
    width: 2,
  });
  // Two labels on one day, three predictions on three days; F1 = 2·1 / (2 + 3) = 1 / 2.5.
  expect(support).toEqual({
    precision: { rows: 3, days: 3 },
    recall: { rows: 2, days: 1 },
    f1: { rows: 2, days: 3 },
  });
});

describe('few rows of a class', () => {
  test('are not certain because none of them is wrong', () => {
    const rows = Array.from({ length: 20 }, (_, day): readonly Row[] => [
      ...calmDay(day),
      [day, 1, 1, 1],
    ]).flat();
    const found = measured(rows, 20);
    // Clopper-Pearson for 20 of 20: 0.03^(1/20) = 0.839.
    expect(gale(found, 'recall')).toMatchObject({ estimate: 1, rows: 20, days: 20 });
    expect(requireBounds(gale(found, 'recall')).lower).toBeCloseTo(0.8392, 4);
    // Both versions agree on every row; the next rows may still differ.
    expect(requireBounds(increase(found, 'recall')).upper).toBeCloseTo(1 - 0.8392, 4);
  });

  test('on fewer than seven days have no bounds', () => {
    const rows = Array.from({ length: 20 }, (_, day): readonly Row[] => [
      ...calmDay(day),
      ...(day < 6 ? ([[day, 1, 1, 1]] as const) : []),
    ]).flat();
    expect(gale(measured(rows, 20), 'recall')).toEqual({
      kind: 'notMeasured',
      estimate: 1,
      reason: 'recall of gale has only 6 days; at least 7 are needed for an interval',
    });
  });

  test('that are never predicted have no precision', () => {
    const rows = Array.from({ length: 20 }, (_, day): readonly Row[] => [
      ...calmDay(day),
      [day, 1, 0, 1],
    ]).flat();
    const found = measured(rows, 20);
    expect(gale(found, 'precision')).toMatchObject({
      kind: 'notMeasured',
      reason: 'the candidate predicts gale for no judged row',
    });
    expect(increase(found, 'precision')).toMatchObject({
      reason: 'the candidate predicts gale for no judged row',
    });
    expect(gale(found, 'recall')).toMatchObject({ kind: 'measured', estimate: 0 });
  });
});

/**
 * 100 holdouts of 28 days, whose true recalls are known. A bound at 97 % may be on the wrong side
 * of the truth in 3 % of them, with a standard error of 1.7 points. Resampling alone is wrong in
 * one of eight holdouts with ten rows of the class, in which all ten are right by luck.
 */
describe.each([10, 100])('in simulated holdouts with about %i rows of the class', (expected) => {
  const random = seededRandom([2, 7, 1, expected]);
  const days = 28;
  const perDay = 20;
  const share = expected / (days * perDay);
  const worlds = Array.from({ length: 100 }, () => {
    const rows = Array.from({ length: days * perDay }, (_, index): Row => {
      const label = Number(random() < share);
      const champion = random() < 0.9;
      // Right in 8 of 9 rows that the champion gets right: a recall of 0.8.
      const candidate = champion && random() < 8 / 9;
      const guess = (isRight: boolean) => (isRight ? label : 1 - label);
      const day = Math.floor(index / perDay);
      return [day, label, guess(label === 0 || candidate), guess(label === 0 || champion)];
    });
    return measured(rows, days);
  });
  const wrong = (isWrong: (found: MeasuredHoldout) => boolean) =>
    worlds.filter((found) => {
      const isMeasured = gale(found, 'recall').kind === 'measured';
      return isMeasured && isWrong(found);
    }).length;

  test('the lower bound exceeds the true recall in at most 3 % of them', () => {
    const missed = wrong((found) => requireBounds(gale(found, 'recall')).lower > 0.8);
    expect(missed).toBeLessThanOrEqual(0.03 * worlds.length + 4);
  });

  test('the upper bound is below the true recall in at most 3 % of them', () => {
    const missed = wrong((found) => requireBounds(gale(found, 'recall')).upper < 0.8);
    expect(missed).toBeLessThanOrEqual(0.03 * worlds.length + 4);
  });

  test('a candidate at the margin passes in at most 3 % of them', () => {
    const passed = wrong((found) => requireBounds(increase(found, 'recall')).upper < 0.1);
    expect(passed).toBeLessThanOrEqual(0.03 * worlds.length + 4);
  });
});

test('a bound without any event is that of Clopper and Pearson', () => {
  expect(unseenShare(100, 0.95)).toBeCloseTo(0.029_513, 6);
  expect(unseenShare(0, 0.95)).toBe(1);
});
