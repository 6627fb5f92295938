import type { ArtifactRef, Digest } from '../../artifact';
import type { Bounds } from '../../statistics/interval';
import { computeBounds, type Aggregate } from './aggregate';
import type { LlmEvidence } from './evidence';
import { unansweredText } from './unanswered-cases';

/** Two one-sided bounds at this level give the usual 95 % interval. */
const customary = 0.975;

/** A bundle's answers to one slice of the cases: a reference, and their summary. */
export interface CaseAnswers {
  /** JSON: `CaseResult[]`. */
  readonly results: ArtifactRef;
  readonly caseSet: Digest;
  /** Cases of the slice that were not asked yet. */
  readonly left: number;
  readonly summary: AnswersSummary;
}

export interface AnswersSummary {
  readonly cases: number;
  readonly unanswered: number;
  /** One line per reason; absent if all were answered. */
  readonly notAnswered?: readonly string[];
  readonly dimensions: Readonly<Record<string, ScoreSummary>>;
  /** Nanodollars on the call ledger, including answers that earlier runs paid for. */
  readonly cost: number;
  /** Median latency of the answered cases; null if none was answered. */
  readonly medianMs: number | null;
}

export interface ScoreSummary {
  /** Mean of the measured cases; null if there are none. */
  readonly mean: number | null;
  /** Bounds over all cases, with the unmeasured ones at their worst and best. */
  readonly lower: number | null;
  readonly upper: number | null;
  readonly cases: number;
  readonly failures: number;
}

export function answersSummary({
  cases,
  unanswered,
  because = {},
  dimensions,
  costs,
  latenciesMs,
}: LlmEvidence): AnswersSummary {
  const notAnswered = Object.entries(unanswered).map(([reason, count]) =>
    unansweredText({ reason, cases: count, because: because[reason] ?? null }, cases),
  );
  return {
    cases,
    unanswered: Object.values(unanswered).reduce((sum, count) => sum + count, 0),
    ...(notAnswered.length > 0 && { notAnswered }),
    dimensions: Object.fromEntries(
      Object.entries(dimensions).map(([name, { aggregate }]) => [name, scoreSummary(aggregate)]),
    ),
    cost: costs.reduce((sum, cost) => sum + cost, 0),
    medianMs: [...latenciesMs].sort((a, b) => a - b)[Math.floor(latenciesMs.length / 2)] ?? null,
  };
}

export function scoreSummary(aggregate: Aggregate): ScoreSummary {
  const { mean, cases, failures } = aggregate;
  const { lower, upper }: Pick<Bounds, 'lower' | 'upper'> = computeBounds(aggregate, customary);
  return { mean, lower, upper, cases, failures };
}

/** The mean by which prompts are chosen: unmeasured cases count as 0. */
export function worstMean({ mean, cases, failures }: ScoreSummary): number {
  return cases === 0 || mean === null ? 0 : (mean * (cases - failures)) / cases;
}
