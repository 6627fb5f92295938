import type { ArtifactRef, Digest } from '../domain/artifact';
import type { IdempotencyKey, RunId, Tenant } from '../domain/ids';
import type { AnsweredCases } from '../domain/llm/evaluation/answered';
import { decideEvaluation, type LlmEvaluationPolicy } from '../domain/llm/evaluation/decide-evaluation';
import type { LlmEvidence } from '../domain/llm/evaluation/evidence';
import { evidenceOf } from '../domain/llm/evaluation/evidence-of';
import type { CaseResult } from '../domain/llm/evaluation/result';
import type { LlmEvaluateSpec } from '../domain/llm/llm-lifecycle';
import type { DecisionRef } from '../domain/verdict';
import type { ArtifactStore } from '../data/artifacts/store';
import { digestOf } from '../data/digest';
import type { Registry } from '../db/registry';
import { effectOnce } from './effect-once';
import type { KnownJudge } from './judges';

export interface EvaluateBundleDeps {
  readonly registry: Pick<Registry, 'effects' | 'evidence' | 'decisions' | 'artifacts'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson'>;
}

export interface DecideBundleInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly candidate: Digest;
  readonly answers: AnsweredCases;
  /** On the same cases; null where there is none, or no gate asks for it. */
  readonly counterparts: Readonly<Record<'champion' | 'baseline', AnsweredCases | null>>;
  /** Why there is none, where it is not that there never was one. */
  readonly missing: NonNullable<LlmEvidence['missing']>;
  readonly evaluate: LlmEvaluateSpec;
  /** How often it may be looked at. */
  readonly looks: number;
  /** By dimension: whose verdicts its scores are. */
  readonly judges: Readonly<Record<string, KnownJudge>>;
  /** Whether there are cases that could still be asked. */
  readonly mayAskMore: boolean;
}

export type LookedAtBundle = { readonly kind: 'open'; readonly moreCases: number } | DecidedBundle;

export interface DecidedBundle {
  readonly kind: 'decided';
  readonly decision: DecisionRef;
  readonly evidence: Digest;
  /** How many more cases would decide; null when they would not, or nothing is open. */
  readonly moreCases: number | null;
}

export function createEvaluateBundleActivities({ registry, artifacts }: EvaluateBundleDeps) {
  return {
    /**
     * Decides, or says how many more cases would. Policy and evidence first: nothing may act on a decision whose grounds are not kept (DESIGN §10). A second attempt finds the
     * first one's decision.
     */
    decideBundle(input: DecideBundleInput): Promise<LookedAtBundle> {
      return effectOnce(registry.effects, input, async (assertOwned): Promise<LookedAtBundle> => {
        const { tenant, runId, key, candidate, answers, counterparts, missing, evaluate, looks } = input;
        const { gates, ungated } = evaluate;
        const policy: LlmEvaluationPolicy = { kind: 'llmEvaluation', version: 1, gates, looks, ungated };
        const evidence = evidenceOf({
          candidate,
          caseSet: answers.caseSet,
          dimensions: evaluate.dimensions.map(({ name }) => name),
          results: await resultsOf(answers),
          counterparts: { champion: await resultsOf(counterparts.champion), baseline: await resultsOf(counterparts.baseline) },
          missing,
          judges: input.judges,
        });
        const { verdict, moreCases } = decideEvaluation(policy, evidence);
        if (verdict.kind === 'inconclusive' && moreCases !== null && input.mayAskMore) return { kind: 'open', moreCases };
        const [policyDigest, evidenceDigest] = [digestOf(policy), digestOf(evidence)];
        await assertOwned();
        await registry.evidence.put({ tenant, kind: 'policy', digest: policyDigest, body: policy });
        await registry.evidence.put({ tenant, kind: 'evidence', digest: evidenceDigest, body: evidence });
        for (const { digest } of [answers, counterparts.champion, counterparts.baseline].flatMap((each) => each?.results ?? [])) {
          await registry.artifacts.reference({ tenant, digest, by: `evidence:${evidenceDigest}` });
        }
        const decision = await registry.decisions.record({
          tenant,
          runId,
          stage: 'evaluate',
          policy: policyDigest,
          evidence: evidenceDigest,
          verdict,
          idempotencyKey: key,
        });
        return { kind: 'decided', decision, evidence: evidenceDigest, moreCases };
      });
    },
  };

  function resultsOf(answers: AnsweredCases): Promise<readonly CaseResult[]>;
  function resultsOf(answers: AnsweredCases | null): Promise<readonly CaseResult[] | null>;
  async function resultsOf(answers: AnsweredCases | null): Promise<readonly CaseResult[] | null> {
    return answers && artifacts.getJson<readonly CaseResult[]>(answers.results satisfies ArtifactRef);
  }
}
