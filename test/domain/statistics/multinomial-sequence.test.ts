import { logEvidenceAgainstShares } from '../../../domain/statistics/multinomial-sequence';
import { seededRandom } from '../../../domain/statistics/random';
import { wilsonBounds } from '../../../domain/statistics/wilson';

const shares = [0.25, 0.25, 0.5];

/** Whether the test is ever above 1/alpha, evaluated after every observation. */
function everExceeds(world: number, drawn: readonly number[], n: number, alpha: number) {
  const random = seededRandom([world, n, 0x51f15e, 7]);
  const counts = shares.map(() => 0);
  for (let index = 0; index < n; index += 1) {
    let point = random();
    const arm = drawn.findIndex((share) => (point -= share) < 0);
    const place = arm === -1 ? drawn.length - 1 : arm;
    counts[place] = (counts[place] ?? 0) + 1;
    const log = logEvidenceAgainstShares(
      shares.map((share, each) => ({ share, n: counts[each] ?? 0 })),
    );
    if (log >= -Math.log(alpha)) return index + 1;
  }
  return null;
}

describe('the test of planned shares', () => {
  test('is 1 before any observation, and has mean 1 after the next one', () => {
    expect(logEvidenceAgainstShares(shares.map((share) => ({ share, n: 0 })))).toBeCloseTo(0, 9);
    const seen = [40, 70, 60];
    const at = (added: number) =>
      logEvidenceAgainstShares(
        shares.map((share, arm) => ({ share, n: (seen[arm] ?? 0) + Number(arm === added) })),
      );
    const next = shares.reduce((sum, share, arm) => sum + share * Math.exp(at(arm)), 0);
    expect(next).toBeCloseTo(Math.exp(at(-1)), 9);
  });

  test('is wrong in at most alpha of the worlds, evaluated after each of 1,000 observations', () => {
    const worlds = 200;
    const wrong = Array.from({ length: worlds }, (_, world) =>
      everExceeds(world, shares, 1_000, 0.05),
    ).filter((found) => found !== null).length;
    expect(wilsonBounds({ events: wrong, n: worlds }, 0.99).lower).toBeLessThan(0.05);
    expect(wrong / worlds).toBeLessThan(0.1);
  });

  test('finds an arm that loses a tenth of its entities within some thousand observations', () => {
    const lossy = [0.225 / 0.975, 0.25 / 0.975, 0.5 / 0.975];
    const found = Array.from({ length: 8 }, (_, world) => everExceeds(world, lossy, 20_000, 0.01));
    expect(found.filter((n) => n !== null).length).toBeGreaterThanOrEqual(7);
  });
});
