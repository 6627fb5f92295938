import { aggregateValues, type Aggregate } from '../evaluation/aggregate';
import type { EvaluationCase } from '../cases/case';
import type { Score } from '../evaluation/score';

/** The mean difference between a group's score and the mean score of the others in its pairs. */
export interface GroupDifference {
  readonly group: string;
  readonly difference: Aggregate;
}

export interface BiasEvidence {
  readonly groups: readonly GroupDifference[];
  /** Pairs with a single group, which cannot be compared. */
  readonly unpaired: number;
}

/**
 * Counterfactual pairs: cases with the same `pair` differ only in the group (S. Garg, V. Perot,
 * N. Limtiaco, A. Taly, E. H. Chi and A. Beutel, "Counterfactual fairness in text classification
 * through robustness", AIES 2019). A gate requires every difference to be within a margin, so each
 * is bounded at `simultaneousLevel`. The order of the pairs must not depend on their scores.
 */
export function measureBias(
  scored: readonly {
    readonly case: Pick<EvaluationCase, 'pair' | 'group'>;
    readonly score: Score;
  }[],
): BiasEvidence {
  const pairs = new Map<string, Map<string, Score>>();
  for (const { case: of, score } of scored) {
    if (of.pair === null || of.group === null || score.kind === 'notApplicable') continue;
    const members = pairs.get(of.pair) ?? new Map<string, Score>();
    members.set(of.group, score);
    pairs.set(of.pair, members);
  }
  const whole = [...pairs].filter(([, members]) => members.size > 1);
  const names = [...new Set(whole.flatMap(([, members]) => [...members.keys()]))].sort();
  return {
    groups: names.map((group) => ({
      group,
      difference: aggregateValues(
        whole.flatMap(([, members]) => {
          const own = members.get(group);
          if (!own) return [];
          const others = [...members].filter(([name]) => name !== group).map(([, score]) => score);
          return [measureDifference(own, others)];
        }),
        { min: -1, max: 1 },
      ),
    })),
    unpaired: pairs.size - whole.length,
  };
}

/** The level at which the intervals of all groups hold together (C. E. Bonferroni, 1936). */
export function simultaneousLevel(level: number, groups: number): number {
  return 1 - (1 - level) / Math.max(1, groups);
}

function measureDifference(own: Score, others: readonly Score[]) {
  const ends = (score: Score) =>
    (score.kind === 'scored' ? [score.value, score.value] : [0, 1]) as readonly [number, number];
  const mean = (side: 0 | 1) =>
    others.reduce((sum, score) => sum + ends(score)[side], 0) / others.length;
  const failed = [own, ...others].find((score) => score.kind === 'failed');
  return {
    low: ends(own)[0] - mean(1),
    high: ends(own)[1] - mean(0),
    ...(failed ? { failure: failed.reason } : {}),
  };
}
