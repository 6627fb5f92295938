import type { Digest } from '../../artifact';
import { sortCases } from '../cases/case-slices';
import { aggregate } from './aggregate';
import { measureBias } from '../judge/bias';
import { comparePaired } from './comparison';
import type { AnswererCount, DimensionEvidence, LlmEvidence } from './evidence';
import type { JudgeCalibration } from '../judge/calibration';
import type { CaseResult } from './result';
import type { Score } from './score';
import { groupUnanswered } from './unanswered-cases';

export interface BundleMeasurement {
  readonly candidate: Digest;
  readonly caseSet: Digest;
  readonly dimensions: readonly string[];
  readonly results: readonly CaseResult[];
  readonly counterparts: Readonly<Record<'champion' | 'baseline', readonly CaseResult[] | null>>;
  /** Absent if there is no decision. */
  readonly attempts?: Pick<LlmEvidence, 'attempt' | 'latencyAttempt'>;
  readonly missing?: NonNullable<LlmEvidence['missing']>;
  readonly standbys?: LlmEvidence['standbys'] | undefined;
  /** Dimension → the judge that scores it. */
  readonly judges: Readonly<
    Record<string, { readonly digest: Digest; readonly calibration: JudgeCalibration | null }>
  >;
}

/** The evidence of one bundle. Its cases are in an order that does not depend on the answers. */
export function buildLlmEvidence({
  candidate,
  caseSet,
  dimensions,
  results,
  counterparts,
  missing,
  standbys,
  judges,
  attempts,
}: BundleMeasurement): LlmEvidence {
  const ordered = sortCases(results);
  const evidence = (dimension: string): DimensionEvidence => {
    const scores = ordered.map((result) => readScore(result, dimension));
    const judge = Object.hasOwn(judges, dimension) ? judges[dimension] : undefined;
    return {
      aggregate: aggregate(scores),
      lowest: findLowest(scores),
      judge: judge ? { ...judge, said: verdictsIn(scores) } : null,
    };
  };
  const refused = ordered.flatMap(({ notReworded = [] }) => notReworded);
  const untimed = ordered.flatMap(({ untimed: reason }) => (reason === undefined ? [] : [reason]));
  const unanswered = groupUnanswered(ordered);
  const messages = unanswered.flatMap(({ reason, because }) =>
    because === null ? [] : [[reason, because] as const],
  );
  const compareWith = (other: readonly CaseResult[] | null) =>
    other &&
    Object.fromEntries(
      dimensions.map((name) => [
        name,
        comparePaired(scoresBy(ordered, name), scoresBy(sortCases(other), name)),
      ]),
    );
  return {
    kind: 'llmEvaluation',
    version: 2,
    candidate,
    caseSet,
    ...attempts,
    cases: results.length,
    dimensions: Object.fromEntries(dimensions.map((name) => [name, evidence(name)])),
    comparisons: {
      champion: compareWith(counterparts.champion),
      baseline: compareWith(counterparts.baseline),
    },
    ...(missing && { missing }),
    bias: ordered.some(({ pair }) => pair !== null)
      ? Object.fromEntries(
          dimensions.map((name) => [
            name,
            measureBias(ordered.map((of) => ({ case: of, score: readScore(of, name) }))),
          ]),
        )
      : {},
    latenciesMs: ordered.flatMap(({ latencyMs, earlier }) =>
      latencyMs === null || earlier === true ? [] : [latencyMs],
    ),
    earlier: ordered.filter(({ latencyMs, earlier }) => latencyMs !== null && earlier === true)
      .length,
    ...(untimed.length > 0 && { untimed: countBy(untimed) }),
    answeredBy: countAnswerers(ordered),
    costs: ordered.flatMap(({ cost }) => (cost === null ? [] : [cost])),
    ...(refused.length > 0 && { notReworded: countBy(refused) }),
    ...(standbys && { standbys }),
    unanswered: Object.fromEntries(unanswered.map(({ reason, cases }) => [reason, cases])),
    ...(messages.length > 0 && { because: Object.fromEntries(messages) }),
  };
}

/** A case without a score is a failure: it must neither count as 0 nor be left out. */
function readScore({ scores, unanswered }: CaseResult, dimension: string): Score {
  return (
    (Object.hasOwn(scores, dimension) ? scores[dimension] : undefined) ?? {
      kind: 'failed',
      reason: unanswered ?? 'not measured',
    }
  );
}

function scoresBy(results: readonly CaseResult[], dimension: string): ReadonlyMap<string, Score> {
  return new Map(results.map((result) => [result.id, readScore(result, dimension)]));
}

function findLowest(
  scores: readonly Score[],
): { readonly score: number; readonly cases: number } | null {
  const values = scores.flatMap((score) => (score.kind === 'scored' ? [score.value] : []));
  if (values.length === 0) return null;
  const score = values.reduce((least, value) => Math.min(least, value));
  return { score, cases: values.filter((value) => value === score).length };
}

function verdictsIn(scores: readonly Score[]): { readonly cases: number; readonly right: number } {
  const values = scores.flatMap((score) => (score.kind === 'scored' ? [score.value] : []));
  return { cases: values.length, right: values.filter((value) => value === 1).length };
}

function countAnswerers(results: readonly CaseResult[]): readonly AnswererCount[] {
  const counts = new Map<string, AnswererCount>();
  for (const { by } of results) {
    if (!by) continue;
    const name = JSON.stringify([by.provider, by.model, by.standsIn]);
    counts.set(name, { ...by, cases: (counts.get(name)?.cases ?? 0) + 1 });
  }
  return [...counts]
    .sort(([a, x], [b, y]) => y.cases - x.cases || (a < b ? -1 : 1))
    .map(([, count]) => count);
}

function countBy(reasons: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
