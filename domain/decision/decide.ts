import { withCause, type GateResult } from '../evaluation/gate';
import { count } from '../format';
import { judgeLlmGate } from '../language/judge/gate';
import type { Verdict } from '../verdict';
import { judgeAttempt, shareAmongAttempts, shareAmongLooks } from './attempt';
import { joinGates, toPolicyDecision, type GateDecision } from './gate-decision';
import { judgeModelGate } from './gates/judge-gate';
import type { AnyEvidence, AnyPolicy, EvidenceFor } from './policy';

/**
 * The verdict on a candidate. Pure, so that audit, replay and what-if get the same verdict. Every
 * gate has a reason.
 */
export function decide<Policy extends AnyPolicy>(
  policy: Policy,
  evidence: EvidenceFor<Policy>,
): Verdict {
  return joinGates(judge(policy, evidence));
}

/** The results of the gates, then those of the policy as a whole. */
export function judge<Policy extends AnyPolicy>(
  policy: Policy,
  evidence: EvidenceFor<Policy>,
): readonly GateDecision[] {
  const gates = judgeGates(policy, evidence);
  return [
    ...gates,
    ...judgeGaps(policy, gates),
    ...judgeErrorBound(policy, evidence),
    ...judgeAttempt(policy, evidence),
  ];
}

/**
 * A gate is a function from measurements to a result. Those of models and of language applications
 * stay apart, because they have neither measurements nor bounds in common.
 */
function judgeGates(policy: AnyPolicy, evidence: AnyEvidence): readonly GateDecision[] {
  if (policy.kind === 'evaluation' && evidence.kind === 'evaluation')
    return policy.gates.map((gate) =>
      nameResult(gate, judgeModelGate(shareAmongAttempts(gate, evidence), evidence, policy)),
    );
  if (policy.kind === 'llmEvaluation' && evidence.kind === 'llmEvaluation')
    return policy.gates.map((gate) => {
      const shared = shareAmongLooks(shareAmongAttempts(gate, evidence), policy, evidence);
      return nameResult(gate, judgeLlmGate(shared, evidence));
    });
  throw new TypeError(`a policy of kind ${policy.kind} cannot judge ${evidence.kind} evidence`);
}

function nameResult({ name, kind }: AnyPolicy['gates'][number], result: GateResult): GateDecision {
  return { gate: name, kind, ...result };
}

/** Gates that need no counterpart. One must pass when a comparison was not applicable. */
const absoluteKinds: readonly GateDecision['kind'][] = [
  'threshold',
  'allPass',
  'bias',
  'latency',
  'cost',
];

/**
 * Gaps in the policy as a whole. They are inconclusive, so that only a canary can promote the
 * version.
 */
function judgeGaps(
  { ungated }: AnyPolicy,
  gates: readonly GateDecision[],
): readonly GateDecision[] {
  if (gates.length === 0) return ungated === null ? leaveUnexplained() : leaveToCanary(ungated);
  if (gates.every(({ kind }) => kind === 'parity'))
    return toPolicyDecision({
      code: 'noQualityGate',
      message: 'parity is the only gate, and it does not measure quality',
    });
  const skipped = gates.filter(({ outcome }) => outcome === 'notApplicable');
  const hasAbsolute = gates.some(
    ({ kind, outcome }) => absoluteKinds.includes(kind) && outcome === 'passed',
  );
  if (skipped.length === 0 || hasAbsolute) return [];
  const number = skipped.length === 1 ? '1 gate' : `${count(skipped.length)} gates`;
  return toPolicyDecision({
    code: 'noAbsoluteGate',
    message: `${number} had nothing to compare with, and no absolute gate passed instead`,
    details: [`not applicable: ${skipped.map(({ gate }) => gate).join(', ')}`],
  });
}

function leaveUnexplained(): readonly GateDecision[] {
  return toPolicyDecision({
    code: 'noGates',
    message: 'the policy has no gates and gives no reason for it',
  });
}

function leaveToCanary(ungated: string): readonly GateDecision[] {
  const [message, details] = withCause(
    'without gates, only a canary can promote this version',
    `"${ungated}"`,
  );
  return toPolicyDecision({ code: 'ungated', message, details });
}

/** Errors up to another bound are another metric. */
function judgeErrorBound(policy: AnyPolicy, evidence: AnyEvidence): readonly GateDecision[] {
  if (policy.kind !== 'evaluation' || evidence.kind !== 'evaluation') return [];
  if (evidence.task !== 'regression' || policy.errorBound === evidence.errorBound) return [];
  const [wanted, found] = [policy, evidence].map(({ errorBound }) =>
    errorBound === undefined ? 'without a bound' : `up to ${errorBound}`,
  );
  return toPolicyDecision({
    code: 'errorBound',
    message: `errors were measured ${found}, but the policy uses them ${wanted}`,
  });
}
