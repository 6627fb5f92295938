import { poissonTailBound, unusuallyFew, unusuallyMany } from '../../../domain/statistics/poisson';

/** P(X ≤ count), by its definition. */
function cdf(count: number, rate: number): number {
  let [term, sum] = [Math.exp(-rate), 0];
  for (let each = 0; each <= count; each += 1) {
    sum += term;
    term *= rate / (each + 1);
  }
  return sum;
}

const rates = [0.5, 3, 11, 40, 200];
const alphas = [0.05, 1e-3, 2e-5];
const cases = rates.flatMap((rate) => alphas.map((alpha) => ({ rate, alpha })));

describe('tails of a Poisson variable', () => {
  test.each(rates)('the bound is never below the tail: rate %p', (rate) => {
    for (let count = 0; count < rate; count += 1)
      expect(poissonTailBound(count, rate)).toBeGreaterThanOrEqual(cdf(count, rate));
    for (let count = Math.ceil(rate); count < 2 * rate + 5; count += 1)
      expect(poissonTailBound(count, rate)).toBeGreaterThanOrEqual(1 - cdf(count - 1, rate));
  });

  test.each(cases)(
    'limits are unusual enough, and hardly more: $rate, $alpha',
    ({ rate, alpha }) => {
      const few = unusuallyFew(rate, alpha);
      if (few === null) expect(Math.exp(-rate)).toBeGreaterThan(alpha);
      else {
        expect(cdf(few, rate)).toBeLessThanOrEqual(alpha);
        expect(poissonTailBound(few + 1, rate)).toBeGreaterThan(alpha);
      }
      const many = unusuallyMany(rate, alpha);
      expect(many).toBeGreaterThan(rate);
      expect(1 - cdf(many - 1, rate)).toBeLessThanOrEqual(alpha);
      if (many - 1 > rate) expect(poissonTailBound(many - 1, rate)).toBeGreaterThan(alpha);
    },
  );

  test('large rates have limits a few standard deviations away', () => {
    const [rate, sd] = [1e9, Math.sqrt(1e9)];
    expect(((unusuallyFew(rate, 2e-5) ?? NaN) - rate) / sd).toBeCloseTo(-4.65, 1);
    expect((unusuallyMany(rate, 2e-5) - rate) / sd).toBeCloseTo(4.65, 1);
  });
});
