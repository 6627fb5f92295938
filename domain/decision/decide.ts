import type { Evidence } from './evidence';
import { confidenceAt, mostAttempts, timesJudged } from './gates/attempts';
import { judgeNonInferiority, judgeSuperiority } from './gates/difference';
import { percent } from '../format';
import { type GateKind, type GateResult } from './gates/gate';
import { judgeParity } from './gates/parity';
import { judgeSlices } from './gates/slice';
import { absoluteGates, judgeThreshold } from './gates/threshold';
import type { GateSpec } from '../lifecycle/lifecycle';
import type { EvaluationPolicy } from './policy';
import type { Reason, Verdict, VerdictKind } from './verdict';

/** A gate with what it said: the parts of a decision, for whoever explains it. */
export interface JudgedGate extends GateResult {
  readonly gate: string;
  readonly kind: GateKind | 'policy';
}

/**
 * The verdict on a candidate: failed if a gate failed; else inconclusive if one could not say
 * (I10); else passed. Pure: the same policy and evidence give the same verdict, whenever and
 * wherever they are asked (audit, replay, what-if). Every gate gives its reason, passed or not.
 */
export function decide(policy: EvaluationPolicy, evidence: Evidence): Verdict {
  const judged = judge(policy, evidence);
  const said = (outcome: VerdictKind) => judged.some((each) => each.outcome === outcome);
  return {
    kind: said('failed') ? 'failed' : said('inconclusive') ? 'inconclusive' : 'passed',
    reasons: judged.map(reasonOf),
  };
}

function reasonOf({ gate, outcome, code, message, details }: JudgedGate): Reason {
  return { gate, code, message, outcome, ...(details !== undefined && { details }) };
}

export function judge(policy: EvaluationPolicy, evidence: Evidence): readonly JudgedGate[] {
  const judged = policy.gates.map((gate): JudgedGate => ({
    gate: gate.name,
    kind: gate.kind,
    ...judgeGate(forAttempt(gate, policy, evidence), evidence, policy),
  }));
  return [...judged, ...judgePolicy(policy, judged), ...judgeAttempt(policy, evidence)];
}

/** All candidates on one holdout share the error that a gate allows, since policy version 2. */
function forAttempt(
  gate: GateSpec,
  { version }: EvaluationPolicy,
  { attempt }: Evidence,
): GateSpec {
  if (version === 1 || attempt === undefined || !('confidence' in gate)) return gate;
  return { ...gate, confidence: confidenceAt(gate.confidence, attempt.number) };
}

/**
 * How often this holdout was asked. A passed outcome says that it may still be; nothing is promoted
 * on one that is used up, or on one that nobody counted (I10).
 */
function judgeAttempt(
  { version, gates }: EvaluationPolicy,
  { attempt }: Evidence,
): readonly JudgedGate[] {
  const asked = [
    ...new Set(gates.flatMap((gate) => ('confidence' in gate ? [gate.confidence] : []))),
  ].sort();
  if (version === 1 || asked.length === 0) return [];
  const said = (
    outcome: 'passed' | 'inconclusive',
    code: string,
    message: string,
    details?: readonly string[],
  ): readonly JudgedGate[] => [
    { gate: 'holdout', kind: 'policy', outcome, code, message, ...(details && { details }) },
  ];
  if (attempt === undefined)
    return said(
      'inconclusive',
      'policy.attemptNotCounted',
      'nobody counted how often this holdout was asked',
    );
  const times = timesJudged(attempt);
  if (attempt.number > mostAttempts) {
    return said(
      'inconclusive',
      'policy.holdoutUsedUp',
      `${times}, which ${mostAttempts} candidates use up; judge the next one on newer data`,
    );
  }
  const levels = asked
    .map((level) => `${percent(confidenceAt(level, attempt.number))} instead of ${percent(level)}`)
    .join(', ');
  return said('passed', 'policy.attempt', `${times}: gates ask for ${levels}`, [
    'all attempts on one holdout share the error that a gate allows',
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
 * What the gates together leave open. Inconclusive, so that nothing is promoted on it alone: only a
 * canary can add the evidence that is missing here.
 */
function judgePolicy(
  policy: EvaluationPolicy,
  judged: readonly JudgedGate[],
): readonly JudgedGate[] {
  const open = (code: string, message: string): readonly JudgedGate[] => [
    { gate: 'policy', kind: 'policy', outcome: 'inconclusive', code, message },
  ];
  if (judged.length === 0) {
    if (policy.ungated === null)
      return open('policy.noGates', 'no gate is in force and no reason is given for it');
    return open(
      'policy.ungated',
      `no gate is in force ("${policy.ungated}"): nothing was decided, and only a canary may promote this version`,
    );
  }
  if (judged.every(({ kind }) => kind === 'parity')) {
    return open(
      'policy.noQualityGate',
      'parity says that serving equals evaluation, and no gate says that the model is any good',
    );
  }
  const skipped = judged.filter(({ outcome }) => outcome === 'notApplicable');
  const absolute = judged.some(
    ({ kind, outcome }) => absoluteGates.includes(kind) && outcome === 'passed',
  );
  if (skipped.length > 0 && !absolute) {
    const names = skipped.map(({ gate }) => `\`${gate}\``).join(', ');
    return open(
      'policy.noAbsoluteGate',
      `${names} had nothing to compare with, and no threshold gate passed in its place`,
    );
  }
  return [];
}
