import fc from 'fast-check';
import { aggregate, computeBounds } from '../../../../domain/language/evaluation/aggregate';
import { comparePaired } from '../../../../domain/language/evaluation/comparison';
import {
  toFailure,
  notApplicable,
  toScore,
  type Score,
} from '../../../../domain/language/evaluation/score';
import {
  casesToDecide,
  lowestSufficientMean,
  requiredCases,
  assessLimit,
} from '../../../../domain/language/evaluation/sample-size';
import { emptyMean, extendMean } from '../../../../domain/statistics/mean-sequence';
import { seededRandom, type Random } from '../../../../domain/statistics/random';
import { rateIn } from '../../../support/rollout/monte-carlo';

const createRandom = (world: number): Random => seededRandom([world, 7, 1, 4]);
const draw = (random: Random, n: number, share: number) =>
  Array.from({ length: n }, () => toScore(random() < share));

describe('the aggregate of a dimension', () => {
  test('counts failures, at their worst for each bound', () => {
    const scores = [
      ...Array.from({ length: 90 }, () => toScore(1)),
      ...Array.from({ length: 10 }, () => toFailure('timeout')),
      notApplicable,
    ];
    const found = aggregate(scores);
    expect(found).toMatchObject({
      cases: 100,
      failures: 10,
      reasons: { timeout: 10 },
      notApplicable: 1,
      mean: 1,
    });
    const { lower, upper } = computeBounds(found, 0.95);
    expect(lower).toBeLessThan(0.9);
    expect(upper).toBe(1);
    const without = computeBounds(aggregate(scores.slice(0, 90)), 0.95);
    expect(lower).toBeLessThan(without.lower ?? 0);
  });

  test('has bounds of 0 and 1 without cases, or if all cases failed', () => {
    expect(computeBounds(aggregate([]), 0.95)).toMatchObject({ lower: 0, upper: 1 });
    const blind = aggregate(Array.from({ length: 500 }, () => toFailure('down')));
    expect(blind).toMatchObject({ mean: null, failures: 500 });
    const { lower, upper } = computeBounds(blind, 0.95);
    expect([lower, upper]).toEqual([expect.closeTo(0, 6), expect.closeTo(1, 6)]);
  });

  test('does not gain from failures: the interval contains the one without failures', () => {
    const score = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(score, fc.boolean()), { minLength: 1, maxLength: 60 }),
        (drawn) => {
          const known = computeBounds(aggregate(drawn.map(([value]) => toScore(value))), 0.9);
          const partly = computeBounds(
            aggregate(
              drawn.map(([value, isKnown]): Score =>
                isKnown ? toScore(value) : toFailure('lost'),
              ),
            ),
            0.9,
          );
          // The bets of the sequence depend on earlier values, which may move a bound slightly.
          expect(partly.lower ?? 0).toBeLessThanOrEqual((known.lower ?? 0) + 0.02);
          expect(partly.upper ?? 1).toBeGreaterThanOrEqual((known.upper ?? 1) - 0.02);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('has bounds that hold if cases are added until a gate is decided (5 % of 200 simulations may miss)', () => {
    // The true share equals the limit, which is the hardest case: passing is wrong.
    const wrong = rateIn(200, (world) => {
      const random = createRandom(world);
      const range = { min: 0, max: 1 };
      let state = emptyMean();
      for (let look = 0; look < 8; look += 1) {
        const bought = Array.from({ length: look === 0 ? 50 : 100 }, () =>
          random() < 0.8 ? 1 : 0,
        );
        state = extendMean(state, { ...range, guess: range }, bought);
        if (
          assessLimit(
            { worst: state, best: state, range },
            { min: 0.8, max: null, level: 0.95 },
          ) === 'within'
        )
          return true;
      }
      return false;
    });
    expect(wrong.lower).toBeLessThanOrEqual(0.05);
  });

  test('is needed: a normal interval misses far more often with repeated looks', () => {
    const wrong = rateIn(200, (world) => {
      const random = createRandom(world);
      let [n, sum] = [0, 0];
      for (let look = 0; look < 8; look += 1) {
        for (let index = 0; index < (look === 0 ? 50 : 100); index += 1) {
          n += 1;
          sum += random() < 0.8 ? 1 : 0;
        }
        const mean = sum / n;
        if (mean - 1.645 * Math.sqrt((mean * (1 - mean)) / n) >= 0.8) return true;
      }
      return false;
    });
    expect(wrong.lower).toBeGreaterThan(0.07);
  });
});

describe('sample sizes', () => {
  const limit = { min: 0.8, max: null, level: 0.95 };

  test('forecast about how many more cases decide if scores stay alike', () => {
    const open = (scores: readonly Score[], cases: number) =>
      assessLimit(
        aggregate(
          Array.from(
            { length: cases },
            (_, index) => scores[index % scores.length] ?? toFailure(''),
          ),
        ),
        limit,
      ) === 'open';
    const forecasts = Array.from({ length: 30 }, (_, world) => {
      const scores = draw(createRandom(world), 100, 0.9);
      return { scores, more: casesToDecide(aggregate(scores), limit) ?? 0 };
    }).filter(({ more }) => more > 20 && more < 1500);
    expect(forecasts.length).toBeGreaterThan(8);
    // The bets start from an estimate of the first hundred cases, so repeating these exactly is
    // decided slightly earlier or later.
    const late = forecasts
      .filter(({ scores, more }) => open(scores, Math.ceil(1.3 * (100 + more))))
      .map(({ more }) => more);
    const early = forecasts
      .filter(({ scores, more }) => !open(scores, Math.floor(0.7 * (100 + more))))
      .map(({ more }) => more);
    expect({ late, early }).toEqual({ late: [], early: [] });
  });

  test('forecast 0 if decided, and null if the mean equals the limit or failures hide it', () => {
    expect(casesToDecide(aggregate(draw(createRandom(1), 4000, 0.95)), limit)).toBe(0);
    expect(
      casesToDecide(
        aggregate(Array.from({ length: 100 }, (_, index) => toScore(index % 10 < 8))),
        limit,
      ),
    ).toBeNull();
    const hidden = Array.from({ length: 100 }, (_, index) =>
      index % 10 < 7 ? toScore(1) : toFailure('timeout'),
    );
    expect(casesToDecide(aggregate(hidden), limit)).toBeNull();
    expect(casesToDecide(aggregate([]), limit)).toBeNull();
  });

  test('required in advance are enough for about half of all samples', () => {
    const needed = requiredCases({ truth: 0.9, min: 0.8, level: 0.95 });
    expect(needed).toBeGreaterThan(60);
    const shown = rateIn(
      200,
      (world) =>
        assessLimit(aggregate(draw(createRandom(world), needed ?? 0, 0.9)), limit) === 'within',
    );
    expect(shown.rate).toBeGreaterThan(0.35);
    expect(shown.rate).toBeLessThan(0.75);
    expect(requiredCases({ truth: 0.8, min: 0.8, level: 0.95 })).toBeNull();
    expect(requiredCases({ truth: 0.81, min: 0.8, level: 0.95 }) ?? 0).toBeGreaterThan(5000);
  });

  test('give the lowest mean that is enough, and null if even 1 is not', () => {
    const least = lowestSufficientMean({ cases: 300, min: 0.8, level: 0.95 }) ?? 0;
    expect(requiredCases({ truth: least, min: 0.8, level: 0.95 })).toBeLessThanOrEqual(300);
    expect(requiredCases({ truth: least - 0.005, min: 0.8, level: 0.95 })).toBeGreaterThan(300);
    expect(lowestSufficientMean({ cases: 5, min: 0.8, level: 0.95 })).toBeNull();
  });
});

describe('two candidates on the same cases', () => {
  const sides = (world: number, n: number, gain: number) => {
    const random = createRandom(world);
    const pairs = Array.from({ length: n }, () => {
      // A case is equally hard for both.
      const ease = random() < 0.5 ? 0.95 : 0.3;
      return [toScore(random() < ease + gain), toScore(random() < ease)] as const;
    });
    const side = (at: 0 | 1) => new Map(pairs.map((pair, index) => [`c${index}`, pair[at]]));
    return [side(0), side(1)] as const;
  };

  test('have an interval that contains the difference (10 % of 200 simulations may miss)', () => {
    const missed = rateIn(200, (world) => {
      const { lower, upper } = computeBounds(comparePaired(...sides(world, 300, 0)), 0.95);
      return (lower ?? -1) > 0 || (upper ?? 1) < 0;
    });
    expect(missed.lower).toBeLessThanOrEqual(0.1);
  });

  test('do not differ in favour of a candidate that leaves out hard cases', () => {
    const answered: (readonly [string, Score])[] = Array.from({ length: 200 }, (_, index) => [
      `c${index}`,
      toScore(index % 2),
    ]);
    const silent = new Map(
      answered.filter(([, score]) => score.kind === 'scored' && score.value === 1),
    );
    const compared = comparePaired(silent, new Map(answered));
    expect(compared).toMatchObject({
      cases: 200,
      failures: 100,
      reasons: { 'candidate: not asked': 100 },
    });
    expect(computeBounds(compared, 0.95).lower).toBeLessThan(0);
  });
});
