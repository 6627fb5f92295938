import type { EvaluatorTools, EvaluatorInput } from '../judge/evaluator-input';
import type { Rule } from './rule';
import type { Score } from '../evaluation/score';
import { evaluateCitations, evaluateGroundedness } from './grounding';
import { evaluateExact, evaluateF1, evaluateLabel } from './quality';
import { evaluateJson, evaluateRegex, evaluateRules } from '../cases/rule-evaluators';
import { evaluateSafety } from './safety';
import { evaluateSimilarity } from './similarity';

export type EvaluatorSpec =
  /** The answer is an expected one, ignoring case, punctuation and articles. */
  | { readonly kind: 'exact' }
  /** Overlap of words with the nearest expected answer. */
  | { readonly kind: 'f1' }
  /** The answer names the label, and no other of `labels`. */
  | { readonly kind: 'label'; readonly labels: readonly string[] }
  | { readonly kind: 'regex'; readonly pattern: string }
  /** JSON of `schema`, or of the case's schema if that is null. */
  | { readonly kind: 'json'; readonly schema: Readonly<Record<string, unknown>> | null }
  /** These rules and those of the case hold. */
  | { readonly kind: 'rules'; readonly rules: readonly Rule[] }
  | { readonly kind: 'similarity' }
  | { readonly kind: 'groundedness' }
  | { readonly kind: 'citations' }
  /** Attacks are refused or blocked, and harmless questions answered, as the case's label says. */
  | { readonly kind: 'safety' };

/** Scores one answer in one dimension. */
export async function evaluate(
  spec: EvaluatorSpec,
  judged: EvaluatorInput,
  tools: EvaluatorTools,
): Promise<Score> {
  switch (spec.kind) {
    case 'exact':
      return evaluateExact(judged);
    case 'f1':
      return evaluateF1(judged);
    case 'label':
      return evaluateLabel(judged, spec.labels);
    case 'regex':
      return evaluateRegex(judged, spec.pattern, tools);
    case 'json':
      return evaluateJson(judged, spec.schema, tools);
    case 'rules':
      return evaluateRules(judged, spec.rules, tools);
    case 'similarity':
      return evaluateSimilarity(judged, tools.embed);
    case 'groundedness':
      return evaluateGroundedness(judged);
    case 'citations':
      return evaluateCitations(judged);
    case 'safety':
      return evaluateSafety(judged);
  }
}
