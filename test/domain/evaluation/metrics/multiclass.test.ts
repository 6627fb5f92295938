import fc from 'fast-check';
import {
  classPrediction,
  computeLossDifferences,
  computeLossRange,
  readProbability,
} from '../../../../domain/evaluation/class-prediction';
import { rowLogloss } from '../../../../domain/evaluation/metrics/classification';
import { metrics, computeMetric } from '../../../../domain/evaluation/metrics/metrics';
import { alignClasses, classStatistics } from '../../../../domain/evaluation/metrics/multiclass';
import { selectRows, type ScoredSample } from '../../../../domain/evaluation/metrics/sample';
import { type MetricName, multiclassMetrics } from '../../../../domain/evaluation/metrics/names';

const sample: ScoredSample = {
  labels: Float64Array.from([0, 1, 2, 0, 1, 2, 0, 0, 2, 1]),
  scores: Float64Array.from(
    [
      [0.7, 0.2, 0.1],
      [0.2, 0.5, 0.3],
      [0.1, 0.3, 0.6],
      [0.3, 0.4, 0.3],
      [0.1, 0.8, 0.1],
      [0.5, 0.2, 0.3],
      [0.9, 0.05, 0.05],
      [0.4, 0.3, 0.3],
      [0.0001, 0.0002, 0.9997],
      [0.3, 0.3, 0.4],
    ].flat(),
  ),
  width: 3,
  day: Int32Array.from([0, 0, 0, 1, 1, 1, 2, 2, 3, 3]),
  days: 4,
};
/** Day 2 not at all, day 3 three times. */
const drawn = [1, 2, 0, 3];

describe('metrics of several classes', () => {
  /** scikit-learn 1.9.1; the second figure with sample_weight = the day's count. */
  test.each<[MetricName, number, number]>([
    ['logloss', 0.6418361460422252, 0.6958497321450261],
    ['accuracy', 0.7, 0.5333333333333333],
    ['f1_macro', 0.6944444444444443, 0.49805749805749805],
    ['f1_weighted', 0.7, 0.531002331002331],
  ])('%s agrees with scikit-learn, also when days count unequally', (name, plain, weighted) => {
    expect(computeMetric(name, sample)).toBeCloseTo(plain, 12);
    expect(metrics[name].prepare(sample)(drawn)).toBeCloseTo(weighted, 12);
  });

  test('precision, recall and F1 of a class agree with scikit-learn', () => {
    const [first, second, third] = classStatistics(sample);
    expect([first, second, third].map((each) => each?.precision([1, 1, 1, 1]))).toEqual([
      0.75,
      2 / 3,
      2 / 3,
    ]);
    expect(second?.recall(drawn)).toBeCloseTo(0.5, 12);
    expect(third?.f1(drawn)).toBeCloseTo(0.61538462, 8);
  });

  test('a class without labels and predictions has no F1 and is not part of the mean', () => {
    const fourth = { ...sample, ...withFourthClass(sample) };
    expect(classStatistics(fourth)[3]?.f1([1, 1, 1, 1])).toBeNaN();
    for (const name of multiclassMetrics)
      expect(computeMetric(name, fourth)).toBeCloseTo(computeMetric(name, sample), 12);
  });

  test('log loss of two classes is that of the binary metric', () => {
    const labels = Float64Array.from([1, 0, 1]);
    const day = new Int32Array(3);
    const two = {
      labels,
      scores: Float64Array.from([0.3, 0.7, 0.9, 0.1, 1, 0]),
      width: 2,
      day,
      days: 1,
    };
    expect(computeMetric('logloss', two)).toBeCloseTo(
      computeMetric('logloss', { labels, scores: Float64Array.from([0.7, 0.1, 0]), day, days: 1 }),
      12,
    );
  });

  test('a part of a sample keeps all probabilities of its rows', () => {
    expect([...selectRows(sample, Int32Array.from([2, 0])).scores]).toEqual([
      0.1, 0.3, 0.6, 0.7, 0.2, 0.1,
    ]);
  });
});

describe('a version with other classes', () => {
  const scores = Float64Array.from([0.2, 0.5, 0.3]);

  test('has probability 0 for unknown classes and is wrong when it chose another one', () => {
    expect(alignClasses(scores, ['a', 'b', 'c'], ['c', 'a'])).toEqual({
      scores: Float64Array.from([0.3, 0.2, 0.5]),
      width: 3,
    });
    expect(alignClasses(scores, ['a', 'b', 'c'], ['a', 'b', 'c', 'd'])).toEqual({
      scores: Float64Array.from([0.2, 0.5, 0.3, 0]),
      width: 4,
    });
    const wrong = { labels: Float64Array.from([0]), day: new Int32Array(1), days: 1 };
    expect(
      computeMetric('accuracy', { ...wrong, ...alignClasses(scores, ['a', 'b', 'c'], ['c', 'a']) }),
    ).toBe(0);
  });
});

describe('the range of differences before the label is known', () => {
  const prediction = fc
    .tuple(
      fc.integer({ min: 0, max: 2 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    )
    .map(([from, values]) =>
      classPrediction(
        ['a', 'b', 'c', 'd', 'e'].slice(from, from + 3),
        Float64Array.from(values),
        0,
      ),
    );

  test('contains every class of both predictions, and its ends are reached', () => {
    fc.assert(
      fc.property(prediction, prediction, (champion, challenger) => {
        const { min, max } = computeLossDifferences(champion, challenger);
        const names = [
          ...new Set(
            [champion, challenger].flatMap(({ probabilities }) => Object.keys(probabilities)),
          ),
        ];
        const loss = (of: typeof champion, name: string) =>
          rowLogloss(1, readProbability(of, name));
        const differences = names.map((name) => loss(challenger, name) - loss(champion, name));
        expect(Math.min(...differences)).toBe(min);
        expect(Math.max(...differences)).toBe(max);
        expect(max - min).toBeLessThanOrEqual(2 * -Math.log(0.001));
        const own = computeLossRange(champion);
        for (const name of Object.keys(champion.probabilities)) {
          expect(loss(champion, name)).toBeGreaterThanOrEqual(own.min);
          expect(loss(champion, name)).toBeLessThanOrEqual(own.max);
        }
      }),
    );
  });
});

function withFourthClass({ labels, scores }: ScoredSample): Pick<ScoredSample, 'scores' | 'width'> {
  return {
    width: 4,
    scores: Float64Array.from(
      [...labels].flatMap((_, row) => [...scores.subarray(row * 3, row * 3 + 3), 0]),
    ),
  };
}
