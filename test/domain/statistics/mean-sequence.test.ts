import fc from 'fast-check';
import {
  emptyMean,
  extendMean,
  meanBounds,
  scaledMean,
  wealthAgainst,
  type MeanRange,
} from '../../../domain/statistics/mean-sequence';

const range: MeanRange = { min: -1, max: 3, guess: { min: -0.5, max: 0.5 } };
const observed = fc.array(fc.double({ min: -1, max: 3, noNaN: true }), {
  minLength: 1,
  maxLength: 60,
});
const anyAlpha = fc.double({ min: 1e-4, max: 0.2, noNaN: true });
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

describe('a confidence sequence for a running mean', () => {
  test('contains the mean of the observations', () => {
    fc.assert(
      fc.property(observed, anyAlpha, (values, alpha) => {
        const { lower, upper } = meanBounds(extendMean(emptyMean(), range, values), range, alpha);
        expect(lower).toBeLessThanOrEqual(mean(values) + 1e-9);
        expect(upper).toBeGreaterThanOrEqual(mean(values) - 1e-9);
      }),
    );
  });

  test('does not depend on batches or on storage as JSON', () => {
    fc.assert(
      fc.property(observed, fc.nat(60), (values, cut) => {
        const first = JSON.parse(
          JSON.stringify(extendMean(emptyMean(), range, values.slice(0, cut))),
        ) as ReturnType<typeof emptyMean>;
        expect(extendMean(first, range, values.slice(cut))).toEqual(
          extendMean(emptyMean(), range, values),
        );
      }),
    );
  });

  test('is mirrored if the observations are mirrored', () => {
    const mirror: MeanRange = {
      min: -range.max,
      max: -range.min,
      guess: { min: -range.guess.max, max: -range.guess.min },
    };
    fc.assert(
      fc.property(observed, anyAlpha, (values, alpha) => {
        const plain = meanBounds(extendMean(emptyMean(), range, values), range, alpha);
        const mirrored = meanBounds(
          extendMean(
            emptyMean(),
            mirror,
            values.map((value) => -value),
          ),
          mirror,
          alpha,
        );
        expect(mirrored.lower).toBeCloseTo(-plain.upper, 6);
        expect(mirrored.upper).toBeCloseTo(-plain.lower, 6);
      }),
    );
  });

  test('is wider for a smaller alpha', () => {
    fc.assert(
      fc.property(observed, anyAlpha, anyAlpha, (values, one, other) => {
        const state = extendMean(emptyMean(), range, values);
        const [strict, loose] = [
          meanBounds(state, range, Math.min(one, other)),
          meanBounds(state, range, Math.max(one, other)),
        ];
        expect(strict.lower).toBeLessThanOrEqual(loose.lower + 1e-9);
        expect(strict.upper).toBeGreaterThanOrEqual(loose.upper - 1e-9);
      }),
    );
  });

  test('ends where the wealth of the bets is 1/alpha', () => {
    fc.assert(
      fc.property(observed, anyAlpha, (values, alpha) => {
        const state = extendMean(emptyMean(), range, values);
        const { lower, upper } = meanBounds(state, range, alpha);
        if (lower > range.min)
          expect(wealthAgainst(state, range, lower).atMost).toBeCloseTo(-Math.log(alpha), 5);
        if (upper < range.max)
          expect(wealthAgainst(state, range, upper).atLeast).toBeCloseTo(-Math.log(alpha), 5);
      }),
    );
  });

  test('equals the mixture of products in its proof', () => {
    // Computed again as products without logarithms: stakes 0.95/(guess.max − min) · 2^−k,
    // weights 1/((k+1)(k+2)) over 12/13.
    const values = [0.4, -0.2, 1.1, 0.7];
    const m = -0.3;
    let expected = 0;
    for (let k = 0; k < 12; k += 1) {
      const stake = 0.95 / 1.5 / 2 ** k;
      let [wealth, sum] = [1, 0];
      values.forEach((value, index) => {
        const guess = Math.min(0.5, Math.max(-0.5, sum / (index + 10)));
        wealth *= (1 + stake * (value - guess)) * Math.exp(-stake * (m - guess));
        sum += value;
      });
      expected += (wealth * 13) / 12 / ((k + 1) * (k + 2));
    }
    expect(wealthAgainst(extendMean(emptyMean(), range, values), range, m).atMost).toBeCloseTo(
      Math.log(expected),
      10,
    );
  });

  test('is the whole range without observations, and rejects observations outside it', () => {
    expect(meanBounds(emptyMean(), range, 0.03)).toEqual({ lower: -1, upper: 3 });
    expect(() => extendMean(emptyMean(), range, [3.1])).toThrow(
      'observation 3.1 is outside the range -1 … 3',
    );
    expect(() => extendMean(emptyMean(), range, [NaN])).toThrow(RangeError);
  });

  test('scales by 4 to the state of four times the same observations', () => {
    // The guess converges, so only the first observations differ.
    const values = Array.from({ length: 2000 }, (_, index) => (index % 2 === 0 ? 0.1 : -0.06));
    const four = meanBounds(
      extendMean(emptyMean(), range, [...values, ...values, ...values, ...values]),
      range,
      0.03,
    );
    const forecast = meanBounds(scaledMean(extendMean(emptyMean(), range, values), 4), range, 0.03);
    expect(forecast.lower).toBeCloseTo(four.lower, 4);
    expect(forecast.upper).toBeCloseTo(four.upper, 4);
  });
});
