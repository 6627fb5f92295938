import fc from 'fast-check';
import { requestLoss } from '../../../../domain/rollout/judging/loss';

const scores = fc.double({ min: -2, max: 3, noNaN: true });
const errors = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe('the possible differences of a pair before its label is known', () => {
  test.each(['logloss', 'brier'] as const)('%s: the differences for both labels', (metric) => {
    const loss = requestLoss({ metric, bound: null });
    fc.assert(
      fc.property(scores, scores, fc.constantFrom(0, 1), (champion, challenger, label) => {
        const { min, max } = loss.computeDifferences({ champion, challenger, sameAnswer: false });
        const difference = loss.of(label, challenger) - loss.of(label, champion);
        expect([min, max]).toContain(difference);
        expect(min).toBeGreaterThanOrEqual(loss.min - loss.max);
        expect(max).toBeLessThanOrEqual(loss.max - loss.min);
        const own = loss.computeRange(champion);
        expect([own.min, own.max]).toContain(loss.of(label, champion));
      }),
    );
  });

  test('mae: at most the distance of the forecasts, including rounding', () => {
    const loss = requestLoss({ metric: 'mae', bound: 600 });
    fc.assert(
      fc.property(errors, errors, errors, fc.boolean(), (champion, apart, label, isClose) => {
        const challenger = isClose ? champion + apart * 1e-9 : apart;
        const { min, max } = loss.computeDifferences({ champion, challenger, sameAnswer: false });
        const difference = loss.of(label, challenger) - loss.of(label, champion);
        expect(difference).toBeGreaterThanOrEqual(min);
        expect(difference).toBeLessThanOrEqual(max);
        expect(max).toBeLessThanOrEqual(600);
      }),
      { numRuns: 2_000 },
    );
    expect(
      loss.computeDifferences({ champion: Infinity, challenger: Infinity, sameAnswer: false }),
    ).toEqual({ min: -600, max: 600 });
    expect(
      loss.computeDifferences({ champion: 10, challenger: 12, sameAnswer: false }).max,
    ).toBeCloseTo(2, 6);
  });

  test('answers: 0 if both versions gave the same answer, otherwise everything', () => {
    const loss = requestLoss({ metric: 'f1-loss', bound: null });
    expect(loss.computeDifferences({ champion: 0.3, challenger: 0.3, sameAnswer: true })).toEqual({
      min: -0,
      max: 0,
    });
    expect(loss.computeDifferences({ champion: 0.3, challenger: 0.3, sameAnswer: false })).toEqual({
      min: -1,
      max: 1,
    });
  });
});
