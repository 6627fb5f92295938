import { asymptoticRadius } from '../../../domain/statistics/asymptotic-sequence';
import { seededRandom } from '../../../domain/statistics/random';
import { rateIn } from '../../support/rollout/monte-carlo';

test('the width shrinks like the standard error, and grows with the certainty', () => {
  const at = (rows: number, alpha = 0.01) => asymptoticRadius({ rows, variance: 4 }, alpha);
  expect(at(50) / (2 / Math.sqrt(50))).toBeLessThan(4);
  expect(at(5000)).toBeLessThan(at(50) / 8);
  expect(at(50, 1e-6)).toBeGreaterThan(1.5 * at(50));
  expect(asymptoticRadius({ rows: 50, variance: 0 }, 0.01)).toBe(0);
});

test('a mean leaves it as rarely as stated, at any look from the 20th', () => {
  const alpha = 0.05;
  const { lower } = rateIn(1_000, (seed) => {
    const random = seededRandom([seed, 3, 5, 7]);
    let [rows, sum, squares] = [0, 0, 0];
    for (; rows < 500;) {
      // Uniform, with a mean of 1.
      const value = 2 * random();
      [rows, sum, squares] = [rows + 1, sum + value, squares + value ** 2];
      if (rows < 20) continue;
      const mean = sum / rows;
      const variance = squares / rows - mean ** 2;
      if (Math.abs(mean - 1) > asymptoticRadius({ rows, variance }, alpha)) return true;
    }
    return false;
  });
  expect(lower).toBeLessThanOrEqual(alpha);
});
