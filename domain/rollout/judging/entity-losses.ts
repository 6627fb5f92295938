import { noTotal, type ClusterTotal } from '../../statistics/cluster-sequence';
import type { RolloutPolicy } from '../policy';

/**
 * The answers of one arm to one entity in one step. Each day with labels counts once, with the mean
 * loss of its answers. So an entity has a bounded weight, however many requests it sends.
 */
export interface EntityLosses {
  readonly step: number;
  /** Days before the latest one, and the sum of their mean losses. */
  readonly days: number;
  readonly loss: number;
  /** The latest day as in `Calendar`, its labels and the sum of their losses. */
  readonly day: number;
  readonly labels: number;
  readonly sum: number;
}

/** How one more label changes the totals of an entity, and the mean of its day. */
export interface EntityChange {
  /** Change in all serving steps, weighted. */
  readonly serving: TotalChange;
  /** Change in the step of the answer, weighted. */
  readonly step: TotalChange;
  readonly ofDay: ClusterTotal;
}

interface TotalChange {
  readonly before: ClusterTotal;
  readonly after: ClusterTotal;
}

export interface ArmLoss {
  readonly step: number;
  readonly day: number;
  readonly loss: number;
}

/** Weight of an answer by the arm and the step that gave it. */
export type StepWeight = (step: number) => number;

/**
 * Shares of entities differ from step to step. With the weights 1/p and 1/(1 − p), each arm stands
 * for all traffic of a step (D. G. Horvitz and D. J. Thompson, JASA 47 (1952)). Each step in turn
 * counts by p(1 − p), which is the inverse of its variance (F. Li, K. L. Morgan and A. M. Zaslavsky,
 * JASA 113 (2018)). Together, an answer of the challenger weighs 1 − p, one of the champion p. Both
 * are known before the answer, and the arms have equal parts of each day. The shares of an A/B
 * rollout never change, so every answer weighs 1.
 */
export function stepWeight(
  { method, steps }: Pick<RolloutPolicy, 'method' | 'steps'>,
  arm: 'champion' | 'challenger',
): StepWeight {
  if (method === 'ab') return () => 1;
  return (step) => {
    const share = (steps[step] ?? 0) / 100;
    // Without a control, answers compare nothing.
    if (share === 0 || share === 1) return 0;
    return arm === 'challenger' ? 1 - share : share;
  };
}

/**
 * Adds one labelled answer to an entity.
 * @param known the entity's losses in this arm, at most one for each step
 */
export function addLoss(
  known: readonly EntityLosses[],
  { step, day, loss }: ArmLoss,
  weightOf: StepWeight,
): { readonly after: EntityLosses; readonly change: EntityChange } {
  const before = known.find((each) => each.step === step);
  const after = growEntity(before ?? { step, day, days: 0, loss: 0, labels: 0, sum: 0 }, day, loss);
  const others = known.filter((each) => each !== before).map((each) => weighEntity(each, weightOf));
  const [was, is] = [
    before === undefined ? noTotal : weighEntity(before, weightOf),
    weighEntity(after, weightOf),
  ];
  const isSameDay = before?.day === day && before.labels > 0;
  const meanBefore = isSameDay ? before.sum / before.labels : 0;
  const weight = weightOf(step);
  return {
    after,
    change: {
      serving: { before: sumTotals([...others, was]), after: sumTotals([...others, is]) },
      step: { before: was, after: is },
      ofDay: {
        weight: isSameDay ? 0 : weight,
        sum: weight * (after.sum / after.labels - meanBefore),
      },
    },
  };
}

function growEntity(entity: EntityLosses, day: number, loss: number): EntityLosses {
  if (entity.day === day) return { ...entity, labels: entity.labels + 1, sum: entity.sum + loss };
  const { days, loss: closed } = sumAllDays(entity);
  return { step: entity.step, days, loss: closed, day, labels: 1, sum: loss };
}

/** All days, the latest included. */
function sumAllDays({ days, loss, labels, sum }: EntityLosses): {
  readonly days: number;
  readonly loss: number;
} {
  return labels === 0 ? { days, loss } : { days: days + 1, loss: loss + sum / labels };
}

function weighEntity(entity: EntityLosses, weightOf: StepWeight): ClusterTotal {
  const { days, loss } = sumAllDays(entity);
  const weight = weightOf(entity.step);
  return { weight: weight * days, sum: weight * loss };
}

function sumTotals(totals: readonly ClusterTotal[]): ClusterTotal {
  return totals.reduce(
    (sum, each) => ({ weight: sum.weight + each.weight, sum: sum.sum + each.sum }),
    noTotal,
  );
}
