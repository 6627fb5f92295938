import type { CounterpartEvidence, CounterpartName, Evidence } from '../evidence';
import type { AnchorVersion, GateSpec, WhenAbsent } from '../../lifecycle/lifecycle';
import { notMeasured, type GateKind, type GateResult } from './gate';

export interface Comparative {
  readonly kind: Extract<GateKind, 'nonInferiority' | 'superiority' | 'slice'>;
  readonly against: CounterpartName | AnchorVersion;
  readonly whenAbsent: WhenAbsent;
}

/** The fixed versions that gates compare with, each once. */
export function anchorVersions(gates: readonly GateSpec[]): readonly number[] {
  return [
    ...new Set(
      gates.flatMap((gate) =>
        'against' in gate && typeof gate.against === 'object' ? [gate.against.version] : [],
      ),
    ),
  ];
}

type MeasuredCounterpart = Extract<CounterpartEvidence, { readonly kind: 'measured' }>;

/**
 * Whom the candidate is laid beside, or the result when there is nobody. Only a counterpart that
 * does not exist is absent; one that could not be measured fails closed.
 */
export function counterpartFor(
  gate: Comparative,
  evidence: Evidence,
): MeasuredCounterpart | GateResult {
  if (typeof gate.against === 'object') return anchorFor(gate.kind, gate.against, evidence);
  const asked = evidence.counterparts[gate.against];
  if (asked.kind === 'measured') return asked;
  if (asked.kind === 'notMeasured') return notMeasured(gate.kind, `${asked.name}: ${asked.reason}`);
  if (gate.whenAbsent === 'notApplicable') {
    return {
      outcome: 'notApplicable',
      code: `${gate.kind}.notApplicable`,
      message: `no ${gate.against} to compare with: ${asked.reason}`,
    };
  }
  const { baseline } = evidence.counterparts;
  if (baseline.kind === 'measured') return baseline;
  return notMeasured(
    gate.kind,
    gate.against === 'baseline'
      ? `no baseline: ${asked.reason}`
      : `no champion (${asked.reason}) and no baseline in its place (${baseline.reason})`,
  );
}

/**
 * Nothing takes the place of a fixed version: where it could not be measured the gate is
 * inconclusive.
 */
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

export function isResult(found: MeasuredCounterpart | GateResult): found is GateResult {
  return 'outcome' in found;
}
