import type { Evidence } from '../../evaluation/evidence';
import type { GateResult } from '../../evaluation/gate';
import { interval, percent, plain, formatSigned } from '../../format';
import type { Bounds } from '../../statistics/interval';
import { counterpartFor, isGateResult } from './counterpart';
import { increaseFor, metricText } from './measured-metric';
import { neededText, timesNeeded } from './needed-data';
import {
  sampleSizeText,
  boundsAt,
  confidenceNotMeasured,
  correlationTexts,
  notMeasured,
  tooHeavyTail,
  type GateOf,
  type MeasuredValue,
} from './gate';

/**
 * Tests that the candidate is worse by less than `margin`. The paired difference is positive when
 * the candidate is worse. Passes when its upper bound is below the margin, fails when its lower
 * bound is above it, else inconclusive. A candidate that is truly worse by the margin passes with
 * probability 1 − confidence at most. S. Wellek, "Testing Statistical Hypotheses of Equivalence and
 * Noninferiority" (2010), §2; ICH E9, §3.3.2.
 */
export function judgeNonInferiority(
  gate: GateOf<'nonInferiority' | 'superiority'>,
  evidence: Evidence,
): GateResult {
  return judgeDifference(gate, evidence, (bounds) => ({
    demand: `below the ${plain(gate.margin)} margin`,
    shown: bounds.upper !== null && bounds.upper < gate.margin,
    refuted: bounds.lower !== null && bounds.lower > gate.margin,
    limit: gate.margin,
  }));
}

/**
 * Tests that the candidate is better by more than `margin`. Passes when the upper bound is below
 * −margin, fails when the lower bound is not, else inconclusive.
 */
export function judgeSuperiority(
  gate: GateOf<'nonInferiority' | 'superiority'>,
  evidence: Evidence,
): GateResult {
  return judgeDifference(gate, evidence, (bounds) => ({
    demand: gate.margin === 0 ? 'better' : `better by more than ${plain(gate.margin)}`,
    shown: bounds.upper !== null && bounds.upper < -gate.margin,
    refuted: bounds.lower !== null && bounds.lower >= -gate.margin,
    limit: -gate.margin,
  }));
}

interface DifferenceAssessment {
  /** What must be shown, such as `below the 0.01 margin`. */
  readonly demand: string;
  readonly shown: boolean;
  readonly refuted: boolean;
  /** Bounds on one side of it show the demand, and on the other side refute it. */
  readonly limit: number;
}

function judgeDifference(
  gate: GateOf<'nonInferiority' | 'superiority'>,
  evidence: Evidence,
  assess: (bounds: Bounds) => DifferenceAssessment,
): GateResult {
  const counterpart = counterpartFor(gate, evidence);
  if (isGateResult(counterpart)) return counterpart;
  const increase = increaseFor(gate, evidence, counterpart);
  if (increase.kind === 'notMeasured') return notMeasured(gate.kind, increase.reason);
  const bounds = boundsAt(increase.bounds, gate.confidence);
  if (bounds === null) return confidenceNotMeasured(gate.kind, gate.confidence, increase.bounds);
  const { demand, shown, refuted, limit } = assess(bounds);
  const found = describe(metricText(gate), counterpart.name, increase, bounds);
  const details = ['positive is worse', sampleSizeText(increase), ...correlationTexts(increase)];
  const heavy = shown ? tooHeavyTail(gate.kind, found, increase) : null;
  if (heavy !== null) return { ...heavy, details: [...(heavy.details ?? []), ...details] };
  if (shown)
    return {
      outcome: 'passed',
      code: `${gate.kind}.shown`,
      message: `${found}: ${demand}`,
      details,
    };
  if (refuted)
    return {
      outcome: 'failed',
      code: `${gate.kind}.refuted`,
      message: `${found}: not ${demand}`,
      details,
    };
  const needed = neededText(increase, timesNeeded(increase.estimate, bounds, limit));
  return {
    outcome: 'inconclusive',
    code: `${gate.kind}.open`,
    message: `${found}: not shown to be ${demand}; ${needed}`,
    details,
  };
}

/** Positive is worse for every metric, so the text says `worse`: an auc of `+0.01` has fallen. */
function describe(metric: string, name: string, increase: MeasuredValue, bounds: Bounds): string {
  const { estimate } = increase;
  const word = estimate > 0 ? 'worse than' : estimate < 0 ? 'better than' : 'equal to';
  const shown = `${percent(bounds.level)} bounds ${interval(bounds)}`;
  return `${metric} ${formatSigned(estimate)}, ${word} ${name} (${shown})`;
}
