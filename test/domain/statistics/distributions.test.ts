import fc from 'fast-check';
import {
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from '../../../domain/statistics/distributions';

describe('distributions', () => {
  /** scipy.stats 1.x: norm.ppf */
  test.each([
    [0.001, -3.090232306167813],
    [0.01, -2.3263478740408408],
    [0.5, 0],
    [0.9, 1.2815515655446004],
    [0.97, 1.8807936081512509],
    [0.995, 2.5758293035489004],
  ])('normal quantile at %p', (p, z) => {
    expect(normalQuantile(p)).toBeCloseTo(z, 7);
    expect(normalCdf(z)).toBeCloseTo(p, 6);
  });

  /** scipy.stats: t.ppf */
  test.each([
    [0.97, 1, 10.578894993405626],
    [0.97, 2, 3.896425359761485],
    [0.97, 4, 2.600761995049775],
    [0.975, 6, 2.4469118511449786],
    [0.97, 13, 2.0600380720194007],
    [0.995, 29, 2.756385903670605],
    [0.8, 89, 0.8456785585447603],
    [0.2, 29, -0.8541918819858817],
  ])("Student's t quantile at %p with %p degrees of freedom", (p, degrees, t) => {
    expect(studentQuantile(p, degrees)).toBeCloseTo(t, 4);
  });

  /** scipy.stats: t.cdf */
  test.each([
    [-3, 1, 0.10241638234956672],
    [0.5, 1, 0.6475836176504333],
    [1.2, 2, 0.8234983196103153],
    [-0.7, 3, 0.2671634991523818],
    [2.5, 4, 0.966616727594006],
    [0.8455, 89, 0.7999504445674113],
    [-0.854, 29, 0.2000523114144037],
    [1.7, 30, 0.9502610622057416],
    [0, 7, 0.5],
    [12, 5, 0.9999645525374142],
  ])("Student's t distribution at %p with %p degrees of freedom", (t, degrees, p) => {
    expect(studentCdf(t, degrees)).toBeCloseTo(p, 12);
  });

  test('the normal quantile inverts the distribution', () => {
    fc.assert(
      fc.property(fc.double({ min: -4, max: 4, noNaN: true }), (z) =>
        expect(normalQuantile(normalCdf(z))).toBeCloseTo(z, 3),
      ),
    );
  });

  test('the quantiles at 0 and 1 are infinite', () => {
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
  });
});
