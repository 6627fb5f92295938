import fc from 'fast-check';
import type { MeanRange } from '../../../domain/statistics/mean-sequence';
import {
  emptyRanged,
  extendRanged,
  rangedBounds,
  rangedWealth,
  scaledRanged,
  type RangedValue,
} from '../../../domain/statistics/ranged-sequence';
import { rateIn } from '../../support/rollout/monte-carlo';
import { pairsUntil, watchArrivals, watchBounds } from '../../support/rollout/simulated-rollouts';
import {
  alikePairs,
  boldPairs,
  dayEffects,
  createRandom,
} from '../../support/rollout/simulated-traffic';

const range: MeanRange = { min: -1, max: 3, guess: { min: -0.5, max: 0.5 } };
const inRange = fc.double({ min: -1, max: 3, noNaN: true });
/** Observations with wide and narrow ranges. */
const ranged = fc.tuple(inRange, inRange, inRange).map((three): RangedValue => {
  const [min = 0, value = 0, max = 0] = three.toSorted((a, b) => a - b);
  return { min, value, max };
});
const observed = fc.array(ranged, { minLength: 1, maxLength: 60 });
const anyAlpha = fc.double({ min: 1e-4, max: 0.2, noNaN: true });
const of = (values: readonly RangedValue[]) => extendRanged(emptyRanged(), range, values);

describe('a confidence sequence of observations with individual ranges', () => {
  test('does not depend on batches or on storage as JSON', () => {
    fc.assert(
      fc.property(observed, fc.nat(60), (values, cut) => {
        const first = JSON.parse(JSON.stringify(of(values.slice(0, cut)))) as ReturnType<
          typeof emptyRanged
        >;
        expect(extendRanged(first, range, values.slice(cut))).toEqual(of(values));
      }),
    );
  });

  test('is mirrored if the observations are mirrored', () => {
    const mirror: MeanRange = {
      min: -range.max,
      max: -range.min,
      guess: { min: -range.guess.max, max: -range.guess.min },
    };
    fc.assert(
      fc.property(observed, anyAlpha, (values, alpha) => {
        const plain = rangedBounds(of(values), range, alpha);
        const turned = values.map(({ value, min, max }) => ({
          value: -value,
          min: -max,
          max: -min,
        }));
        const mirrored = rangedBounds(extendRanged(emptyRanged(), mirror, turned), mirror, alpha);
        expect(mirrored.lower).toBeCloseTo(-plain.upper, 6);
        expect(mirrored.upper).toBeCloseTo(-plain.lower, 6);
      }),
    );
  });

  test('is wider for a smaller alpha, and ends where the wealth of the bets is 1/alpha', () => {
    fc.assert(
      fc.property(observed, anyAlpha, anyAlpha, (values, one, other) => {
        const state = of(values);
        const [strict, loose] = [Math.min(one, other), Math.max(one, other)].map((alpha) =>
          rangedBounds(state, range, alpha),
        );
        expect(strict?.lower).toBeLessThanOrEqual((loose?.lower ?? NaN) + 1e-9);
        expect(strict?.upper).toBeGreaterThanOrEqual((loose?.upper ?? NaN) - 1e-9);
        const { lower, upper } = rangedBounds(state, range, one);
        if (lower > range.min)
          expect(rangedWealth(state, range, lower).atMost).toBeCloseTo(-Math.log(one), 5);
        if (upper < range.max)
          expect(rangedWealth(state, range, upper).atLeast).toBeCloseTo(-Math.log(one), 5);
      }),
    );
  });

  test('has factors with a mean of at most 1, whatever the probabilities of both values of a pair', () => {
    fc.assert(
      fc.property(
        ranged,
        observed,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ min, max }, before, chance) => {
          const state = of(before);
          const after = [min, max].map((value) =>
            extendRanged(state, range, [{ value, min, max }]),
          );
          const mean = (1 - chance) * min + chance * max;
          for (const [bet, sign] of [['rising', 1] as const, ['falling', -1] as const]) {
            state[bet].forEach((wealth, index) => {
              const stake = (32 / 4) * 2 ** -index;
              const factors = after.map((each) =>
                Math.exp((each[bet][index] ?? NaN) - wealth - sign * stake * mean),
              );
              expect(
                (1 - chance) * (factors[0] ?? NaN) + chance * (factors[1] ?? NaN),
              ).toBeLessThanOrEqual(1 + 1e-9);
            });
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('does not change by an observation whose range is one point', () => {
    const known = Array.from({ length: 50 }, () => ({ value: 0.2, min: 0.2, max: 0.2 }));
    const { atMost, atLeast } = rangedWealth(of(known), range, 0.2);
    expect(atMost).toBeCloseTo(0, 9);
    expect(atLeast).toBeCloseTo(0, 9);
  });

  test('is the whole range without observations, and rejects observations outside theirs', () => {
    expect(rangedBounds(emptyRanged(), range, 0.03)).toEqual({ lower: -1, upper: 3 });
    expect(() => of([{ value: 0.5, min: 0, max: 0.4 }])).toThrow(
      'observation 0.5 must lie in its range 0 … 0.4',
    );
    expect(() => of([{ value: 3.1, min: 0, max: 4 }])).toThrow(RangeError);
    expect(() => of([{ value: NaN, min: 0, max: 1 }])).toThrow(RangeError);
  });

  test('scales by 4 to the state of four times the same observations', () => {
    const values = Array.from({ length: 2000 }, (_, index) => ({
      value: index % 2 === 0 ? 0.1 : -0.06,
      min: -0.06,
      max: 0.1,
    }));
    const four = rangedBounds(of([...values, ...values, ...values, ...values]), range, 0.03);
    const forecast = rangedBounds(scaledRanged(of(values), 4), range, 0.03);
    expect(forecast.lower).toBeCloseTo(four.lower, 4);
    expect(forecast.upper).toBeCloseTo(four.upper, 4);
  });
});

// bench/rollout/statistics.ts simulates more worlds, and docs/statistics.md has its tables.
describe('false alarms of continuously evaluated bounds (simulated, alpha 3 %)', () => {
  const worlds = 60;
  const alpha = 0.03;
  const watch = (
    scenario: number,
    traffic: Pick<Parameters<typeof watchBounds>[0], 'effects' | 'draw'>,
  ) => {
    const alarms = Array.from({ length: worlds }, (_, world) =>
      watchBounds(
        { mean: 0.01, days: 4, pairsPerDay: 300, ...traffic },
        { random: createRandom(world, scenario), alpha, lookEvery: 10 },
      ),
    );
    return {
      wrong: rateIn(worlds, (world) => alarms[world]?.wrong === true),
      wrongGood: rateIn(worlds, (world) => alarms[world]?.wrongGood === true),
      customary: rateIn(worlds, (world) => alarms[world]?.customary === true),
    };
  };

  test('with independent pairs stay within alpha, unlike a z interval, which fails in one of five', () => {
    const { wrong, wrongGood, customary } = watch(1, {
      effects: dayEffects.none,
      draw: alikePairs,
    });
    expect(wrong.lower).toBeLessThanOrEqual(alpha);
    expect(wrongGood.lower).toBeLessThanOrEqual(alpha);
    expect(customary.lower).toBeGreaterThan(0.1);
  });

  test.each([
    [
      'days that differ by 0.017, as two real models in August',
      dayEffects.normal(0.017),
      alikePairs,
    ],
    ['days that differ by 0.12, as with shuffled labels', dayEffects.normal(0.12), alikePairs],
    ['correlated days', dayEffects.lasting(0.05, 0.4), alikePairs],
    ['days that drift', dayEffects.drifting(0.01), alikePairs],
    ['days with rare storms', dayEffects.storms(0.05), alikePairs],
    ['rare large losses', dayEffects.normal(0.017), boldPairs],
  ])('with %s stay within alpha', (_name, effects, draw) => {
    const { wrong, wrongGood } = watch(2, { effects, draw });
    expect(wrong.lower).toBeLessThanOrEqual(alpha);
    expect(wrongGood.lower).toBeLessThanOrEqual(alpha);
  });
});

test('individual ranges need a half to a third of the pairs that the widest range needs (simulated)', () => {
  const asked = [
    { mean: -0.01, says: 'good' as const, share: 0.5 },
    { mean: 0.06, says: 'harm' as const, share: 0.4 },
  ];
  for (const { share, ...each } of asked) {
    const needed = Array.from({ length: 9 }, (_, world) =>
      pairsUntil({ ...each, limit: 0.01, alpha: 0.005, maxPairs: 6_000 }, createRandom(world, 5)),
    );
    const middle = (of: 'known' | 'widest') =>
      needed.map((each) => each[of] ?? Infinity).toSorted((a, b) => a - b)[4] ?? NaN;
    expect(middle('known')).toBeLessThan(share * middle('widest'));
  }
});

describe.each(['bad', 'good'] as const)(
  'late labels with the %s news first (simulated)',
  (first) => {
    const worlds = 20;
    const alarms = (order: 'turn' | 'arrival') =>
      rateIn(worlds, (world) =>
        watchArrivals({
          order,
          first,
          days: 2,
          pairsPerDay: 1500,
          random: createRandom(world, 4),
          alpha: 0.03,
        }),
      );

    test('stay within alpha if counted in order of event time once due', () => {
      expect(alarms('turn').lower).toBeLessThanOrEqual(0.03);
    });

    test('would be wrong nearly always if counted in order of arrival', () => {
      expect(alarms('arrival').lower).toBeGreaterThan(0.6);
    });
  },
);
