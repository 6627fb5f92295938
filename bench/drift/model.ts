import { findBin, type FeatureBins } from '../../domain/monitoring/bins';
import type { LabelledLoss } from '../../domain/monitoring/quality/quality-blocks';
import { rowLogloss } from '../../domain/evaluation/metrics/classification';
import type { Flight } from './flights';

/** The probability that a flight is late. */
export type LateModel = (flight: Flight) => number;

const epochs = 3;

/** A logistic regression on the bins of all features, by stochastic gradient descent. */
export function fitLateModel(flights: readonly Flight[], bins: readonly FeatureBins[]): LateModel {
  const weights = bins.map(() => new Float64Array(64));
  let intercept = -1;
  const logit = (flight: Flight) =>
    bins.reduce(
      (sum, each, index) => sum + (weights[index]?.[findBin(each, flight.values[each.name])] ?? 0),
      intercept,
    );
  const score = (flight: Flight) => 1 / (1 + Math.exp(-logit(flight)));
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    const rate = 0.02 / (1 + epoch);
    // A step over all rows that is coprime to them visits each row once, far from the row before.
    const step = 7919;
    for (let row = 0; row < flights.length; row += 1) {
      const flight = flights[(row * step) % flights.length];
      if (flight?.late == null) continue;
      const error = Number(flight.late) - score(flight);
      intercept += rate * error;
      bins.forEach((each, index) => {
        const held = weights[index];
        const bin = findBin(each, flight.values[each.name]);
        if (held) held[bin] = (held[bin] ?? 0) + rate * error;
      });
    }
  }
  return score;
}

export function labelledLosses(
  flights: readonly Flight[],
  model: LateModel,
): readonly LabelledLoss[] {
  return flights.flatMap((flight) => {
    if (flight.late === null) return [];
    const label = Number(flight.late);
    const score = model(flight);
    return [
      {
        at: new Date(flight.at).toISOString(),
        loss: rowLogloss(label, score),
        bias: score - label,
        score,
        slices: { origin: String(flight.values['origin']) },
      },
    ];
  });
}
