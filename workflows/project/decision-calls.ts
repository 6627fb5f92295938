/** Applies gates to evidence, as a stage in the records of the run. */
import type { Digest } from '../../domain/artifact';
import type { Evidence } from '../../domain/evaluation/evidence';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import type { AnyDecisionPolicy } from '../../domain/project/decision-policy';
import { registryWrites } from '../activity-proxies';
import { runStage, type Run } from '../lifecycle/stage';
import { assertSmall, nextCall, type StageCalls } from './stage-calls';

/** What an evaluation measured, or measurements of the same form. */
export type DecisionEvidence = Evidence | { readonly decision: Pick<DecisionRef, 'evidence'> };

export interface DecisionResult {
  readonly verdict: Verdict;
  readonly decision: DecisionRef;
}

export async function callDecide(
  run: Run,
  {
    calls,
    policy,
    evidence,
  }: {
    readonly calls: StageCalls;
    readonly policy: AnyDecisionPolicy;
    readonly evidence: DecisionEvidence;
  },
): Promise<DecisionResult> {
  const name = nextCall(calls, 'decide');
  assertSmall('the policy of run.decide', policy);
  const asked: Evidence | Digest = 'decision' in evidence ? evidence.decision.evidence : evidence;
  if (typeof asked !== 'string') assertSmall('the evidence of run.decide', asked);
  const { output: decision } = await runStage(
    run,
    { name, inputs: () => ({ policy, evidence: asked }), cached: false },
    async (effect) => {
      const { traceId: _, ...at } = effect('decide');
      const made = await registryWrites.decideByPolicy({
        ...at,
        stage: name,
        policy,
        evidence: asked,
      });
      return { output: made, verdict: made.verdict, decision: made };
    },
  );
  return { verdict: decision.verdict, decision };
}
