import { policyWith } from '../../../support/rollout/policies';
import { playMethod, type MethodEnd } from '../../../support/rollout/simulated-methods';
import { alikePairs, dayEffects, createRandom } from '../../../support/rollout/simulated-traffic';

jest.setTimeout(120_000);

const canary = { maxDurationSeconds: 28 * 86_400 };
/** So few that a share of 5 % has them before quality is shown. */
const fewSamples = { minSamples: 50 };
const bandit = policyWith({
  canary: { ...canary, method: 'bandit', steps: [5, 95] },
  test: fewSamples,
});
const fixed = policyWith({ canary: { ...canary, steps: [5] }, test: fewSamples });
const worlds = 20;

/** The ends of a bandit and of a canary of 5 % in the same worlds. */
function bothEnds(mean: number): readonly (readonly [MethodEnd, MethodEnd])[] {
  const traffic = {
    mean,
    effects: dayEffects.normal(0.005),
    draw: alikePairs,
    days: 29,
    pairsPerDay: 300,
  };
  const play = (policy: typeof bandit, world: number) =>
    playMethod(policy, traffic, { random: createRandom(world, 191), looksPerDay: 2 });
  return Array.from({ length: worlds }, (_, world) => [play(bandit, world), play(fixed, world)]);
}
const computeMean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

describe('a bandit in simulated worlds', () => {
  test.each([
    ['better by two margins', -0.02],
    ['as bad as the margin', 0.01],
    ['worse by five margins', 0.05],
  ])('ends like a canary with a fixed share, and as soon: challenger %s', (_what, mean) => {
    for (const [moving, steady] of bothEnds(mean)) {
      expect([moving.kind, moving.days]).toEqual([steady.kind, steady.days]);
    }
  });

  test('gives a better challenger more of the traffic until its promotion', () => {
    const ends = bothEnds(-0.02);
    const [moving, steady] = [0, 1].map((of) =>
      computeMean(ends.map((end) => 1 - end[of as 0 | 1].challengerShare)),
    );
    // The worse champion answers about half as many requests.
    expect(moving).toBeLessThan(0.7 * (steady ?? NaN));
    expect(ends.every(([{ moves, changedEntities }]) => moves > 0 && changedEntities > 0.5)).toBe(
      true,
    );
  });

  test('gives a worse challenger hardly more than its least share', () => {
    const ends = bothEnds(0.02);
    expect(computeMean(ends.map(([{ challengerShare }]) => challengerShare))).toBeLessThan(0.07);
    expect(ends.some(([{ kind }]) => kind === 'promoted')).toBe(false);
  });
});
