import {
  comparePolicies,
  isShownBetter,
  type PolicyDay,
} from '../../../../apps/cli/demo-year/policies';
import { seededRandom } from '../../../../domain/statistics/random';

/** Days whose losses differ by much, while two policies differ by a little on the same day. */
function buildYear(gains: Partial<Record<'never' | 'every' | 'everyHonest', number>>) {
  const random = seededRandom([1, 2, 3, 4]);
  return Array.from({ length: 300 }, (_, index): PolicyDay => {
    const labels = 100 + Math.floor(random() * 100);
    const served = labels * (0.3 + 0.4 * random());
    const other = (gain = 0) => served + labels * (gain + 0.02 * (random() - 0.5));
    return {
      day: new Date(Date.UTC(2013, 1, 1 + index)).toISOString().slice(0, 10),
      labels,
      served,
      never: other(gains.never),
      every: other(gains.every),
      everyHonest: other(gains.everyHonest),
    };
  });
}

test('policies are compared on the same days, with an interval', () => {
  const [never, every, everyHonest] = comparePolicies(buildYear({ never: 0.01, every: -0.01 }));
  expect(never).toMatchObject({ policy: 'never' });
  expect(never?.gain).toBeCloseTo(0.01, 2);
  expect(never?.lower).toBeGreaterThan(0);
  expect(every?.upper).toBeLessThan(0);
  expect(everyHonest?.lower).toBeLessThan(0);
  expect(everyHonest?.upper).toBeGreaterThan(0);
  expect([never, every, everyHonest].map((gain) => gain && isShownBetter(gain))).toEqual([
    false,
    true,
    false,
  ]);
});

test('one day has no interval, so it shows nothing', () => {
  const [gain] = comparePolicies(buildYear({ never: -0.5 }).slice(0, 1));
  expect(gain).toMatchObject({ lower: null, upper: null });
  expect(gain && isShownBetter(gain)).toBe(false);
});
