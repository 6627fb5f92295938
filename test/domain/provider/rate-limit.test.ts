import fc from 'fast-check';
import { admitRequest, correctRate, type RateState } from '../../../domain/provider/rate-limit';

describe('a rate limit', () => {
  const rate = { perMinute: 600 };

  test('admits a tenth of the rate per minute at once, then one at a time', () => {
    let state: RateState = { freeAtMs: 0 };
    const waits = Array.from({ length: 63 }, () => {
      const admitted = admitRequest(state, rate, 1, 1_000_000);
      state = admitted.state;
      return admitted.waitMs;
    });
    expect(waits.slice(0, 60).every((wait) => wait === 0)).toBe(true);
    expect(waits.slice(60)).toEqual([100, 200, 300]);
  });

  test('lets a request above the burst wait only for earlier ones', () => {
    const large = admitRequest({ freeAtMs: 0 }, rate, 300, 1_000_000);
    expect(large.waitMs).toBe(0);
    expect(admitRequest(large.state, rate, 1, 1_000_000).waitMs).toBe(30_000 + 100 - 6000);
  });

  test('returns the difference if the estimate was too high', () => {
    const { state } = admitRequest({ freeAtMs: 0 }, rate, 300, 1_000_000);
    expect(admitRequest(correctRate(state, rate, -300), rate, 1, 1_000_000).waitMs).toBe(0);
  });

  test('never sends more per minute than the rate and the burst', () => {
    const gaps = fc.array(
      fc.record({ gapMs: fc.nat(300), cost: fc.integer({ min: 1, max: 30 }) }),
      { minLength: 1, maxLength: 400 },
    );
    fc.assert(
      fc.property(gaps, (asks) => {
        let state: RateState = { freeAtMs: 0 };
        let now = 1_000_000;
        const sent = asks.map(({ gapMs, cost }) => {
          now += gapMs;
          const admitted = admitRequest(state, rate, cost, now);
          state = admitted.state;
          return { at: now + admitted.waitMs, cost };
        });
        for (const { at } of sent) {
          const minute = sent
            .filter((each) => each.at >= at && each.at < at + 60_000)
            .reduce((sum, each) => sum + each.cost, 0);
          expect(minute).toBeLessThanOrEqual(600 + 60 + 30);
        }
      }),
      { numRuns: 50 },
    );
  });
});
