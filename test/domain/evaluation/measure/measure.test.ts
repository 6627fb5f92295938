import { canonicalJson } from '../../../../domain/canonical';
import {
  type MeasuredHoldout,
  measureHoldout,
} from '../../../../domain/evaluation/measure/holdout';
import type { MeasurementPlan, ScoredHoldout } from '../../../../domain/evaluation/measure/plan';
import { computeMetric } from '../../../../domain/evaluation/metrics/metrics';
import { standardLevels } from '../../../../domain/statistics/interval';
import { seededRandom } from '../../../../domain/statistics/random';

const random = seededRandom([3, 1, 4, 1]);
const rows = 6000;
const manifest = `sha256:${'a'.repeat(64)}` as const;
const day = Int32Array.from({ length: rows }, (_, row) => Math.floor((row * 20) / rows));
const truth = Float64Array.from({ length: rows }, () => 0.1 + 0.6 * random());
const labels = truth.map((probability) => (random() < probability ? 1 : 0));
const worse = truth.map((probability, row) => (row % 3 === 0 ? 0.9 : probability));
const prior = new Float64Array(rows).fill(labels.reduce((sum, label) => sum + label, 0) / rows);
/** Every third row is `C`; a hundred rows of the others are `rare…`. */
const airports = ['rare1', 'A', 'C', 'rare2'];
const origin = Int32Array.from({ length: rows }, (_, row) =>
  row % 3 === 0 ? 2 : row % 120 === 1 ? 0 : row % 120 === 61 ? 3 : 1,
);

const holdout: ScoredHoldout = {
  task: 'classification',
  labels,
  day,
  days: 20,
  candidate: worse,
  counterparts: {
    champion: { kind: 'scored', name: 'flight-delay@1', manifest, scores: truth },
    baseline: { kind: 'scored', name: 'baseline', manifest, scores: prior },
  },
  anchors: {},
  sliceColumns: { origin: { kind: 'coded', values: airports, codes: origin } },
};
const plan: MeasurementPlan = {
  metrics: ['logloss', 'auc'],
  slices: { columns: ['origin'], metric: 'logloss', minRows: 80 },
  levels: standardLevels,
  seed: [1, 2, 3, 4],
};

function measured(
  changes: {
    readonly holdout?: Partial<ScoredHoldout>;
    readonly plan?: Partial<MeasurementPlan>;
  } = {},
): MeasuredHoldout {
  const steps = measureHoldout({ ...holdout, ...changes.holdout }, { ...plan, ...changes.plan });
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function buildSample(scores: Float64Array) {
  return { labels, scores, day, days: 20 };
}

describe('measuring a holdout', () => {
  const found = measured();
  const { champion, baseline } = found.counterparts;
  if (champion.kind !== 'measured' || baseline.kind !== 'measured')
    throw new Error('counterparts were not measured');

  test('has each metric of every version, and differences that are positive when the candidate is worse', () => {
    expect(found.metrics.logloss?.estimate).toBeCloseTo(
      computeMetric('logloss', buildSample(worse)),
      12,
    );
    expect(champion.metrics.auc?.estimate).toBeCloseTo(
      computeMetric('auc', buildSample(truth)),
      12,
    );
    expect(champion.increases.logloss?.estimate).toBeCloseTo(
      computeMetric('logloss', buildSample(worse)) - computeMetric('logloss', buildSample(truth)),
      12,
    );
    expect(champion.increases.auc?.estimate).toBeGreaterThan(0);
    expect(baseline.metrics.auc?.estimate).toBe(0.5);
  });

  test('pairs differences by day, so their interval is much narrower than that of either loss', () => {
    const difference = measured({
      holdout: { candidate: truth.map((probability) => probability + 0.001) },
    }).counterparts.champion;
    if (difference.kind !== 'measured') throw new Error('not measured');
    const [paired, single] = [difference.increases.logloss, difference.metrics.logloss];
    if (paired?.kind !== 'measured' || single?.kind !== 'measured') throw new Error('not measured');
    expect(paired.standardError).toBeLessThan(single.standardError / 20);
  });

  test('finds a harmed slice, and pools small groups', () => {
    const slices = champion.slices?.slices ?? [];
    expect(slices.map(({ value, groups, rows: size }) => [value, groups, size])).toEqual([
      ['A', 1, 3900],
      ['C', 1, 2000],
      [null, 2, 100],
    ]);
    expect(slices[0]?.increase.estimate).toBe(0);
    expect(slices[1]?.simultaneous[3]?.lower).toBeGreaterThan(0.3);
  });

  test('is deterministic, with other bounds for another seed', () => {
    expect(canonicalJson(measured())).toBe(canonicalJson(found));
    const other = measured({ plan: { seed: [9, 9, 9, 9] } });
    expect(other.metrics.logloss).not.toEqual(found.metrics.logloss);
    expect(other.metrics.logloss?.estimate).toBe(found.metrics.logloss?.estimate);
  });

  test('yields before each piece of work', () => {
    expect([...measureHoldout(holdout, plan)].length).toBeGreaterThan(12);
  });
});

describe('a measurement is missing (I10)', () => {
  const withNaN = truth.map((probability, row) => (row < 3 ? NaN : probability));

  test('of the candidate, when one row has no score', () => {
    const found = measured({ holdout: { candidate: withNaN } });
    expect(found.metrics.auc).toEqual({
      kind: 'notMeasured',
      reason: 'candidate: 3 of 6000 holdout rows have no finite score',
      estimate: null,
    });
    const { champion } = found.counterparts;
    expect(champion.kind === 'measured' && champion.increases.auc?.kind).toBe('notMeasured');
    expect(champion.kind === 'measured' && champion.metrics.auc?.kind).toBe('measured');
  });

  test('of the difference, when the champion has no score for one row', () => {
    const counterparts = {
      ...holdout.counterparts,
      champion: { kind: 'scored', name: 'flight-delay@1', manifest, scores: withNaN } as const,
    };
    const found = measured({ holdout: { counterparts } });
    const { champion } = found.counterparts;
    expect(found.metrics.logloss?.kind).toBe('measured');
    expect(champion.kind === 'measured' && champion.increases.logloss).toMatchObject({
      kind: 'notMeasured',
      reason: 'flight-delay@1: 3 of 6000 holdout rows have no finite score',
    });
    const slice =
      champion.kind === 'measured'
        ? champion.slices?.slices.find(({ value }) => value === 'A')
        : undefined;
    expect(slice?.increase.kind).toBe('notMeasured');
  });

  test('with fewer than seven days', () => {
    const found = measured({ holdout: { day: day.map((of) => of % 6), days: 6 } });
    expect(found.metrics.logloss).toMatchObject({
      kind: 'notMeasured',
      estimate: expect.any(Number) as number,
    });
    expect(found.metrics.logloss).toHaveProperty(
      'reason',
      'logloss has only 6 days; at least 7 are needed for an interval',
    );
  });

  test('of a slice with rows on few days', () => {
    const codes = origin.map((code, row) => (row < 600 ? 0 : code === 0 ? 1 : code));
    const { champion } = measured({
      holdout: { sliceColumns: { origin: { kind: 'coded', values: airports, codes } } },
    }).counterparts;
    const slice =
      champion.kind === 'measured'
        ? champion.slices?.slices.find(({ value }) => value === 'rare1')
        : undefined;
    expect(slice).toMatchObject({ rows: 600, simultaneous: [], increase: { kind: 'notMeasured' } });
  });

  test('of auc with only one class', () => {
    const found = measured({ holdout: { labels: new Float64Array(rows) } });
    expect([found.metrics.auc?.kind, found.metrics.logloss?.kind]).toEqual([
      'notMeasured',
      'measured',
    ]);
  });

  test('of a metric of another task, a missing column or a missing counterpart', () => {
    const absent = { kind: 'absent', reason: 'no champion yet' } as const;
    const sliceColumns = { origin: { kind: 'missing', reason: 'no such request column' } as const };
    const found = measured({
      holdout: { counterparts: { ...holdout.counterparts, champion: absent }, sliceColumns },
      plan: { metrics: ['rmse', 'logloss'] },
    });
    expect(found.metrics.rmse).toHaveProperty(
      'reason',
      'rmse is a metric of regression, but the task is classification',
    );
    expect(found.counterparts.champion).toEqual(absent);
    const { baseline } = found.counterparts;
    expect(baseline.kind === 'measured' && baseline.slices).toMatchObject({
      slices: [],
      missing: ['origin: no such request column'],
    });
  });
});
