import { alphaShare, confidenceAt, mostAttempts } from '../../../../domain/decision/gates/attempts';

describe('what each candidate on one holdout may spend of the error', () => {
  test('adds up to the whole, however many there are', () => {
    for (const attempts of [1, 2, mostAttempts, 1000]) {
      const spent = Array.from({ length: attempts }, (_, index) => alphaShare(index + 1)).reduce(
        (sum, share) => sum + share,
        0,
      );
      expect(spent).toBeLessThanOrEqual(1 + 1e-12);
    }
  });

  test('takes little from the first and much from those after it', () => {
    expect([1, 2, 3, 10].map((attempt) => confidenceAt(0.97, attempt))).toEqual([
      0.976, 0.997, 0.999, 0.9999333333,
    ]);
  });
});
