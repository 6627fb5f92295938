import type { Attempt } from '../../evaluation/attempts';
import { alphaShare, confidenceAt, attemptText } from '../../evaluation/attempts';
import type { Verdict, VerdictKind } from '../../verdict';
import { count, figure, percent } from '../../format';
import type { LlmEvidence } from './evidence';
import type { LlmGate, LlmGateResult } from './gate';
import { judgeLlmGate } from '../judge/gate';

export interface LlmEvaluationPolicy {
  readonly kind: 'llmEvaluation';
  /**
   * Increases when the meaning of a gate changes, so that new rules never explain an old decision.
   * Candidates on one case set share a gate's error (gates/attempts.ts).
   */
  readonly version: 2;
  readonly gates: readonly LlmGate[];
  /**
   * How often the gates may be judged while more cases are asked. Bounds that hold for one look
   * share their error among this many.
   */
  readonly looks: number;
  /** Why there are no gates; null if there are some. */
  readonly ungated: string | null;
}

export interface LlmDecision {
  readonly verdict: Verdict;
  /** The most cases that an inconclusive gate still needs; null if more cases would not decide. */
  readonly moreCases: number | null;
}

/** A gate with its result. */
export interface LlmGateVerdict extends LlmGateResult {
  readonly gate: string;
  readonly kind: LlmGate['kind'] | 'policy';
}

/** Passed if every gate passed, failed if one failed, else inconclusive (I10). */
export function decideEvaluation(policy: LlmEvaluationPolicy, evidence: LlmEvidence): LlmDecision {
  const judged = judgeEvaluation(policy, evidence);
  const has = (outcome: VerdictKind) => judged.some((each) => each.outcome === outcome);
  const kind = has('failed') ? 'failed' : has('inconclusive') ? 'inconclusive' : 'passed';
  const more = judged
    .filter(({ outcome }) => outcome === 'inconclusive')
    .map(({ moreCases }) => moreCases);
  return {
    verdict: {
      kind,
      reasons: judged.map(({ gate, code, message, details, outcome }) => ({
        gate,
        code,
        message,
        outcome,
        ...(details !== undefined && { details }),
      })),
    },
    moreCases:
      kind !== 'inconclusive' || more.includes(null) ? null : Math.max(...more.map(Number)),
  };
}

/** The results of the gates, then those of the policy as a whole. */
export function judgeEvaluation(
  policy: LlmEvaluationPolicy,
  evidence: LlmEvidence,
): readonly LlmGateVerdict[] {
  const judged = policy.gates.map((gate): LlmGateVerdict => ({
    gate: gate.name,
    kind: gate.kind,
    ...judgeLlmGate(forLooks(forAttempt(gate, evidence), policy, evidence), evidence),
  }));
  return [...judged, ...leftOpen(policy, judged), ...judgeAttempt(policy, evidence)];
}

function forAttempt(gate: LlmGate, { attempt, latencyAttempt }: LlmEvidence): LlmGate {
  if (gate.kind === 'allPass') return gate;
  const counted = gate.kind === 'latency' ? (latencyAttempt ?? attempt) : attempt;
  return counted === undefined
    ? gate
    : { ...gate, confidence: confidenceAt(gate.confidence, counted.number) };
}

/**
 * Reports how often candidates were judged on this case set. Unlike a holdout, a case set is never
 * used up: a mean has bounds at any level, and the cases that an attempt needs grow only with the
 * logarithm of the number of attempts.
 */
function judgeAttempt(
  { gates }: LlmEvaluationPolicy,
  { attempt, latencyAttempt }: LlmEvidence,
): readonly LlmGateVerdict[] {
  // A gate over every case makes no statistical claim, so attempts do not affect it.
  const bound = gates.filter((gate) => gate.kind !== 'allPass');
  if (bound.length === 0) return [];
  const common = { gate: 'cases', kind: 'policy', moreCases: null } as const;
  if (attempt === undefined)
    return [
      {
        ...common,
        outcome: 'inconclusive',
        code: 'policy.attemptNotCounted',
        message: 'the number of attempts on this case set is unknown',
      },
    ];
  const [lowest = 0] = bound.map(({ confidence }) => confidence).sort();
  const required = `${percent(confidenceAt(lowest, attempt.number))} instead of ${percent(lowest)}`;
  return [
    {
      ...common,
      outcome: 'passed',
      code: 'policy.attempt',
      message: `${attemptText(attempt, 'case set')}: gates require ${required} confidence`,
      details: [
        'all attempts on one case set share the error that a gate allows',
        ...(latencyAttempt ? [timesMeasured(latencyAttempt)] : []),
        ...costOfAttempt(attempt),
      ],
    },
  ];
}

function timesMeasured({ number }: Attempt): string {
  return `latency was measured ${number === 1 ? 'once' : `${count(number)} times`}`;
}

/** The first attempt that reports how many more cases it needs than the first one. */
const firstCostlyAttempt = 5;

/**
 * How many times the first attempt's cases a bound of the same width needs: its width is
 * proportional to √(ln(1/α)/n), here with α = 5 %.
 */
function costOfAttempt({ number }: Attempt): readonly string[] {
  if (number < firstCostlyAttempt) return [];
  const price = Math.log(1 / (0.05 * alphaShare(number))) / Math.log(1 / (0.05 * alphaShare(1)));
  return [
    `this attempt needs about ${figure(price)} times the cases of the first`,
    'add new cases to spec.cases.file that no bundle was chosen by',
  ];
}

/**
 * Bounds of means are confidence sequences, which hold for any number of looks. Quantiles and a
 * judge's corrected share have no such bounds, so their error is shared (Bonferroni).
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
  judged: readonly LlmGateVerdict[],
): readonly LlmGateVerdict[] {
  const open = (
    code: string,
    message: string,
    details: readonly string[] = [],
  ): readonly LlmGateVerdict[] => [
    {
      gate: 'policy',
      kind: 'policy',
      outcome: 'inconclusive',
      code,
      message,
      ...(details.length > 0 && { details }),
      moreCases: null,
    },
  ];
  if (judged.length === 0) {
    if (ungated === null)
      return open('policy.noGates', 'the policy has no gates and gives no reason for it');
    return open(
      'policy.ungated',
      'the policy has no gates, so only a canary may promote this version',
      [`reason for having no gates: ${ungated}`],
    );
  }
  const skipped = judged.filter(({ outcome }) => outcome === 'notApplicable');
  const hasAbsolute = judged.some(
    ({ kind, outcome }) => kind !== 'nonInferiority' && outcome === 'passed',
  );
  if (skipped.length === 0 || hasAbsolute) return [];
  const gates = skipped.length === 1 ? '1 gate' : `${count(skipped.length)} gates`;
  return open(
    'policy.noAbsoluteGate',
    `${gates} had nothing to compare with, and no absolute gate passed instead`,
    [`not applicable: ${skipped.map(({ gate }) => gate).join(', ')}`],
  );
}
