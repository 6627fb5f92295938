import { rateIn } from '../../../support/rollout/monte-carlo';
import { byEarlierRules } from '../../../support/rollout/earlier-rules';
import { policyWith } from '../../../support/rollout/policies';
import {
  playRollout,
  simulateRollout,
  type SimulatedEnd,
  type SimulatedRollout,
} from '../../../support/rollout/simulated-rollouts';
import { alikePairs, dayEffects, createRandom } from '../../../support/rollout/simulated-traffic';

// bench/rollout/statistics.ts has the same with more worlds; docs/statistics.md its tables.
const policy = policyWith({ canary: { maxDurationSeconds: 31 * 86_400 } });
const month = { effects: dayEffects.normal(0.017), draw: alikePairs, days: 31, pairsPerDay: 300 };
const looksPerDay = 2;
const summarizeRates = (ends: readonly SimulatedEnd[]) => ({
  rate: (kind: SimulatedEnd['kind']) => rateIn(ends.length, (world) => ends[world]?.kind === kind),
  /** Days of serving. */
  daysUntil: (kind: SimulatedEnd['kind']) =>
    ends
      .filter((end) => end.kind === kind)
      .map(({ days, shadowDays }) => days - shadowDays)
      .toSorted((a, b) => a - b),
});
const simulateEnds = (
  worlds: number,
  scenario: number,
  traffic: Partial<SimulatedRollout> & { readonly mean: number },
) =>
  summarizeRates(
    Array.from({ length: worlds }, (_, world) =>
      simulateRollout(
        policy,
        { ...month, ...traffic },
        { random: createRandom(world, scenario), looksPerDay },
      ),
    ),
  );
const simulateEarlierEnds = (
  worlds: number,
  scenario: number,
  traffic: Partial<SimulatedRollout> & { readonly mean: number },
) =>
  summarizeRates(
    Array.from({ length: worlds }, (_, world) =>
      playRollout(
        byEarlierRules(policy),
        { ...month, ...traffic },
        { random: createRandom(world, scenario), looksPerDay },
      ),
    ),
  );
const alpha = 0.03;

describe('whole rollouts of a month on days that differ (simulated, alpha 3 %)', () => {
  test.each([
    ['days differ by 0.017', {}],
    ['consecutive days correlate (0.4)', { effects: dayEffects.lasting(0.017, 0.4) }],
    [
      'weekends are worse',
      {
        effects: dayEffects.normal(0.004),
        week: [-0.01, -0.01, -0.01, -0.01, -0.01, 0.025, 0.025],
      },
    ],
  ])('are decided within alpha at the limits of all rules, if %s', (_name, traffic) => {
    const { rate } = simulateEnds(40, 31, { mean: 0.01, failing: 0.01, slow: 0.03, ...traffic });
    expect(rate('promote').lower).toBeLessThanOrEqual(alpha);
    expect(rate('harm').lower).toBeLessThanOrEqual(alpha);
  });

  test.each([1, 2, 5])(
    'promote within alpha if the shadow is 2 margins better and serving %d worse',
    (margins) => {
      const traffic = { mean: -0.02, servingMean: 0.01 * margins };
      expect(simulateEnds(25, 35, traffic).rate('promote').lower).toBeLessThanOrEqual(alpha);
      // Version 1 of the rules counted shadow and serving together, and promoted all but the
      // greatest harm.
      if (margins <= 2)
        expect(simulateEarlierEnds(25, 35, traffic).rate('promote').rate).toBeGreaterThan(0.3);
    },
  );

  test('find harm of five margins while serving within the first days', () => {
    const { rate, daysUntil } = simulateEnds(25, 36, {
      mean: -0.02,
      servingMean: 0.05,
      pairsPerDay: 900,
    });
    expect(rate('harm').rate).toBeGreaterThanOrEqual(0.9);
    expect(daysUntil('harm')[12]).toBeLessThan(5);
  });

  test('promote a challenger that is better by two margins within the month', () => {
    const { rate } = simulateEnds(20, 32, { mean: -0.02, pairsPerDay: 900 });
    expect(rate('promote').rate).toBeGreaterThanOrEqual(0.7);
  });

  test('find harm of five margins after a week, and never promote', () => {
    const { rate } = simulateEnds(20, 33, { mean: 0.05 });
    expect(rate('harm').rate).toBeGreaterThanOrEqual(0.9);
    expect(rate('promote').hits).toBe(0);
  });

  test('find three times the allowed failures within the first days', () => {
    const { rate, daysUntil } = simulateEnds(20, 34, {
      mean: -0.02,
      pairsPerDay: 900,
      failing: 0.03,
    });
    expect(rate('harm').hits).toBe(20);
    expect(daysUntil('harm').at(-1)).toBeLessThanOrEqual(3);
  });
});
