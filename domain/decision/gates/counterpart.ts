import type { CounterpartEvidence, CounterpartName, Evidence } from '../../evaluation/evidence';
import type { GateResult, WhenAbsent } from '../../evaluation/gate';
import type { AnchorVersion, GateSpec } from '../gate-spec';
import { notMeasured, type GateKind } from './gate';

export interface Comparative {
  readonly kind: Extract<GateKind, 'nonInferiority' | 'superiority' | 'slice'>;
  readonly against: CounterpartName | AnchorVersion;
  readonly whenAbsent: WhenAbsent;
}

/** The fixed versions that gates compare with, without duplicates. */
export function anchorVersions(gates: readonly GateSpec[]): readonly number[] {
  return [
    ...new Set(
      gates.flatMap((gate) =>
        'against' in gate && typeof gate.against === 'object' ? [gate.against.version] : [],
      ),
    ),
  ];
}

export type MeasuredCounterpart = Extract<CounterpartEvidence, { readonly kind: 'measured' }>;

/**
 * The version to compare the candidate with, or the gate's result without one. `whenAbsent` applies
 * only when no such version exists; one that could not be measured makes the gate inconclusive.
 */
export function counterpartFor(
  gate: Comparative,
  evidence: Evidence,
): MeasuredCounterpart | GateResult {
  if (typeof gate.against === 'object') return anchorFor(gate.kind, gate.against, evidence);
  const named = evidence.counterparts[gate.against];
  if (named.kind === 'measured') return named;
  if (named.kind === 'notMeasured') return notMeasured(gate.kind, `${named.name}: ${named.reason}`);
  if (gate.whenAbsent === 'notApplicable') {
    return {
      outcome: 'notApplicable',
      code: `${gate.kind}.notApplicable`,
      message: `no ${gate.against} to compare with: ${named.reason}`,
    };
  }
  const { baseline } = evidence.counterparts;
  if (baseline.kind === 'measured') return baseline;
  return notMeasured(
    gate.kind,
    gate.against === 'baseline'
      ? `no baseline: ${named.reason}`
      : `no champion (${named.reason}) and no baseline (${baseline.reason})`,
  );
}

/** A fixed version has no substitute: without a measurement the gate is inconclusive. */
function anchorFor(
  kind: Comparative['kind'],
  { version }: AnchorVersion,
  { anchors = {} }: Evidence,
): MeasuredCounterpart | GateResult {
  const found = anchors[version];
  if (found === undefined) return notMeasured(kind, `version ${version} is not in the evidence`);
  if (found.kind === 'measured') return found;
  return notMeasured(
    kind,
    found.kind === 'absent' ? found.reason : `${found.name}: ${found.reason}`,
  );
}

export function isGateResult(found: MeasuredCounterpart | GateResult): found is GateResult {
  return 'outcome' in found;
}
