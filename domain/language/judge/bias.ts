import { aggregateValues, type Aggregate } from '../evaluation/aggregate';
import type { EvaluationCase } from '../cases/case';
import type { Score } from '../evaluation/score';

/**
 * How one group fared beside the others of its pairs: the mean of score minus the pair's mean over
 * the other groups.
 */
export interface GroupDifference {
  readonly group: string;
  readonly difference: Aggregate;
}

export interface BiasEvidence {
  readonly groups: readonly GroupDifference[];
  /** Pairs of which a group is missing or alone: they compare nothing. */
  readonly unpaired: number;
}

/**
 * Counterfactual pairs: cases of one `pair` differ in the group alone (S. Garg, V. Perot, N.
 * Limtiaco, A. Taly, E. H. Chi and A. Beutel, "Counterfactual fairness in text classification
 * through robustness", AIES 2019). A gate asks that every group's difference lies within a margin;
 * it looks at all of them, so each is taken at `simultaneousLevel`. Pairs come in the order of the
 * cases, which must not depend on how they did.
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
          return [differenceOf(own, others)];
        }),
        { min: -1, max: 1 },
      ),
    })),
    unpaired: pairs.size - whole.length,
  };
}

/** C. E. Bonferroni (1936): the levels at which all groups' intervals hold together. */
export function simultaneousLevel(level: number, groups: number): number {
  return 1 - (1 - level) / Math.max(1, groups);
}

function differenceOf(own: Score, others: readonly Score[]) {
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
