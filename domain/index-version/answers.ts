import type { ArtifactRef } from '../artifact';
import type { DimensionSpec } from '../language/dimension/dimension';
import type { LlmEvidence } from '../language/evaluation/evidence';
import { judgeLlmGate } from '../language/judge/gate';
import type { Verdict } from '../verdict';

/**
 * The rule for answers over a new index version: they may be at most `margin` worse than over the
 * current one, measured with the same cases and the same application.
 */
export interface AnswersRule {
  /** The application, for display. */
  readonly bundle: { readonly model: string; readonly version: number };
  /** JSON: its `ReleaseBundle`, whose prompt, model and settings answer over both versions. */
  readonly manifest: ArtifactRef;
  /** NDJSON, one case per line. */
  readonly cases: ArtifactRef;
  readonly dimensions: readonly DimensionSpec[];
  /** The dimension that decides. */
  readonly quality: string;
  /** How much worse the mean may be. */
  readonly margin: number;
  readonly confidence: number;
  readonly minCases: number;
  /** Largest share of cases that may fail; above it the result is `inconclusive`. */
  readonly maxFailures: number;
  /** Concurrent questions. */
  readonly parallel: number;
}

const gate = 'index-answers';

/**
 * Applies a gate of a bundle's evaluation to the paired difference. Cases without a score count as
 * the worst and the best case in the interval.
 */
export function decideAnswers(
  { quality: dimension, margin, confidence, minCases, maxFailures }: AnswersRule,
  evidence: LlmEvidence,
): Verdict {
  const common = { name: gate, confidence, minCases, maxFailures } as const;
  const rule = {
    ...common,
    kind: 'nonInferiority',
    dimension,
    against: 'champion',
    whenAbsent: 'notApplicable',
    margin,
  } as const;
  const { outcome, code, message } = judgeLlmGate(rule, evidence);
  return answersVerdict(outcome === 'notApplicable' ? 'inconclusive' : outcome, code, message);
}

export function answersVerdict(kind: Verdict['kind'], code: string, message: string): Verdict {
  return { kind, reasons: [{ gate, code, message }] };
}

/** The holder of a build's artifacts until the index version holds them. */
export function buildHolder(build: string): string {
  return `index-build:${build}`;
}
