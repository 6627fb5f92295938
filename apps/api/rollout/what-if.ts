import type { z } from 'zod';
import { canarySchema } from '../../../domain/rollout/canary.schema';
import { objectDocument } from '../../../domain/document/document';
import { failure } from '../../../domain/failure';
import { formatIssue } from '../../../domain/document/issue-text';
import type { CanarySpec } from '../../../domain/rollout/canary';
import { llmCanarySchema } from '../../../domain/lifecycle/llm/canary/canary.schema';
import type { RolloutEvidence } from '../../../domain/rollout/judging/evidence';
import { decideWithCanary } from '../../../domain/rollout/judging/other-rules';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import type { RolloutVerdict } from '../../../domain/rollout/judging/verdict';
import { parseWithSchema } from '../../../domain/document/schema-issues.schema';
import type { ReasonOutcome, Verdict } from '../../../domain/verdict';

/** The result of a metric, or a reason that holds the rollout. */
export interface JudgedRule {
  readonly gate: string;
  readonly kind: 'rollout';
  readonly outcome: ReasonOutcome;
  readonly code: string;
  readonly message: string;
  readonly details?: readonly string[];
}

/**
 * Evaluates another canary on a rollout's evidence.
 * @throws InvalidInput if the evidence lacks what that canary measures
 */
export function rolloutWhatIf(policy: RolloutPolicy, evidence: RolloutEvidence, written: unknown) {
  const verdict = decideWithCanary(policy, evidence, readCanary(policy, written));
  if (verdict.kind === 'unknown')
    throw failure('InvalidInput', `the evidence is not sufficient: ${verdict.why.join('; ')}`);
  const gates = verdict.reasons.map(
    ({ gate, code, message, details, outcome = 'inconclusive' }): JudgedRule => ({
      gate,
      kind: 'rollout',
      outcome,
      code,
      message,
      ...(details !== undefined && { details }),
    }),
  );
  return {
    wouldBe: { kind: toVerdictKind(verdict), reasons: verdict.reasons } satisfies Verdict,
    gates,
  };
}

/** Reads the canary by the schema of the rollout's kind of lifecycle. */
function readCanary({ quality, timezone }: RolloutPolicy, written: unknown): CanarySpec {
  return quality.metric.endsWith('-loss')
    ? readWith(llmCanarySchema, written)
    : { ...readWith(canarySchema, written), timezone };
}

function readWith<S extends z.ZodType>(schema: S, written: unknown): z.output<S> {
  const read = parseWithSchema(schema, objectDocument(written, 'canary'));
  if (read.ok) return read.value;
  throw failure('InvalidInput', read.issues.map(formatIssue).join('; '), { issues: read.issues });
}

/** `continue` and `advance` are inconclusive. */
function toVerdictKind({ kind }: RolloutVerdict): Verdict['kind'] {
  if (kind === 'harm') return 'failed';
  return kind === 'promote' ? 'passed' : 'inconclusive';
}
