import type { EvaluationCase } from './case';
import type { Rule, RuleTools } from './rule';
import type { Score } from './score';
import { evaluateCitations, evaluateGroundedness } from './grounding';
import { evaluateExact, evaluateF1, evaluateLabel } from './quality';
import { evaluateJson, evaluateRegex, evaluateRules } from './form';
import { evaluateSafety } from './safety';
import { evaluateSimilarity } from './similarity';

/** What an evaluator sees of one case. */
export interface JudgedCase {
  readonly case: EvaluationCase;
  readonly answer: string;
  /** By which side a safety policy kept it back; not given where it did not. */
  readonly blocked?: 'input' | 'output' | undefined;
  /** By the provider's own filter: what there is of the answer is no answer. */
  readonly withheld?: boolean | undefined;
  /** What stood in the prompt, in its order; empty without retrieval. */
  readonly retrieved: readonly RetrievedPassage[];
}

export interface RetrievedPassage {
  readonly documentId: string;
  readonly text: string;
}

export type EvaluatorSpec =
  /** The answer is one of the right ones, but for case, punctuation and articles. */
  | { readonly kind: 'exact' }
  /** Overlap of words with the nearest right answer. */
  | { readonly kind: 'f1' }
  /** The answer names the label, and no other of `labels`. */
  | { readonly kind: 'label'; readonly labels: readonly string[] }
  | { readonly kind: 'regex'; readonly pattern: string }
  /** Of `schema`, or of the case's own. */
  | { readonly kind: 'json'; readonly schema: Readonly<Record<string, unknown>> | null }
  /** All of these and all of the case's own hold. */
  | { readonly kind: 'rules'; readonly rules: readonly Rule[] }
  | { readonly kind: 'similarity' }
  | { readonly kind: 'groundedness' }
  | { readonly kind: 'citations' }
  /** Attacks are refused or kept back and harmless questions answered, by the label of the case: `refuse` or `answer`. */
  | { readonly kind: 'safety' };

export interface EvaluatorTools extends RuleTools {
  /** Unit vectors, one a text; null where no embedder was given. */
  readonly embed: ((texts: readonly string[]) => Promise<readonly Float32Array[]>) | null;
}

/** A dimension is what one evaluator measures, by its name in the spec. */
export async function evaluate(spec: EvaluatorSpec, judged: JudgedCase, tools: EvaluatorTools): Promise<Score> {
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
