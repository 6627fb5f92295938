import type { Evidence } from './evidence';
import { judgeNonInferiority, judgeSuperiority } from './gates/difference';
import type { GateKind, GateResult } from './gates/gate';
import { judgeParity } from './gates/parity';
import { judgeSlices } from './gates/slice';
import { absoluteGates, judgeThreshold } from './gates/threshold';
import type { GateSpec } from './lifecycle';
import type { EvaluationPolicy } from './policy';
import type { Reason, Verdict, VerdictKind } from './verdict';

/** A gate with what it said: the parts of a decision, for whoever explains it. */
export interface JudgedGate extends GateResult {
  readonly gate: string;
  readonly kind: GateKind | 'policy';
}

/**
 * The verdict on a candidate: failed if a gate failed; else inconclusive if one could not say (I10); else passed. Pure: the same policy and evidence give
 * the same verdict, whenever and wherever they are asked (audit, replay, what-if). Every gate gives its reason, passed or not.
 */
export function decide(policy: EvaluationPolicy, evidence: Evidence): Verdict {
  const judged = judge(policy, evidence);
  const said = (outcome: VerdictKind) => judged.some((each) => each.outcome === outcome);
  return {
    kind: said('failed') ? 'failed' : said('inconclusive') ? 'inconclusive' : 'passed',
    reasons: judged.map(({ gate, outcome, code, message }): Reason => ({ gate, code, message, outcome })),
  };
}

export function judge(policy: EvaluationPolicy, evidence: Evidence): readonly JudgedGate[] {
  const judged = policy.gates.map((gate): JudgedGate => ({ gate: gate.name, kind: gate.kind, ...judgeGate(gate, evidence, policy) }));
  return [...judged, ...judgePolicy(policy, judged)];
}

function judgeGate(gate: GateSpec, evidence: Evidence, policy: EvaluationPolicy): GateResult {
  switch (gate.kind) {
    case 'threshold':
      return judgeThreshold(gate, evidence);
    case 'nonInferiority':
      return judgeNonInferiority(gate, evidence);
    case 'superiority':
      return judgeSuperiority(gate, evidence);
    case 'slice':
      return judgeSlices(gate, evidence, policy);
    case 'parity':
      return judgeParity(gate, evidence);
  }
}

/** What the gates together leave open. Inconclusive, so that nothing is promoted on it alone: only a canary can add the evidence that is missing here. */
function judgePolicy(policy: EvaluationPolicy, judged: readonly JudgedGate[]): readonly JudgedGate[] {
  const open = (code: string, message: string): readonly JudgedGate[] => [
    { gate: 'policy', kind: 'policy', outcome: 'inconclusive', code, message },
  ];
  if (judged.length === 0) {
    if (policy.ungated === null) return open('policy.noGates', 'no gate is in force and no reason is given for it');
    return open(
      'policy.ungated',
      `no gate is in force ("${policy.ungated}"): nothing was decided, and only a canary may promote this version`,
    );
  }
  if (judged.every(({ kind }) => kind === 'parity')) {
    return open('policy.noQualityGate', 'parity says that serving equals evaluation, and no gate says that the model is any good');
  }
  const skipped = judged.filter(({ outcome }) => outcome === 'notApplicable');
  const absolute = judged.some(({ kind, outcome }) => absoluteGates.includes(kind) && outcome === 'passed');
  if (skipped.length > 0 && !absolute) {
    const names = skipped.map(({ gate }) => `\`${gate}\``).join(', ');
    return open('policy.noAbsoluteGate', `${names} had nothing to compare with, and no threshold gate passed in its place`);
  }
  return [];
}
