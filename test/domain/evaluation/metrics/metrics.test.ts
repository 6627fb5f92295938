import fc from 'fast-check';
import { computeIncrease } from '../../../../domain/evaluation/metrics/metric';
import { metrics, computeMetric } from '../../../../domain/evaluation/metrics/metrics';
import { selectRows, type ScoredSample } from '../../../../domain/evaluation/metrics/sample';
import {
  classificationMetrics,
  type MetricName,
} from '../../../../domain/evaluation/metrics/names';

const days = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3];
const classes = buildSample(
  [0, 1, 1, 0, 1, 0, 1, 0, 0, 1],
  [0.1, 0.8, 0.6, 0.6, 0.9995, 0.3, 0.2, 0.3, 0.0001, 0.5],
  days,
);
const values = buildSample(
  [3, -0.5, 2, 7, 4.2, 10, 0, 2.5, 3.3, 8],
  [2.5, 0, 2.1, 7.8, 3.9, 9, 1, 2.5, 3, 6],
  days,
);
/** Day 2 not at all, day 3 three times. */
const drawn = [1, 2, 0, 3];

describe('metrics', () => {
  /**
   * scikit-learn 1.9.1, probabilities clipped to [0.001, 0.999] for log_loss; the second figure
   * with sample_weight = the day's count.
   */
  test.each<[MetricName, ScoredSample, number, number]>([
    ['logloss', classes, 0.47735564041508594, 0.36464700571410363],
    ['auc', classes, 0.82, 0.875],
    ['brier', classes, 0.164000026, 0.12400003533333333],
    ['accuracy', classes, 0.8, 0.8666666666666667],
    ['rmse', values, 0.8561541917201596, 1.040512694140089],
    ['mae', values, 0.65, 0.8133333333333332],
    ['r2', values, 0.930193800295224, 0.8805507610230661],
  ])(
    '%s agrees with scikit-learn, also when days count unequally',
    (name, sample, plain, weighted) => {
      expect(computeMetric(name, sample)).toBeCloseTo(plain, 12);
      expect(metrics[name].prepare(sample)(drawn)).toBeCloseTo(weighted, 12);
    },
  );

  test('clipping limits the log loss of a confident error', () => {
    expect(computeMetric('logloss', buildSample([1, 0], [0, 1], [0, 0]))).toBeCloseTo(
      -Math.log(0.001),
      12,
    );
  });

  test.each<[MetricName, string, ScoredSample]>([
    ['auc', 'one class only', buildSample([1, 1], [0.2, 0.3], [0, 1])],
    ['r2', 'equal labels', buildSample([4, 4], [3, 5], [0, 1])],
    ['logloss', 'no rows', buildSample([], [], [])],
  ])('%s is undefined with %s', (name, _case, sample) => {
    expect(computeMetric(name, sample)).toBeNaN();
  });

  test('r2 is precise for large labels', () => {
    const far = buildSample(
      [...values.labels].map((y) => y + 1e8),
      [...values.scores].map((f) => f + 1e8),
      days,
    );
    expect(computeMetric('r2', far)).toBeCloseTo(computeMetric('r2', values), 6);
  });

  test('an increase is positive when the candidate is worse, for every metric', () => {
    const worse = { ...classes, scores: classes.scores.map((score) => 0.5 + 0.2 * (0.5 - score)) };
    for (const name of classificationMetrics) {
      const metric = metrics[name];
      expect(
        computeIncrease(metric, metric.prepare(worse), metric.prepare(classes))([1, 1, 1, 1]),
      ).toBeGreaterThan(0);
    }
  });
});

describe('laws of metrics', () => {
  const anySample = fc
    .array(
      fc.record({
        label: fc.constantFrom(0, 1),
        score: fc.integer({ min: 0, max: 12 }),
        day: fc.integer({ min: 0, max: 4 }),
      }),
      {
        minLength: 1,
        maxLength: 60,
      },
    )
    .map((rows) =>
      buildSample(
        rows.map((row) => row.label),
        rows.map((row) => row.score / 12),
        rows.map((row) => row.day),
        5,
      ),
    );
  const anyWeights = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 5 });

  test('auc is the share of won pairs, weighted by their days', () => {
    fc.assert(
      fc.property(anySample, anyWeights, (sample, weights) => {
        expectSame(metrics.auc.prepare(sample)(weights), pairwiseAuc(sample, weights));
      }),
    );
  });

  test('auc is invariant under increasing transformations and mirrored under decreasing ones', () => {
    fc.assert(
      fc.property(anySample, (sample) => {
        const before = computeMetric('auc', sample);
        expectSame(
          computeMetric('auc', {
            ...sample,
            scores: sample.scores.map((score) => Math.exp(3 * score) - 7),
          }),
          before,
        );
        expectSame(
          computeMetric('auc', { ...sample, scores: sample.scores.map((score) => -score) }),
          1 - before,
        );
      }),
    );
  });

  test('a day with weight n equals n copies of its rows', () => {
    fc.assert(
      fc.property(anySample, anyWeights, (sample, weights) => {
        const repeated = [...sample.day].flatMap((day, row) =>
          Array.from({ length: weights[day] ?? 0 }, () => row),
        );
        const copied = selectRows(sample, Int32Array.from(repeated));
        for (const name of classificationMetrics) {
          expectSame(metrics[name].prepare(sample)(weights), computeMetric(name, copied));
        }
      }),
    );
  });
});

/** Undefined on one side must be undefined on the other. */
function expectSame(found: number, expected: number): void {
  if (Number.isNaN(expected)) expect(found).toBeNaN();
  else expect(found).toBeCloseTo(expected, 10);
}

function buildSample(
  labels: readonly number[],
  scores: readonly number[],
  day: readonly number[],
  count = Math.max(0, ...day) + 1,
): ScoredSample {
  return {
    labels: Float64Array.from(labels),
    scores: Float64Array.from(scores),
    day: Int32Array.from(day),
    days: count,
  };
}

function pairwiseAuc({ labels, scores, day }: ScoredSample, weights: readonly number[]): number {
  let won = 0;
  let pairs = 0;
  for (let p = 0; p < labels.length; p += 1) {
    for (let n = 0; n < labels.length; n += 1) {
      if (labels[p] !== 1 || labels[n] !== 0) continue;
      const weight = (weights[day[p] ?? 0] ?? 0) * (weights[day[n] ?? 0] ?? 0);
      const [high, low] = [scores[p] ?? 0, scores[n] ?? 0];
      won += weight * (high > low ? 1 : high === low ? 0.5 : 0);
      pairs += weight;
    }
  }
  return won / pairs;
}
