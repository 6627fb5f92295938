import { computeDigest } from '../../data/digest';
import type { Registry } from '../../db/registry';
import type { Digest } from '../../domain/artifact';
import type { Evidence } from '../../domain/evaluation/evidence';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import { failure, isPerennialError } from '../../domain/failure';
import type { LlmEvidence } from '../../domain/language/evaluation/evidence';
import type { AnyDecisionPolicy } from '../../domain/project/decision-policy';
import type { RunEffectRef } from '../../domain/run/run';
import { decideByPolicy } from './decision-policy';

export interface DecideDeps {
  readonly registry: Pick<Registry, 'decisions' | 'evidence'>;
}

interface DecideInput extends RunEffectRef {
  readonly stage: string;
  readonly policy: AnyDecisionPolicy;
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
      const evidence = (
        typeof asked === 'string'
          ? await registry.evidence.get({ tenant, kind: 'evidence', digest: asked })
          : asked
      ) as Evidence | LlmEvidence | null;
      const kind = (evidence as Partial<Evidence | LlmEvidence> | null)?.kind;
      if (evidence === null || (kind !== 'evaluation' && kind !== 'llmEvaluation'))
        throw failure('InvalidInput', `${stage}: there is no such evidence of an evaluation`, {
          next: 'pass what run.evaluate returned',
        });
      const { policy, decided } = decideByPolicy(given, evidence);
      const verdict = checkVerdict(stage, decided);
      const [policyDigest, digest] = [computeDigest(policy), computeDigest(evidence)];
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

/**
 * Any error but a failure of Perennial comes from evidence that a lifecycle has made.
 * @throws InvalidInput when it lacks a measurement, because another attempt would not add it.
 */
function checkVerdict(stage: string, decided: () => Verdict): Verdict {
  try {
    return decided();
  } catch (error) {
    if (isPerennialError(error)) throw error;
    throw failure('InvalidInput', `${stage}: the evidence lacks a measurement of its gates`, {
      cause: error,
      next: 'pass what run.evaluate returned',
    });
  }
}
