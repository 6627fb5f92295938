/** Studies with several objectives: the Pareto front, and the trial that is chosen from it. */
import type { Objective, TuneSpec } from './tune-spec';
import type { Trial } from './tuning';
import { bestTrial } from './tuning';

type Objectives = Pick<TuneSpec, 'metric' | 'direction' | 'objectives' | 'choose'>;
type MeasuredTrial = Trial & { readonly value: number };

/** All objectives of a study, the first of which is confirmed. */
export function listObjectives({
  metric,
  direction,
  objectives,
}: Objectives): readonly Objective[] {
  return objectives ?? [{ metric, direction }];
}

/**
 * The trial whose parameters are trained in full; null when no trial is complete. With one
 * objective it is the best trial. With several it is on the Pareto front: with `first` the best in
 * the first objective, with `balanced` the nearest to the ideal point, after each objective is
 * scaled to 0 … 1 over the front. The lowest number wins among equal trials.
 */
export function chosenTrial(trials: readonly Trial[], tune: Objectives): MeasuredTrial | null {
  if (!tune.objectives) return bestTrial(trials, tune.direction);
  const front = paretoFront(trials, tune.objectives);
  if (tune.choose === 'first') return bestTrial(front, tune.direction);
  const costs = front.map((trial) => toCosts(trial, tune.objectives ?? []));
  const scaled = costs.map((each) =>
    each.map((cost, objective) =>
      scaledIn(
        costs.map((other) => other[objective] ?? 0),
        cost,
      ),
    ),
  );
  const distances = scaled.map((each) => Math.hypot(...each));
  const nearest = distances.indexOf(Math.min(...distances));
  return front[nearest] ?? null;
}

/** The complete trials that no other one beats in an objective without losing in another. */
export function paretoFront(
  trials: readonly Trial[],
  objectives: readonly Objective[],
): readonly MeasuredTrial[] {
  const measured = trials.flatMap((trial) =>
    trial.status === 'complete' && trial.value !== null && trial.values !== null
      ? [{ ...trial, value: trial.value, costs: toCosts(trial, objectives) }]
      : [],
  );
  return measured
    .filter(({ costs }) => !measured.some((other) => dominates(other.costs, costs)))
    .map(({ costs: _, ...trial }) => trial);
}

/** Lower is better in each. */
function toCosts({ values }: Trial, objectives: readonly Objective[]): readonly number[] {
  return objectives.map(({ direction }, index) => {
    const value = values?.[index] ?? NaN;
    return direction === 'minimize' ? value : -value;
  });
}

function dominates(a: readonly number[], b: readonly number[]): boolean {
  return (
    a.every((cost, index) => cost <= (b[index] ?? NaN)) &&
    a.some((cost, index) => cost < (b[index] ?? NaN))
  );
}

function scaledIn(all: readonly number[], cost: number): number {
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return high === low ? 0 : (cost - low) / (high - low);
}
