import type { ArtifactRef } from '../dataset/artifact';
import type { DimensionSpec } from '../language/dimension/dimension';
import type { LlmEvidence } from '../language/evaluation/evidence';
import { judgeLlmGate } from '../language/judge/gate';
import type { Verdict } from '../decision/verdict';

/**
 * When answers over a new index may take the place of answers over the one that answers: not much
 * worse, known from the same questions to the same application.
 */
export interface AnswersRule {
  /** The application that is asked, for people. */
  readonly bundle: { readonly model: string; readonly version: number };
  /** JSON: its `ReleaseBundle`. Its prompt, model and settings are asked over either version. */
  readonly manifest: ArtifactRef;
  /** NDJSON, a case a line. */
  readonly cases: ArtifactRef;
  readonly dimensions: readonly DimensionSpec[];
  /** The dimension that decides. */
  readonly quality: string;
  /** How much worse the mean may be. */
  readonly margin: number;
  readonly confidence: number;
  readonly minCases: number;
  /** Share of cases that could not be measured, beyond which nothing was. */
  readonly maxFailures: number;
  /** Questions under way at once. */
  readonly parallel: number;
}

const gate = 'index-answers';

/**
 * As a gate of a bundle's evaluation: the paired difference, with an interval that holds cases
 * without a score at their worst and best.
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

/** Failed when one failed, inconclusive when one could not say; each with its reasons. */
export function bothVerdicts(found: Verdict | null, answered: Verdict | null): Verdict | null {
  if (!found || !answered) return found ?? answered;
  const said = [found.kind, answered.kind];
  const kind = said.includes('failed')
    ? 'failed'
    : said.includes('inconclusive')
      ? 'inconclusive'
      : 'passed';
  return {
    kind,
    reasons: [found, answered].flatMap((each) =>
      each.reasons.map((reason) => ({ ...reason, outcome: each.kind })),
    ),
  };
}

/** Who keeps the cases of a build until its version does. */
export function orderHolder(build: string): string {
  return `index-build:${build}`;
}
