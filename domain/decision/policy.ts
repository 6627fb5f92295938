import { confidenceAt } from '../evaluation/attempts';
import { confidenceRange } from '../evaluation/gate';
import type { Evidence } from '../evaluation/evidence';
import type { LlmEvidence } from '../language/evaluation/evidence';
import type { LlmGate } from '../language/evaluation/gate';
import type { EvaluateSpec, GateSpec } from './gate-spec';
import { standardLevels } from '../statistics/interval';

/** The rules of an evaluation, stored under the digest of its canonical JSON before it is used. */
interface GatePolicy<Gate> {
  /**
   * Increases when the meaning of a gate changes, so that old decisions keep their rules.
   * Candidates on one holdout or case set share a gate's error (evaluation/attempts.ts).
   */
  readonly version: 2;
  readonly gates: readonly Gate[];
  /** Why there are no gates; null if there are some. */
  readonly ungated: string | null;
}

/** The gates of a model. */
export interface EvaluationPolicy extends GatePolicy<GateSpec> {
  readonly kind: 'evaluation';
  /** The slices of slice gates; null without such a gate, even if slices are measured. */
  readonly slices: EvaluateSpec['slices'];
  /** Evidence with another bound on errors measures something else. Absent: no bound. */
  readonly errorBound?: number;
}

/** The gates of a language application. */
export interface LlmEvaluationPolicy extends GatePolicy<LlmGate> {
  readonly kind: 'llmEvaluation';
  /**
   * How often the gates may be judged while more cases are asked. Bounds that hold for one look
   * share their error among this many.
   */
  readonly looks: number;
}

/** The policy of a model, or that of a language application. */
export type AnyPolicy = EvaluationPolicy | LlmEvaluationPolicy;

/** The measurements of a model or of a language application. */
export type AnyEvidence = Evidence | LlmEvidence;

/** The measurements that a policy judges. */
export type EvidenceFor<Policy extends AnyPolicy> = Extract<
  AnyEvidence,
  { readonly kind: Policy['kind'] }
>;

/** Only the parts that affect the verdict: measuring one more metric is not a new policy. */
export function buildEvaluationPolicy(evaluate: EvaluateSpec): EvaluationPolicy {
  return {
    kind: 'evaluation',
    version: 2,
    gates: evaluate.gates,
    slices: evaluate.gates.some(({ kind }) => kind === 'slice') ? evaluate.slices : null,
    ungated: evaluate.ungated,
    ...(evaluate.errorBound !== undefined && { errorBound: evaluate.errorBound }),
  };
}

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
