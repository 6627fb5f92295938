import type { Evidence } from '../evaluation/evidence';
import { confidenceAt, maxAttempts, attemptText } from '../evaluation/attempts';
import { judgeNonInferiority, judgeSuperiority } from './gates/difference';
import { percent } from '../format';
import { type GateKind, type GateResult } from './gates/gate';
import { judgeParity } from './gates/parity';
import { judgeSlices } from './gates/slice';
import { absoluteGates, judgeThreshold } from './gates/threshold';
import type { GateSpec } from './gate-spec';
import type { EvaluationPolicy } from './policy';
import type { Reason, Verdict, VerdictKind } from '../verdict';

/** A gate with its result. */
export interface GateDecision extends GateResult {
  readonly gate: string;
  readonly kind: GateKind | 'policy';
}

/**
 * The verdict on a candidate: failed if a gate failed, else inconclusive if a gate is (I10), else
 * passed. Pure, so that audit, replay and what-if get the same verdict. Every gate has a reason.
 */
export function decide(policy: EvaluationPolicy, evidence: Evidence): Verdict {
  const judged = judge(policy, evidence);
  const said = (outcome: VerdictKind) => judged.some((each) => each.outcome === outcome);
  return {
    kind: said('failed') ? 'failed' : said('inconclusive') ? 'inconclusive' : 'passed',
    reasons: judged.map(reasonOf),
  };
}

function reasonOf({ gate, outcome, code, message, details }: GateDecision): Reason {
  return { gate, code, message, outcome, ...(details !== undefined && { details }) };
}

export function judge(policy: EvaluationPolicy, evidence: Evidence): readonly GateDecision[] {
  const judged = policy.gates.map((gate): GateDecision => ({
    gate: gate.name,
    kind: gate.kind,
    ...judgeGate(forAttempt(gate, evidence), evidence, policy),
  }));
  return [
    ...judged,
    ...judgePolicy(policy, judged),
    ...judgeErrorBound(policy, evidence),
    ...judgeAttempt(policy, evidence),
  ];
}

/** Errors up to another bound are another metric. */
function judgeErrorBound(policy: EvaluationPolicy, evidence: Evidence): readonly GateDecision[] {
  if (evidence.task !== 'regression' || policy.errorBound === evidence.errorBound) return [];
  const [wanted, found] = [policy, evidence].map(({ errorBound }) =>
    errorBound === undefined ? 'without a bound' : `up to ${errorBound}`,
  );
  return [
    {
      gate: 'policy',
      kind: 'policy',
      outcome: 'inconclusive',
      code: 'policy.errorBound',
      message: `errors were measured ${found}, but the policy uses them ${wanted}`,
    },
  ];
}

/** All candidates on one holdout share a gate's error. */
function forAttempt(gate: GateSpec, { attempt }: Evidence): GateSpec {
  if (attempt === undefined || !('confidence' in gate)) return gate;
  return { ...gate, confidence: confidenceAt(gate.confidence, attempt.number) };
}

/**
 * The number of candidates on this holdout. Inconclusive when there are too many or when they were
 * not counted (I10).
 */
function judgeAttempt({ gates }: EvaluationPolicy, { attempt }: Evidence): readonly GateDecision[] {
  const asked = [
    ...new Set(gates.flatMap((gate) => ('confidence' in gate ? [gate.confidence] : []))),
  ].sort();
  if (asked.length === 0) return [];
  const said = (
    outcome: 'passed' | 'inconclusive',
    code: string,
    message: string,
    details?: readonly string[],
  ): readonly GateDecision[] => [
    { gate: 'holdout', kind: 'policy', outcome, code, message, ...(details && { details }) },
  ];
  if (attempt === undefined)
    return said(
      'inconclusive',
      'policy.attemptNotCounted',
      'the attempts on this holdout were not counted',
    );
  const times = attemptText(attempt);
  if (attempt.number > maxAttempts) {
    return said(
      'inconclusive',
      'policy.holdoutUsedUp',
      `${times}, which allows ${maxAttempts}; evaluate the next candidate on newer data`,
    );
  }
  const levels = asked
    .map((level) => `${percent(confidenceAt(level, attempt.number))} instead of ${percent(level)}`)
    .join(', ');
  return said('passed', 'policy.attempt', `${times}: gates use a confidence of ${levels}`, [
    'all attempts on one holdout share the error of a gate',
  ]);
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

/**
 * Gaps in the policy as a whole. They are inconclusive, so that only a canary can promote the
 * version.
 */
function judgePolicy(
  policy: EvaluationPolicy,
  judged: readonly GateDecision[],
): readonly GateDecision[] {
  const open = (code: string, message: string): readonly GateDecision[] => [
    { gate: 'policy', kind: 'policy', outcome: 'inconclusive', code, message },
  ];
  if (judged.length === 0) {
    if (policy.ungated === null)
      return open('policy.noGates', 'there are no gates, and the lifecycle gives no reason');
    return open(
      'policy.ungated',
      `there are no gates ("${policy.ungated}"): only a canary can promote this version`,
    );
  }
  if (judged.every(({ kind }) => kind === 'parity')) {
    return open('policy.noQualityGate', 'parity is the only gate, and it does not measure quality');
  }
  const skipped = judged.filter(({ outcome }) => outcome === 'notApplicable');
  const absolute = judged.some(
    ({ kind, outcome }) => absoluteGates.includes(kind) && outcome === 'passed',
  );
  if (skipped.length > 0 && !absolute) {
    const names = skipped.map(({ gate }) => `\`${gate}\``).join(', ');
    return open(
      'policy.noAbsoluteGate',
      `there is nothing to compare with for ${names}, and no threshold gate passed`,
    );
  }
  return [];
}
