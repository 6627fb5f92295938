import { weightedSum } from '../../../domain/metrics/mean-loss';
import { dayResamples, type DayStatistic } from '../../../domain/statistics/day-resamples';
import { normalQuantile } from '../../../domain/statistics/distributions';
import { dayInterval } from '../../../domain/statistics/interval';
import { seededRandom } from '../../../domain/statistics/random';
import { jointDeviations } from '../../../domain/statistics/simultaneous';

const random = seededRandom([9, 8, 7, 6]);
const gauss = () => normalQuantile(random() + 2 ** -33);

describe('simultaneous bounds', () => {
  test('hold for all twelve groups at once in 97 % of simulated months, where bounds of each group alone fail in every fifth', () => {
    const trials = 250;
    let [joint, alone] = [0, 0];
    for (let trial = 0; trial < trials; trial += 1) {
      const bounds = boundsOf(groupsOfAMonth(12, 0.3), trial);
      joint += bounds.some(({ together }) => (together.lower ?? 0) > 0) ? 1 : 0;
      alone += bounds.some(({ own }) => (own?.lower ?? 0) > 0) ? 1 : 0;
    }
    expect(joint / trials).toBeLessThan(0.055);
    expect(alone / trials).toBeGreaterThan(0.15);
  });

  test('are hardly wider than single ones for groups that move together, and wider for groups that do not', () => {
    const width = (shared: number) => {
      const [first] = boundsOf(groupsOfAMonth(12, shared), 1);
      if (!first?.own) throw new Error('no bounds');
      return ((first.together.upper ?? NaN) - first.estimate) / ((first.own.upper ?? NaN) - first.estimate);
    };
    expect(width(1)).toBeGreaterThan(0.8);
    expect(width(1)).toBeLessThan(1.2);
    expect(width(0)).toBeGreaterThan(1.3);
  });

  test('of a constant are that constant, and it does not widen the others', () => {
    const [noisy] = groupsOfAMonth(1, 0);
    const constant = new Array<number>(30).fill(2);
    const both = boundsOf([noisy ?? [], constant], 1);
    expect(both[1]?.together).toEqual({ level: 0.97, lower: 2, upper: 2 });
    expect(both[0]?.together).toEqual(boundsOf([noisy ?? []], 1)[0]?.together);
  });
});

/** Mean 0 a group; `shared` is how much of its day all groups share. */
function groupsOfAMonth(groups: number, shared: number): readonly (readonly number[])[] {
  const days = Array.from({ length: 30 }, gauss);
  return Array.from({ length: groups }, () => days.map((day) => Math.sqrt(shared) * day + Math.sqrt(1 - shared) * gauss()));
}

function boundsOf(groups: readonly (readonly number[])[], trial: number) {
  const resamples = dayResamples({ days: 30, replicates: 1000, seed: [trial, 1, 2, 3] });
  const joint = jointDeviations({ replicates: 1000, days: 30 });
  const drawn = groups.map((values) => {
    const found = dayInterval({ statistic: meanOf(values), resamples, levels: [0.97], days: 30 });
    if (found === null) throw new Error('no interval');
    joint.add(found);
    return found.interval;
  });
  const together = joint.bounds();
  return drawn.map((interval) => ({ estimate: interval.estimate, own: interval.bounds[0], together: together(interval, 0.97) }));
}

function meanOf(values: readonly number[]): DayStatistic {
  const held = Float64Array.from(values);
  return (weights) => weightedSum(weights, held) / 30;
}
