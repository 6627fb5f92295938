import {
  clusterBounds,
  clusteredDifference,
  clusterMean,
  effectiveClusters,
  minEffectiveClusters,
  noClusters,
  noTotal,
  replaceTotal,
  type ClusterState,
} from '../../../domain/statistics/cluster-sequence';
import { seededRandom } from '../../../domain/statistics/random';

const equal = (means: readonly number[], weight = 1): ClusterState =>
  means.reduce(
    (state, mean) => replaceTotal(state, noTotal, { weight, sum: weight * mean }),
    noClusters,
  );
const spread = (n: number, mean: number, deviation: number) =>
  equal(Array.from({ length: n }, (_, index) => mean + (index % 2 === 0 ? deviation : -deviation)));

describe('clusters', () => {
  test('are as many effective ones if their weights are equal', () => {
    expect(effectiveClusters(equal([1, 2, 3, 4], 7))).toBeCloseTo(4);
  });

  test('count as few if one has most of the weight', () => {
    const state = replaceTotal(equal(Array.from({ length: 99 }, () => 0)), noTotal, {
      weight: 99,
      sum: 0,
    });
    expect(state.clusters).toBe(100);
    expect(effectiveClusters(state)).toBeCloseTo(198 ** 2 / (99 + 99 ** 2));
  });

  test('change their total without becoming another cluster', () => {
    const once = replaceTotal(noClusters, noTotal, { weight: 1, sum: 2 });
    const twice = replaceTotal(once, { weight: 1, sum: 2 }, { weight: 2, sum: 5 });
    expect(twice).toEqual(replaceTotal(noClusters, noTotal, { weight: 2, sum: 5 }));
    expect(clusterMean(twice)).toBe(2.5);
  });
});

describe('the difference of two arms', () => {
  test('has the variance of independent means if each observation is a cluster', () => {
    const found = clusteredDifference(spread(400, 0.5, 0.1), spread(200, 0.4, 0.2));
    expect(found?.estimate).toBeCloseTo(0.1);
    expect(found?.variance).toBeCloseTo(0.01 / 399 + 0.04 / 199);
  });

  test('does not become more certain when the same clusters repeat themselves', () => {
    const repeated = (times: number) =>
      clusteredDifference(
        equal(
          Array.from({ length: 100 }, (_, index) => index % 2),
          times,
        ),
        equal(
          Array.from({ length: 100 }, (_, index) => index % 2),
          times,
        ),
      )?.variance;
    expect(repeated(50)).toBeCloseTo(repeated(1) ?? NaN);
  });

  test('has no bounds with few effective clusters', () => {
    const few = spread(minEffectiveClusters - 1, 0, 0.1);
    const enough = spread(minEffectiveClusters, 0, 0.1);
    expect(clusterBounds(few, enough, 0.01)).toBeNull();
    expect(clusterBounds(enough, enough, 0.01)).not.toBeNull();
  });

  test('has wider bounds with fewer clusters and a smaller alpha', () => {
    const width = (n: number, alpha: number) => {
      const bounds = clusterBounds(spread(n, 0, 0.1), spread(n, 0, 0.1), alpha);
      return (bounds?.upper ?? NaN) - (bounds?.lower ?? NaN);
    };
    expect(width(40, 0.01)).toBeGreaterThan(width(400, 0.01));
    expect(width(400, 0.001)).toBeGreaterThan(width(400, 0.01));
    // Also where the level is too small for a table.
    expect(width(1e6, 1e-6)).toBeGreaterThan(0);
    expect(Number.isFinite(width(minEffectiveClusters, 1e-6))).toBe(true);
  });

  test('is ever wrong no more often than stated while clusters grow', () => {
    const worlds = 150;
    let wrong = 0;
    for (let world = 0; world < worlds; world += 1) {
      const random = seededRandom([world, 5, 6, 7]);
      let arms = [noClusters, noClusters];
      // Levels of entities that come back in every round.
      const levels = arms.map(() => Array.from({ length: 60 }, () => random()));
      const totals = levels.map((each) => each.map(() => noTotal));
      for (let round = 0; round < 30; round += 1) {
        arms = arms.map((state, arm) =>
          (levels[arm] ?? []).reduce((sum, level, entity) => {
            const before = totals[arm]?.[entity] ?? noTotal;
            const after = { weight: before.weight + 1, sum: before.sum + level + random() };
            (totals[arm] ?? [])[entity] = after;
            return replaceTotal(sum, before, after);
          }, state),
        );
        const [a = noClusters, b = noClusters] = arms;
        if ((clusterBounds(a, b, 0.05)?.lower ?? -1) > 0) {
          wrong += 1;
          break;
        }
      }
    }
    expect(wrong / worlds).toBeLessThanOrEqual(0.05);
  });
});
