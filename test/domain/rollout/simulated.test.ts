import { rateIn } from '../../support/monte-carlo';
import { policyWith } from '../../support/rollout-policies';
import { simulateRollout, type SimulatedEnd, type SimulatedTraffic } from '../../support/simulated-rollouts';
import { dayEffects, logitNoise, randomOf } from '../../support/simulated-traffic';

// bench/rollout-statistics.ts has the same with more worlds; docs/statistics.md its tables.
const days = { effects: dayEffects.normal(0.017), noise: logitNoise, days: 21 };
const policy = policyWith({ canary: { maxDurationSeconds: 21 * 86_400 } });
const endsOf = (
  worlds: number,
  scenario: number,
  traffic: Pick<SimulatedTraffic, 'mean' | 'pairsPerDay'> & { readonly failing?: number; readonly slow?: number },
) => {
  const ends = Array.from({ length: worlds }, (_, world) =>
    simulateRollout(policy, { ...days, ...traffic }, { random: randomOf(world, scenario), looksPerDay: 4 }),
  );
  return {
    rate: (kind: SimulatedEnd['kind']) => rateIn(worlds, (world) => ends[world]?.kind === kind),
    daysOf: (kind: SimulatedEnd['kind']) =>
      ends
        .filter((end) => end.kind === kind)
        .map((end) => end.days)
        .toSorted((a, b) => a - b),
  };
};

describe('whole rollouts on days that differ (simulated, three weeks, alpha 3 %)', () => {
  test('at the edge of all that is allowed: wrong in no more than alpha, either way', () => {
    const { rate } = endsOf(50, 31, { mean: 0.01, pairsPerDay: 300, failing: 0.01, slow: 0.03 });
    expect(rate('promote').lower).toBeLessThanOrEqual(0.03);
    expect(rate('harm').lower).toBeLessThanOrEqual(0.03);
  });

  test('a challenger that is better by two margins is promoted within days', () => {
    const { rate, daysOf } = endsOf(25, 32, { mean: -0.02, pairsPerDay: 900 });
    expect(rate('promote').rate).toBeGreaterThanOrEqual(0.9);
    // A week in shadow, and a step of five percent that needs 200 requests of 45 a day.
    expect(daysOf('promote')[12]).toBeLessThan(13.5);
  });

  test('one that is worse by five margins is taken back as soon as there are days to tell by, and never promoted', () => {
    const { rate, daysOf } = endsOf(25, 33, { mean: 0.05, pairsPerDay: 900 });
    expect(rate('harm').rate).toBeGreaterThanOrEqual(0.9);
    expect(rate('promote').hits).toBe(0);
    expect(daysOf('harm')[12]).toBeLessThan(9);
  });

  test('one that fails three times as often as is allowed is taken back within the first day', () => {
    const { rate, daysOf } = endsOf(25, 34, { mean: -0.02, pairsPerDay: 900, failing: 0.03 });
    expect(rate('harm').hits).toBe(25);
    expect(daysOf('harm').at(-1)).toBeLessThanOrEqual(3);
    expect(daysOf('harm')[12]).toBeLessThanOrEqual(1);
  });
});
