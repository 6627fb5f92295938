import type { Digest } from '../../domain/artifact';
import type {
  CounterpartEvidence,
  Evidence,
  Measurement,
  SliceMeasurement,
  SliceSpec,
} from '../../domain/evaluation/evidence';
import type { GateSpec } from '../../domain/decision/gate-spec';
import type { ParityEvidence } from '../../domain/evaluation/parity';
import { confidenceAt } from '../../domain/evaluation/attempts';
import type { EvaluationPolicy } from '../../domain/decision/policy';

export const candidateDigest: Digest = `sha256:${'c'.repeat(64)}`;
const otherDigest: Digest = `sha256:${'d'.repeat(64)}`;

/**
 * Bounds at 90, 97 and 99 %, each a little wider. The levels that a first attempt on a holdout
 * needs instead have the same bounds.
 */
export function measured(
  estimate: number,
  lower: number | null,
  upper: number | null,
): Measurement {
  const bounds = [0.9, 0.97, 0.99].flatMap((confidence, index) =>
    [confidence, confidenceAt(confidence, 1)].map((level) => ({
      level,
      lower: lower === null ? null : lower + (1 - index) * 0.1 * (estimate - lower),
      upper: upper === null ? null : upper - (1 - index) * 0.1 * (upper - estimate),
    })),
  );
  return { kind: 'measured', estimate, standardError: 0.01, bounds, rows: 28_834, days: 30 };
}

export function unmeasured(reason: string): Measurement {
  return { kind: 'notMeasured', reason, estimate: null };
}

export const sliceSpec: SliceSpec = { columns: ['origin'], metric: 'logloss', minRows: 500 };

export function slice(
  value: string,
  increase: Measurement,
  simultaneous?: { lower: number | null; upper: number | null },
): SliceMeasurement {
  const bounds =
    increase.kind === 'measured'
      ? increase.bounds.map((each) => ({ ...each, ...simultaneous }))
      : [];
  return { column: 'origin', value, groups: 1, rows: 900, increase, simultaneous: bounds };
}

export function counterpart(
  name: string,
  increase: Measurement,
  slices: readonly SliceMeasurement[] = [slice('JFK', measured(0.001, -0.01, 0.012))],
): CounterpartEvidence {
  return {
    kind: 'measured',
    name,
    manifest: otherDigest,
    metrics: { logloss: measured(0.55, 0.53, 0.57) },
    increases: { logloss: increase },
    slices: { ...sliceSpec, slices, unjudged: [], missing: [] },
  };
}

export const noChampion: CounterpartEvidence = {
  kind: 'absent',
  reason: 'flight-delay has no champion yet',
};

export const agreeing: Extract<ParityEvidence, { kind: 'measured' }> = {
  kind: 'measured',
  rows: 1000,
  compared: 1000,
  agreeing: 1000,
  tolerance: 0.005,
  maxDifference: 1e-7,
  gateway: 'http://127.0.0.1:8710',
  digestServed: candidateDigest,
};

/** A good candidate beside a champion, the first on its holdout, with all measurements. */
export function evidence(changes: Partial<Evidence> = {}): Evidence {
  return {
    kind: 'evaluation',
    version: 2,
    task: 'classification',
    candidate: candidateDigest,
    assembled: otherDigest,
    attempt: { holdout: otherDigest, number: 1 },
    holdout: {
      rows: 28_834,
      days: 30,
      window: { from: '2013-06-01T00:00:00Z', until: '2013-07-01T00:00:00Z' },
    },
    resampling: { unit: 'day', replicates: 2000, levels: [0.9, 0.92, 0.97, 0.976, 0.99, 0.992] },
    metrics: { auc: measured(0.717, 0.69, 0.74), logloss: measured(0.541, 0.5, 0.58) },
    counterparts: {
      champion: counterpart('flight-delay@1', measured(-0.023, -0.04, -0.008)),
      baseline: counterpart('baseline', measured(-0.09, -0.13, -0.05)),
    },
    parity: agreeing,
    predictions: otherDigest,
    ...changes,
  };
}

export function policy(...gates: readonly GateSpec[]): EvaluationPolicy {
  return { kind: 'evaluation', version: 2, gates, slices: sliceSpec, ungated: null };
}

export const useful: GateSpec = {
  name: 'useful',
  kind: 'threshold',
  metric: 'auc',
  min: 0.62,
  max: null,
  confidence: 0.97,
};
export const noWorse: GateSpec = {
  name: 'no-worse',
  kind: 'nonInferiority',
  metric: 'logloss',
  against: 'champion',
  whenAbsent: 'baseline',
  margin: 0.004,
  confidence: 0.97,
};
export const better: GateSpec = { ...noWorse, name: 'better', kind: 'superiority', margin: 0 };
export const slices: GateSpec = {
  name: 'slices',
  kind: 'slice',
  against: 'champion',
  whenAbsent: 'baseline',
  maxIncrease: 0.03,
  confidence: 0.97,
};
export const parity: GateSpec = {
  name: 'parity',
  kind: 'parity',
  rows: 1000,
  tolerance: 0.005,
  minShare: 0.999,
};
