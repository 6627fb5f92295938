/** The policy of `run.decide`, for the evidence of a model or of a language application. */
import type { z } from 'zod';
import { decide } from '../../domain/decision/decide';
import { toGateSpec } from '../../domain/decision/gate.schema';
import type {
  AnyEvidence,
  AnyPolicy,
  EvaluationPolicy,
  LlmEvaluationPolicy,
} from '../../domain/decision/policy';
import type { Verdict } from '../../domain/verdict';
import { invalidInput } from '../../domain/document/issue-text';
import type { LlmEvidence } from '../../domain/language/evaluation/evidence';
import type { LlmGate } from '../../domain/language/evaluation/gate';
import type { AnyDecisionPolicy } from '../../domain/project/decision-policy';
import {
  decisionPolicySchema,
  languageDecisionPolicySchema,
} from '../../domain/project/decision-policy.schema';

interface PolicyDecision {
  readonly policy: AnyPolicy;
  /** @throws Error for evidence that lacks measurements */
  readonly decided: () => Verdict;
}

/** @throws InvalidInput with every error in the gates */
export function decideByPolicy(given: AnyDecisionPolicy, evidence: AnyEvidence): PolicyDecision {
  if (evidence.kind === 'evaluation') {
    const gates = parseGates(decisionPolicySchema, given).map(toGateSpec);
    const policy: EvaluationPolicy = {
      kind: 'evaluation',
      version: 2,
      gates,
      slices: null,
      ungated: null,
      ...(evidence.errorBound !== undefined && { errorBound: evidence.errorBound }),
    };
    return { policy, decided: () => decide(policy, evidence) };
  }
  const gates: readonly LlmGate[] = parseGates(languageDecisionPolicySchema, given);
  assertDimensions(gates, evidence);
  const policy: LlmEvaluationPolicy = {
    kind: 'llmEvaluation',
    version: 2,
    gates,
    looks: 1,
    ungated: null,
  };
  return { policy, decided: () => decide(policy, evidence) };
}

function parseGates<Gate>(
  schema: z.ZodType<{ readonly gates: Gate[] }>,
  given: AnyDecisionPolicy,
): Gate[] {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data.gates;
  throw invalidInput(
    'the policy of run.decide',
    parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.join('/')}`,
      detail: `${path.join('.')}: ${message}`,
    })),
  );
}

/** A gate on a dimension that was not measured would stay inconclusive. */
function assertDimensions(
  gates: readonly LlmGate[],
  { dimensions = {} }: Partial<LlmEvidence>,
): void {
  const known = Object.keys(dimensions);
  const issues = gates.flatMap((gate, index) =>
    'dimension' in gate && !known.includes(gate.dimension)
      ? [
          {
            pointer: `/gates/${index}/dimension`,
            detail: `gates.${index}.dimension: ${gate.dimension} was not measured`,
            expected: `one of ${known.join(', ')}`,
          },
        ]
      : [],
  );
  if (issues.length > 0) throw invalidInput('the policy of run.decide', issues);
}
