import { confidenceAt } from './gates/attempts';
import type { EvaluateSpec, GateSpec } from '../lifecycle/lifecycle';
import { standardLevels } from '../statistics/interval';

/**
 * The rules in force when a candidate is judged; stored under the digest of its canonical JSON
 * before it is acted on.
 */
export interface EvaluationPolicy {
  readonly kind: 'evaluation';
  /**
   * Grows when the meaning of a gate changes, so that an old decision is never explained by new
   * rules. 1: each candidate is judged at the gate's confidence. 2: all candidates on one holdout
   * share the gate's error (gates/attempts.ts).
   */
  readonly version: 1 | 2;
  readonly gates: readonly GateSpec[];
  /** What a slice gate judges; null when no gate does, whatever is measured for information. */
  readonly slices: EvaluateSpec['slices'];
  readonly ungated: string | null;
}

/** Only what bears on the verdict, so that measuring one more metric is no new policy. */
export function policyOf(evaluate: EvaluateSpec): EvaluationPolicy {
  return {
    kind: 'evaluation',
    version: 2,
    gates: evaluate.gates,
    slices: evaluate.gates.some(({ kind }) => kind === 'slice') ? evaluate.slices : null,
    ungated: evaluate.ungated,
  };
}

/**
 * Above this a bound says more of the method than of the data; at 50 % and below it is no bound.
 */
export const confidenceRange = { above: 0.5, most: 0.9995 } as const;

/**
 * The confidence levels at which evidence for this policy needs bounds, rising: the policy's own
 * and the standard ones, and what each of them asks of this attempt on the holdout.
 */
export function levelsFor(policy: EvaluationPolicy, attempt: number): readonly number[] {
  const own = policy.gates.flatMap((gate) => ('confidence' in gate ? [gate.confidence] : []));
  const usable = own.filter(
    (level) => level > confidenceRange.above && level <= confidenceRange.most,
  );
  const asked = [...standardLevels, ...usable];
  return [...new Set([...asked, ...asked.map((level) => confidenceAt(level, attempt))])].sort(
    (a, b) => a - b,
  );
}
