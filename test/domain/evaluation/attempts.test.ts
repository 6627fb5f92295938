import { alphaShare, confidenceAt, maxAttempts } from '../../../domain/evaluation/attempts';

describe('the share of the error of each candidate on one holdout', () => {
  test('adds up to at most the whole for any number of candidates', () => {
    for (const attempts of [1, 2, maxAttempts, 1000]) {
      const spent = Array.from({ length: attempts }, (_, index) => alphaShare(index + 1)).reduce(
        (sum, share) => sum + share,
        0,
      );
      expect(spent).toBeLessThanOrEqual(1 + 1e-12);
    }
  });

  test('is large for the first and small for later ones', () => {
    expect([1, 2, 3, 10].map((attempt) => confidenceAt(0.97, attempt))).toEqual([
      0.976, 0.997, 0.999, 0.9999333333,
    ]);
  });
});
