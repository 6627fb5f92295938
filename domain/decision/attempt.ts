/** How candidates on one holdout or case set share the error of each gate, for all kinds of gates. */
import {
  alphaShare,
  attemptText,
  confidenceAt,
  maxAttempts,
  type Attempt,
} from '../evaluation/attempts';
import { count, figure, percent } from '../format';
import type { LlmEvidence } from '../language/evaluation/evidence';
import type { LlmGate } from '../language/evaluation/gate';
import { toPolicyDecision, type GateDecision } from './gate-decision';
import type { GateSpec } from './gate-spec';
import type { AnyEvidence, AnyPolicy, LlmEvaluationPolicy } from './policy';

type Attempts = Pick<LlmEvidence, 'attempt' | 'latencyAttempt'>;

/** The gate with its confidence in this attempt. A gate that makes no statistical claim has none. */
export function shareAmongAttempts<Gate extends GateSpec | LlmGate>(
  gate: Gate,
  { attempt, latencyAttempt }: Attempts,
): Gate {
  const counted = gate.kind === 'latency' ? (latencyAttempt ?? attempt) : attempt;
  if (counted === undefined || !('confidence' in gate)) return gate;
  return { ...gate, confidence: confidenceAt(gate.confidence, counted.number) };
}

/**
 * Bounds of means are confidence sequences, which hold for any number of looks. Quantiles and a
 * judge's corrected share have no such bounds, so their error is shared (Bonferroni). A holdout is
 * looked at once, so only gates of language applications share theirs.
 */
export function shareAmongLooks(
  gate: LlmGate,
  { looks }: Pick<LlmEvaluationPolicy, 'looks'>,
  { dimensions }: Pick<LlmEvidence, 'dimensions'>,
): LlmGate {
  if (gate.kind === 'allPass') return gate;
  const isOneLook =
    gate.kind === 'latency' ||
    gate.kind === 'cost' ||
    (gate.kind === 'threshold' && (dimensions[gate.dimension]?.judge ?? null) !== null);
  return isOneLook ? { ...gate, confidence: 1 - (1 - gate.confidence) / looks } : gate;
}

/**
 * The number of candidates on this holdout or case set. Inconclusive when they were not counted
 * (I10), or when a holdout is used up. A case set never is: a mean has bounds at any level, and the
 * cases that an attempt needs grow only with the logarithm of the number of attempts.
 */
export function judgeAttempt({ gates }: AnyPolicy, evidence: AnyEvidence): readonly GateDecision[] {
  const levels = [
    ...new Set(gates.flatMap((gate) => ('confidence' in gate ? [gate.confidence] : []))),
  ].sort();
  if (levels.length === 0) return [];
  const { attempt } = evidence;
  const isHoldout = evidence.kind === 'evaluation';
  const [gate, sample] = isHoldout ? ['holdout', 'holdout'] : ['cases', 'case set'];
  if (attempt === undefined)
    return toPolicyDecision({
      gate,
      code: 'attemptNotCounted',
      message: `the attempts on this ${sample} were not counted`,
    });
  const text = attemptText(attempt, sample);
  if (isHoldout && attempt.number > maxAttempts)
    return toPolicyDecision({
      gate,
      code: 'holdoutUsedUp',
      message: `${text}, which allows ${maxAttempts}; evaluate the next candidate on newer data`,
    });
  const shared = levels
    .map((level) => `${percent(confidenceAt(level, attempt.number))} instead of ${percent(level)}`)
    .join(', ');
  return toPolicyDecision({
    gate,
    outcome: 'passed',
    code: 'attempt',
    message: `${text}: gates use a confidence of ${shared}`,
    details: [
      `all attempts on one ${sample} share the error of a gate`,
      ...(isHoldout ? [] : describeCaseAttempt(attempt, evidence)),
    ],
  });
}

function describeCaseAttempt(attempt: Attempt, { latencyAttempt }: Attempts): readonly string[] {
  return [...(latencyAttempt ? [timesMeasured(latencyAttempt)] : []), ...costOfAttempt(attempt)];
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
