import { z } from 'zod';
import { digestOf } from '../../data/digest';
import type { Registry } from '../../db/registry';
import type { Digest } from '../../domain/dataset/artifact';
import { decide } from '../../domain/decision/decide';
import type { Evidence } from '../../domain/decision/evidence';
import { gateOf, gateSchema } from '../../domain/decision/gate.schema';
import type { EvaluationPolicy } from '../../domain/decision/policy';
import type { DecisionRef, Verdict } from '../../domain/decision/verdict';
import { invalidInput } from '../../domain/document/issue-text';
import { failure } from '../../domain/failure';
import type { DecisionPolicy } from '../../domain/project/decision-policy';
import type { RunEffectRef } from '../../domain/run/run';

export interface DecideDeps {
  readonly registry: Pick<Registry, 'decisions' | 'evidence'>;
}

interface DecideInput extends RunEffectRef {
  readonly stage: string;
  readonly policy: DecisionPolicy;
  /** Measurements, or the digest of stored ones. */
  readonly evidence: Evidence | Digest;
}

export function createDecideActivities({ registry }: DecideDeps) {
  return {
    /**
     * Applies a policy to evidence, and records both with the decision. Idempotent by key. The
     * decision promotes nothing.
     */
    async decideByPolicy({
      tenant,
      runId,
      key,
      stage,
      policy: given,
      evidence: asked,
    }: DecideInput): Promise<DecisionRef> {
      const policy = policyOf(given);
      const evidence =
        typeof asked === 'string'
          ? ((await registry.evidence.get({ tenant, kind: 'evidence', digest: asked })) as Evidence)
          : asked;
      if ((evidence as Partial<Evidence> | null)?.kind !== 'evaluation')
        throw failure('InvalidInput', `${stage}: there is no such evidence of an evaluation`, {
          next: 'pass what run.evaluate returned',
        });
      const verdict = verdictOf(stage, policy, evidence);
      const [policyDigest, digest] = [digestOf(policy), digestOf(evidence)];
      await registry.evidence.put({ tenant, kind: 'policy', digest: policyDigest, body: policy });
      await registry.evidence.put({ tenant, kind: 'evidence', digest, body: evidence });
      return registry.decisions.record({
        tenant,
        runId,
        stage,
        policy: policyDigest,
        evidence: digest,
        verdict,
        idempotencyKey: key,
      });
    },
  };
}

const policySchema = z.strictObject({
  gates: z.array(gateSchema).min(1).max(50).describe('one or more gates'),
});

function policyOf(given: DecisionPolicy): EvaluationPolicy {
  const parsed = policySchema.safeParse(given);
  if (!parsed.success)
    throw invalidInput(
      'the policy of run.decide',
      parsed.error.issues.map(({ path, message }) => ({
        pointer: `/${path.join('/')}`,
        detail: `${path.join('.')}: ${message}`,
      })),
    );
  const gates = parsed.data.gates.map(gateOf);
  return { kind: 'evaluation', version: 2, gates, slices: null, ungated: null };
}

/** Evidence of a lifecycle may lack measurements, which no other attempt would add. */
function verdictOf(stage: string, policy: EvaluationPolicy, evidence: Evidence): Verdict {
  try {
    return decide(policy, evidence);
  } catch (error) {
    throw failure(
      'InvalidInput',
      `${stage}: the evidence is incomplete: ${(error as Error).message}`,
      { cause: error, next: 'pass what run.evaluate returned' },
    );
  }
}
