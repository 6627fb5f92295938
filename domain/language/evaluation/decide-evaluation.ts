import type { Attempt } from '../../decision/gates/attempts';
import { alphaShare, confidenceAt, timesJudged } from '../../decision/gates/attempts';
import { figure, percent } from '../../format';
import type { Verdict, VerdictKind } from '../../decision/verdict';
import type { LlmEvidence } from './evidence';
import type { LlmGate, LlmGateResult } from './gate';
import { judgeLlmGate } from '../judge/gate';

export interface LlmEvaluationPolicy {
  readonly kind: 'llmEvaluation';
  /**
   * Grows when the meaning of a gate changes, so that an old decision is never explained by new
   * rules.
   */
  /**
   * 1: each candidate is judged at the gate's confidence. 2: all candidates on one case set share
   * the gate's error (gates/attempts.ts).
   */
  readonly version: 1 | 2;
  readonly gates: readonly LlmGate[];
  /**
   * How often it may be looked at while cases are bought. Bounds that hold for one look alone share
   * their error among so many.
   */
  readonly looks: number;
  /** Why there are none; null when there are some. */
  readonly ungated: string | null;
}

export interface LlmDecision {
  readonly verdict: Verdict;
  /**
   * The most that an inconclusive gate asks for: what to buy next, if the budget allows. Null when
   * cases would not decide.
   */
  readonly moreCases: number | null;
}

/** A gate with what it said. */
export interface JudgedLlmGate extends LlmGateResult {
  readonly gate: string;
  readonly kind: LlmGate['kind'] | 'policy';
}

/**
 * Passed when every gate passed; failed when one failed, whatever the others miss; else
 * inconclusive (I10).
 */
export function decideEvaluation(policy: LlmEvaluationPolicy, evidence: LlmEvidence): LlmDecision {
  const judged = judgeEvaluation(policy, evidence);
  const said = (outcome: VerdictKind) => judged.some((each) => each.outcome === outcome);
  const kind = said('failed') ? 'failed' : said('inconclusive') ? 'inconclusive' : 'passed';
  const more = judged
    .filter(({ outcome }) => outcome === 'inconclusive')
    .map(({ moreCases }) => moreCases);
  return {
    verdict: {
      kind,
      reasons: judged.map(({ gate, code, message, outcome }) => ({ gate, code, message, outcome })),
    },
    moreCases:
      kind !== 'inconclusive' || more.includes(null) ? null : Math.max(...more.map(Number)),
  };
}

/** Every gate with its word, and what they together leave open. */
export function judgeEvaluation(
  policy: LlmEvaluationPolicy,
  evidence: LlmEvidence,
): readonly JudgedLlmGate[] {
  const judged = policy.gates.map((gate): JudgedLlmGate => ({
    gate: gate.name,
    kind: gate.kind,
    ...judgeLlmGate(forLooks(forAttempt(gate, policy, evidence), policy, evidence), evidence),
  }));
  return [...judged, ...leftOpen(policy, judged), ...judgeAttempt(policy, evidence)];
}

function forAttempt(
  gate: LlmGate,
  { version }: LlmEvaluationPolicy,
  { attempt, latencyAttempt }: LlmEvidence,
): LlmGate {
  if (gate.kind === 'allPass') return gate;
  const counted = gate.kind === 'latency' ? (latencyAttempt ?? attempt) : attempt;
  return version === 1 || counted === undefined
    ? gate
    : { ...gate, confidence: confidenceAt(gate.confidence, counted.number) };
}

/**
 * How often this case set was asked. Unlike a holdout of days it is never used up: bounds of a mean
 * have a closed form at any level, and the price of another attempt grows with the logarithm of
 * their number alone.
 */
function judgeAttempt(
  { version, gates }: LlmEvaluationPolicy,
  { attempt, latencyAttempt }: LlmEvidence,
): readonly JudgedLlmGate[] {
  // Gates over each case make no claim that an attempt could get by luck.
  const bound = gates.filter((gate) => gate.kind !== 'allPass');
  if (version === 1 || bound.length === 0) return [];
  const said = (
    outcome: 'passed' | 'inconclusive',
    code: string,
    message: string,
  ): readonly JudgedLlmGate[] => [
    { gate: 'cases', kind: 'policy', outcome, code, message, moreCases: null },
  ];
  if (attempt === undefined)
    return said(
      'inconclusive',
      'policy.attemptNotCounted',
      'the attempts on these cases were not counted',
    );
  const timed = latencyAttempt ? `, attempt ${latencyAttempt.number} for latency` : '';
  const times = `${timesJudged(attempt, 'case set')}${timed}`;
  const [least = 0] = bound.map(({ confidence }) => confidence).sort();
  const example = `${percent(confidenceAt(least, attempt.number))} instead of ${percent(least)}`;
  return said(
    'passed',
    'policy.attempt',
    `${times}: gates use a confidence of ${example}${worn(attempt)}`,
  );
}

/** From here on people are told what a worn case set costs. */
const wornAfter = 5;

/**
 * Cases that a bound of the same width needs beside the first attempt's: it narrows with
 * √(ln(1/α)/n), here for α = 5 %.
 */
function worn({ number }: Attempt): string {
  if (number < wornAfter) return '';
  const price = Math.log(1 / (0.05 * alphaShare(number))) / Math.log(1 / (0.05 * alphaShare(1)));
  return `; this attempt needs about ${figure(price)} times the cases of the first; add new cases to spec.cases.file`;
}

/**
 * Means have confidence sequences, which hold however often somebody looks; quantiles and a judge's
 * corrected share have not (Bonferroni).
 */
function forLooks(
  gate: LlmGate,
  { looks }: LlmEvaluationPolicy,
  { dimensions }: LlmEvidence,
): LlmGate {
  if (gate.kind === 'allPass') return gate;
  const oneLook =
    gate.kind === 'latency' ||
    gate.kind === 'cost' ||
    (gate.kind === 'threshold' && (dimensions[gate.dimension]?.judge ?? null) !== null);
  return oneLook ? { ...gate, confidence: 1 - (1 - gate.confidence) / looks } : gate;
}

function leftOpen(
  { ungated }: LlmEvaluationPolicy,
  judged: readonly JudgedLlmGate[],
): readonly JudgedLlmGate[] {
  const open = (code: string, message: string): readonly JudgedLlmGate[] => [
    { gate: 'policy', kind: 'policy', outcome: 'inconclusive', code, message, moreCases: null },
  ];
  if (judged.length === 0) {
    if (ungated === null)
      return open('policy.noGates', 'there are no gates, and the lifecycle gives no reason');
    return open(
      'policy.ungated',
      `there are no gates ("${ungated}"): only a canary can promote this version`,
    );
  }
  const skipped = judged.filter(({ outcome }) => outcome === 'notApplicable');
  const hasAbsolute = judged.some(
    ({ kind, outcome }) => kind !== 'nonInferiority' && outcome === 'passed',
  );
  if (skipped.length === 0 || hasAbsolute) return [];
  const names = skipped.map(({ gate }) => `\`${gate}\``).join(', ');
  return open(
    'policy.noAbsoluteGate',
    `there is nothing to compare with for ${names}, and no absolute gate passed`,
  );
}
