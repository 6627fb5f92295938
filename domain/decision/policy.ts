import { confidenceAt } from '../evaluation/attempts';
import type { EvaluateSpec, GateSpec } from './gate-spec';
import { standardLevels } from '../statistics/interval';

/** The rules of an evaluation, stored under the digest of its canonical JSON before it is used. */
export interface EvaluationPolicy {
  readonly kind: 'evaluation';
  /**
   * Increases when the meaning of a gate changes, so that old decisions keep their rules.
   * Candidates on one holdout share a gate's error (gates/attempts.ts).
   */
  readonly version: 2;
  readonly gates: readonly GateSpec[];
  /** The slices of slice gates; null without such a gate, even if slices are measured. */
  readonly slices: EvaluateSpec['slices'];
  readonly ungated: string | null;
  /** Evidence with another bound on errors measures something else. Absent: no bound. */
  readonly errorBound?: number;
}

/** Only the parts that affect the verdict: measuring one more metric is not a new policy. */
export function policyOf(evaluate: EvaluateSpec): EvaluationPolicy {
  return {
    kind: 'evaluation',
    version: 2,
    gates: evaluate.gates,
    slices: evaluate.gates.some(({ kind }) => kind === 'slice') ? evaluate.slices : null,
    ungated: evaluate.ungated,
    ...(evaluate.errorBound !== undefined && { errorBound: evaluate.errorBound }),
  };
}

/** Valid confidences: more than a coin toss, and within what resampling can resolve. */
export const confidenceRange = { above: 0.5, max: 0.9995 } as const;

/**
 * The confidence levels that evidence for this policy needs, in increasing order: the policy's and
 * the standard ones, each also for this attempt on the holdout.
 */
export function levelsFor(policy: EvaluationPolicy, attempt: number): readonly number[] {
  const own = policy.gates.flatMap((gate) => ('confidence' in gate ? [gate.confidence] : []));
  const usable = own.filter(
    (level) => level > confidenceRange.above && level <= confidenceRange.max,
  );
  const asked = [...standardLevels, ...usable];
  return [...new Set([...asked, ...asked.map((level) => confidenceAt(level, attempt))])].sort(
    (a, b) => a - b,
  );
}
