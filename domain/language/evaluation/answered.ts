import type { ArtifactRef, Digest } from '../../dataset/artifact';
import type { Bounds } from '../../statistics/interval';
import { boundsOf, type Aggregate } from './aggregate';
import type { LlmEvidence } from './evidence';
import { unansweredText } from './unanswered';

/** Two bounds at this enclose 95 %, the customary interval. */
const customary = 0.975;

/** What a bundle answered to a slice of the cases: a reference, and what tables show of it. */
export interface AnsweredCases {
  /** JSON: `CaseResult[]`. */
  readonly results: ArtifactRef;
  readonly caseSet: Digest;
  /** Cases of the slice that were not asked. */
  readonly left: number;
  readonly summary: AnswersSummary;
}

export interface AnswersSummary {
  readonly cases: number;
  readonly unanswered: number;
  /** A line a reason. Not given where all were answered. */
  readonly notAnswered?: readonly string[];
  readonly dimensions: Readonly<Record<string, ScoreSummary>>;
  /** Nanodollars, by the ledger: what was paid in an earlier run is in it. */
  readonly cost: number;
  /** Middle of the answered cases' times; null when none was answered. */
  readonly medianMs: number | null;
}

export interface ScoreSummary {
  /** Of the cases that could be measured; null when none could. */
  readonly mean: number | null;
  /** Holds for all cases, the unmeasured ones at their worst and best. */
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
  const { lower, upper }: Pick<Bounds, 'lower' | 'upper'> = boundsOf(aggregate, customary);
  return { mean, lower, upper, cases, failures };
}

/**
 * What a choice goes by: a case that could not be measured counts as lost, so that nothing wins by
 * not answering.
 */
export function worstMean({ mean, cases, failures }: ScoreSummary): number {
  return cases === 0 || mean === null ? 0 : (mean * (cases - failures)) / cases;
}
