import fc from 'fast-check';
import { addShare, shareBounds } from '../../../domain/statistics/share-sequence';
import { rateIn } from '../../support/rollout/monte-carlo';
import { watchShare } from '../../support/rollout/simulated-sequences';
import { randomOf } from '../../support/rollout/simulated-traffic';

const counted = fc.nat(5000).chain((n) => fc.record({ n: fc.constant(n), events: fc.nat(n) }));

describe('a confidence sequence for a share', () => {
  test('encloses the share that was observed, within 0 and 1', () => {
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

  test('is mirrored when events are', () => {
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

  test('knows nothing before the first request', () => {
    expect(shareBounds({ n: 0, events: 0 }, 0.01)).toEqual({ lower: 0, upper: 1 });
  });

  test.each([
    ['a challenger that always fails, where 1 % is allowed', 1, 0.01, 0.0025, 4],
    ['one that fails every fifth time', 0.2, 0.01, 0.0025, 60],
    ['one that fails twice as often as allowed', 0.02, 0.01, 0.0025, 6000],
    ['a latency that 6 % of the requests exceed, where 3 % may', 0.06, 0.03, 0.0025, 1500],
  ])('%s is found after few requests', (_name, share, limit, alpha, most) => {
    expect(shareBounds({ n: most, events: Math.floor(most * share) }, alpha).lower).toBeGreaterThan(
      limit,
    );
  });
});

describe('false alarms under continuous watching (simulated, alpha 3 %, a share of 3 % allowed)', () => {
  const worlds = 400;

  test.each([
    ['the share is 3 % always', 0],
    ['the share differs from day to day, 3 % on average', 0.6],
  ])(
    '%s: the bound passes the mean of the conditional shares so far in not more than 3 %',
    (_name, spread) => {
      const alarms = rateIn(worlds, (world) =>
        watchShare(
          { share: 0.03, spread },
          { random: randomOf(world, 11), days: 7, requestsPerDay: 300, alpha: 0.03 },
        ),
      );
      expect(alarms.rate).toBeLessThanOrEqual(0.03);
    },
  );
});
