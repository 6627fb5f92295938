import fc from 'fast-check';
import { addShare, shareBounds } from '../../../domain/statistics/share-sequence';
import { rateIn } from '../../support/rollout/monte-carlo';
import { watchShare } from '../../support/rollout/simulated-sequences';
import { createRandom } from '../../support/rollout/simulated-traffic';

const counted = fc.nat(5000).chain((n) => fc.record({ n: fc.constant(n), events: fc.nat(n) }));

describe('a confidence sequence for a share', () => {
  test('contains the observed share, within 0 and 1', () => {
    fc.assert(
      fc.property(counted, fc.double({ min: 1e-4, max: 0.2, noNaN: true }), (state, alpha) => {
        const { lower, upper } = shareBounds(state, alpha);
        const share = state.n === 0 ? 0.5 : state.events / state.n;
        expect(lower).toBeLessThanOrEqual(share);
        expect(upper).toBeGreaterThanOrEqual(share);
        expect([lower >= 0, upper <= 1]).toEqual([true, true]);
      }),
    );
  });

  test('is mirrored if events are swapped with the others', () => {
    fc.assert(
      fc.property(counted, ({ n, events }) => {
        const [plain, mirrored] = [
          shareBounds({ n, events }, 0.01),
          shareBounds({ n, events: n - events }, 0.01),
        ];
        expect(mirrored.lower).toBeCloseTo(1 - plain.upper, 9);
      }),
    );
  });

  test('rises with each event', () => {
    fc.assert(
      fc.property(counted, (state) => {
        const more = shareBounds(addShare(state, { n: 1, events: 1 }), 0.01);
        expect(more.lower).toBeGreaterThanOrEqual(shareBounds(state, 0.01).lower - 1e-12);
      }),
    );
  });

  test('is 0 to 1 before the first request', () => {
    expect(shareBounds({ n: 0, events: 0 }, 0.01)).toEqual({ lower: 0, upper: 1 });
  });

  test.each([
    ['a challenger that always fails, with a limit of 1 %', 1, 0.01, 0.0025, 4],
    ['a challenger that fails every fifth time', 0.2, 0.01, 0.0025, 60],
    ['a challenger that fails twice as often as allowed', 0.02, 0.01, 0.0025, 6000],
    ['a latency that 6 % of requests exceed, with a limit of 3 %', 0.06, 0.03, 0.0025, 1500],
  ])('detects %s after few requests', (_name, share, limit, alpha, most) => {
    expect(shareBounds({ n: most, events: Math.floor(most * share) }, alpha).lower).toBeGreaterThan(
      limit,
    );
  });
});

describe('false alarms of continuously evaluated bounds (simulated, alpha 3 %, limit 3 %)', () => {
  const worlds = 400;

  test.each([
    ['a constant share of 3 %', 0],
    ['a share that differs between days, 3 % on average', 0.6],
  ])('with %s stay within alpha', (_name, spread) => {
    const alarms = rateIn(worlds, (world) =>
      watchShare(
        { share: 0.03, spread },
        { random: createRandom(world, 11), days: 7, requestsPerDay: 300, alpha: 0.03 },
      ),
    );
    expect(alarms.rate).toBeLessThanOrEqual(0.03);
  });
});
