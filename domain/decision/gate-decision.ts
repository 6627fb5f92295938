import type { GateResult } from '../evaluation/gate';
import type { LlmGate } from '../language/evaluation/gate';
import { findWorst, type Verdict } from '../verdict';
import type { GateKind } from './gates/gate';

/** A gate with its result. The kind `policy` is a rule over all gates, such as the attempts. */
export interface GateDecision extends GateResult {
  readonly gate: string;
  readonly kind: GateKind | LlmGate['kind'] | 'policy';
}

/** Failed if a gate failed, else inconclusive if a gate is (I10), else passed. */
export function joinGates(gates: readonly GateDecision[]): Verdict {
  return {
    kind: findWorst(gates.map(({ outcome }) => outcome)),
    reasons: gates.map(({ gate, outcome, code, message, details }) => ({
      gate,
      code,
      message,
      outcome,
      ...(details !== undefined && { details }),
    })),
  };
}

/** The most cases that an inconclusive gate still needs; null if more cases would not decide. */
export function countMoreCases(gates: readonly GateDecision[]): number | null {
  if (joinGates(gates).kind !== 'inconclusive') return null;
  const needed = gates
    .filter(({ outcome }) => outcome === 'inconclusive')
    .map(({ moreCases = null }) => moreCases);
  return needed.includes(null) ? null : Math.max(...needed.map(Number));
}

/** The result of a rule over all gates. */
export function toPolicyDecision({
  gate = 'policy',
  outcome = 'inconclusive',
  code,
  message,
  details = [],
}: Pick<GateDecision, 'code' | 'message' | 'details'> &
  Partial<Pick<GateDecision, 'gate' | 'outcome'>>): readonly GateDecision[] {
  return [
    {
      gate,
      kind: 'policy',
      outcome,
      code: `policy.${code}`,
      message,
      ...(details.length > 0 && { details }),
    },
  ];
}
