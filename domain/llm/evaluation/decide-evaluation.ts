import type { Verdict } from '../../verdict';
import type { LlmEvidence } from './evidence';
import type { LlmGate } from './gate';
import { judgeLlmGate } from './judge-gate';

export interface LlmEvaluationPolicy {
  readonly kind: 'llmEvaluation';
  /** Grows when the meaning of a gate changes, so that an old decision is never explained by new rules. */
  readonly version: 1;
  readonly gates: readonly LlmGate[];
  /** Why there are none; null when there are some. */
  readonly ungated: string | null;
}

export interface LlmDecision {
  readonly verdict: Verdict;
  /** The most that an inconclusive gate asks for: what to buy next, if the budget allows. Null when cases would not decide. */
  readonly moreCases: number | null;
}

/** Passed when every gate passed; failed when one failed, whatever the others miss; else inconclusive (I10). */
export function decideEvaluation({ gates, ungated }: LlmEvaluationPolicy, evidence: LlmEvidence): LlmDecision {
  if (gates.length === 0) {
    const [code, message] =
      ungated === null
        ? ['policy.noGates', 'no gate is in force and no reason is given for it']
        : ['policy.ungated', `no gate is in force ("${ungated}"): nothing was decided, and only a canary may promote this version`];
    return { verdict: { kind: 'inconclusive', reasons: [{ gate: 'policy', code, message }] }, moreCases: null };
  }
  const results = gates.map((gate) => ({ gate, ...judgeLlmGate(gate, evidence) }));
  const reasons = results.map(({ gate, code, message, outcome }) => ({ gate: gate.name, code, message, outcome }));
  if (results.some(({ outcome }) => outcome === 'failed')) return { verdict: { kind: 'failed', reasons }, moreCases: null };
  const open = results.filter(({ outcome }) => outcome === 'inconclusive');
  if (open.length === 0) return { verdict: { kind: 'passed', reasons }, moreCases: null };
  const more = open.map(({ moreCases }) => moreCases);
  return { verdict: { kind: 'inconclusive', reasons }, moreCases: more.includes(null) ? null : Math.max(...more.map(Number)) };
}
