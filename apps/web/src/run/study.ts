import type { ShownTrial } from './shown';

/** Inferred from the trial that the registry marked as best; without one, a loss is assumed. */
export function smallerIsBetter(trials: readonly ShownTrial[]): boolean {
  const values = trials
    .filter(({ status }) => status === 'complete')
    .flatMap(({ value }) => (value === null ? [] : [value]));
  const best = trials.find((trial) => trial.best)?.value ?? null;
  if (best === null || values.length === 0) return true;
  return best - Math.min(...values) <= Math.max(...values) - best;
}

/**
 * Spearman's rank correlation of each numeric parameter with the metric, strongest first. It shows
 * what moved with the metric in these trials, and proves no cause.
 */
export function importances(
  complete: readonly ShownTrial[],
): readonly (readonly [name: string, correlation: number])[] {
  if (complete.length < 8) return [];
  const names = Object.keys(complete[0]?.params ?? {});
  const values = ranks(complete.map(({ value }) => value ?? 0));
  return names
    .flatMap((name): (readonly [string, number])[] => {
      const given = complete.map(({ params }) => params[name]);
      if (!given.every((each) => typeof each === 'number')) return [];
      const found = correlation(ranks(given), values);
      return found === null ? [] : [[name, found]];
    })
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
}

function ranks(values: readonly number[]): readonly number[] {
  const order = values.map((_, index) => index).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranked = new Array<number>(values.length).fill(0);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1] ?? 0] === values[order[from] ?? 0])
      to += 1;
    for (let at = from; at <= to; at += 1) ranked[order[at] ?? 0] = (from + to) / 2;
    from = to + 1;
  }
  return ranked;
}

function correlation(a: readonly number[], b: readonly number[]): number | null {
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, squareA, squareB] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const [x, y] = [value - meanA, (b[index] ?? 0) - meanB];
    both += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return squareA === 0 || squareB === 0 ? null : both / Math.sqrt(squareA * squareB);
}
