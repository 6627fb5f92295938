import type { Evidence } from '../../evaluation/evidence';
import type { GateResult } from '../../evaluation/gate';
import { figure, percent, plain } from '../../format';
import { measurementFor, metricText } from './measured-metric';
import { neededText, timesNeeded } from './needed-data';
import {
  sampleSizeText,
  boundsAt,
  confidenceNotMeasured,
  correlationTexts,
  notMeasured,
  tooHeavyTail,
  type GateOf,
} from './gate';

/**
 * An absolute limit on a metric. Passes when the one-sided bound at `confidence` meets the limit
 * too, so that a model whose true value misses the limit passes with probability 1 − confidence at
 * most. Fails when the estimate misses the limit. Inconclusive when only the estimate meets it.
 */
export function judgeThreshold(gate: GateOf<'threshold'>, evidence: Evidence): GateResult {
  const measurement = measurementFor(gate, evidence);
  if (measurement.kind === 'notMeasured') return notMeasured('threshold', measurement.reason);
  if (gate.min === null && gate.max === null)
    return notMeasured('threshold', 'the gate has neither min nor max');
  const bounds = boundsAt(measurement.bounds, gate.confidence);
  if (bounds === null)
    return confidenceNotMeasured('threshold', gate.confidence, measurement.bounds);

  const { estimate } = measurement;
  const value = `${metricText(gate)} ${figure(estimate)}`;
  const details = [sampleSizeText(measurement), ...correlationTexts(measurement)];
  if (gate.min !== null && estimate < gate.min) {
    return {
      outcome: 'failed',
      code: 'threshold.missed',
      message: `${value} is below the minimum ${plain(gate.min)}`,
      details,
    };
  }
  if (gate.max !== null && estimate > gate.max) {
    return {
      outcome: 'failed',
      code: 'threshold.missed',
      message: `${value} is above the maximum ${plain(gate.max)}`,
      details,
    };
  }
  const sure =
    (gate.min === null || (bounds.lower !== null && bounds.lower >= gate.min)) &&
    (gate.max === null || (bounds.upper !== null && bounds.upper <= gate.max));
  const limits = [
    ...(gate.min === null ? [] : [`minimum ${plain(gate.min)}`]),
    ...(gate.max === null ? [] : [`maximum ${plain(gate.max)}`]),
  ].join(' and the ');
  const shown = [
    ...(gate.min === null ? [] : [`lower bound ${figure(bounds.lower)}`]),
    ...(gate.max === null ? [] : [`upper bound ${figure(bounds.upper)}`]),
  ].join(', ');
  const found = `${value} (${percent(bounds.level)} ${shown})`;
  const times = [gate.min, gate.max]
    .flatMap((limit) => (limit === null ? [] : [timesNeeded(estimate, bounds, limit)]))
    .reduce((most, each) => (most === null || each === null ? null : Math.max(most, each)), 1);
  const heavy = sure ? tooHeavyTail('threshold', found, measurement) : null;
  if (heavy !== null) return { ...heavy, details: [...(heavy.details ?? []), ...details] };
  return sure
    ? {
        outcome: 'passed',
        code: 'threshold.met',
        message: `${found}: meets the ${limits}`,
        details,
      }
    : {
        outcome: 'inconclusive',
        code: 'threshold.unproven',
        message: `${found}: not shown to meet the ${limits}; ${neededText(measurement, times)}`,
        details: [...details, 'a longer holdout narrows the bound'],
      };
}
