import type { Evidence } from '../evidence';
import { figure, percent, plain } from '../../format';
import {
  basis,
  boundsAt,
  confidenceNotMeasured,
  notMeasured,
  type GateOf,
  type GateResult,
} from './gate';

/**
 * An absolute demand. Passes when the one-sided bound at `confidence` is beyond the limit too, so
 * that a model whose true value misses the limit passes with probability 1 − confidence at most.
 * Fails when already the estimate misses it: the burden of proof is the candidate's, and people
 * read "auc 0.58, minimum 0.62" as a no. In between (good estimate, too little data to be sure) it
 * is inconclusive.
 */
export function judgeThreshold(gate: GateOf<'threshold'>, evidence: Evidence): GateResult {
  const measurement = evidence.metrics[gate.metric];
  if (measurement === undefined)
    return notMeasured('threshold', `${gate.metric} is not in the evidence`);
  if (measurement.kind === 'notMeasured') return notMeasured('threshold', measurement.reason);
  if (gate.min === null && gate.max === null)
    return notMeasured('threshold', 'the gate names neither min nor max');
  const bounds = boundsAt(measurement.bounds, gate.confidence);
  if (bounds === null)
    return confidenceNotMeasured('threshold', gate.confidence, measurement.bounds);

  const { estimate } = measurement;
  const value = `${gate.metric} ${figure(estimate)}`;
  const details = [basis(measurement)];
  if (gate.min !== null && estimate < gate.min) {
    return {
      outcome: 'failed',
      code: 'threshold.missed',
      message: `${value} is under the minimum ${plain(gate.min)}`,
      details,
    };
  }
  if (gate.max !== null && estimate > gate.max) {
    return {
      outcome: 'failed',
      code: 'threshold.missed',
      message: `${value} is over the maximum ${plain(gate.max)}`,
      details,
    };
  }
  const sure =
    (gate.min === null || (bounds.lower !== null && bounds.lower >= gate.min)) &&
    (gate.max === null || (bounds.upper !== null && bounds.upper <= gate.max));
  const limits = [
    ...(gate.min === null
      ? []
      : [
          `minimum ${plain(gate.min)}, ${percent(bounds.level)} lower bound ${figure(bounds.lower)}`,
        ]),
    ...(gate.max === null
      ? []
      : [
          `maximum ${plain(gate.max)}, ${percent(bounds.level)} upper bound ${figure(bounds.upper)}`,
        ]),
  ].join('; ');
  return sure
    ? { outcome: 'passed', code: 'threshold.met', message: `${value} (${limits})`, details }
    : {
        outcome: 'inconclusive',
        code: 'threshold.unproven',
        message: `${value} is within the limit, its bound is not (${limits})`,
        details: [...details, 'a longer holdout would narrow the bound'],
      };
}

/**
 * Kinds that judge a candidate without a counterpart: what must have passed when another gate was
 * not applicable.
 */
export const absoluteGates: readonly string[] = ['threshold'];
